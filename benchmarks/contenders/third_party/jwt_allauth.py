"""django-jwt-allauth: SimpleJWT's stateless class, and a whitelist of refresh tokens."""

import secrets

from benchmarks.contenders.candidate import Candidate

JWT_ALLAUTH = Candidate(
    name="django-jwt-allauth",
    keyword="Bearer",
    authentication="jwt_allauth.authentication.JWTAllAuthAuthentication",
    issue="benchmarks.contenders.third_party.jwt_allauth.issue",
    summary="django-jwt-allauth: SimpleJWT's access token without a query; refresh tokens on a whitelist",
    package="django-jwt-allauth",
    apps=(
        "allauth",
        "allauth.account",
        "jwt_allauth",
        "benchmarks.contenders.third_party.jwt_allauth_tables",
    ),
    middleware=("allauth.account.middleware.AccountMiddleware",),
    settings=lambda: {"JWT_ALLAUTH_SECRET_KEY": secrets.token_urlsafe(48)},  # it warns without
)


def issue(user) -> str:
    from jwt_allauth.tokens.app_settings import RefreshToken

    return str(RefreshToken.for_user(user).access_token)
