"""django-allauth headless: session token and JWT, read by its two classes for DRF."""

from benchmarks.contenders.candidate import Candidate

_APPS = ("allauth", "allauth.account", "allauth.headless")
_MIDDLEWARE = ("allauth.account.middleware.AccountMiddleware",)  # allauth.account does not start without


def _settings() -> dict:
    """Return a key for RS256, allauth's default algorithm, which has no default key."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {"HEADLESS_JWT_PRIVATE_KEY": pem.decode(), "HEADLESS_JWT_ACCESS_TOKEN_EXPIRES_IN": 24 * 60 * 60}


SESSION = Candidate(
    name="allauth-session",
    keyword="",
    authentication="allauth.headless.contrib.rest_framework.authentication.XSessionTokenAuthentication",
    issue="benchmarks.contenders.sessions.issue_stored",
    summary="django-allauth headless: key of a Django session in X-Session-Token; session and user read",
    header="HTTP_X_SESSION_TOKEN",
    refusal=403,
    package="django-allauth",
    apps=_APPS,
    middleware=_MIDDLEWARE,
)

JWT = Candidate(
    name="allauth-jwt",
    keyword="Bearer",
    authentication="allauth.headless.contrib.rest_framework.authentication.JWTTokenAuthentication",
    issue="benchmarks.contenders.third_party.allauth.issue_jwt",
    summary="django-allauth headless: RS256 JWT, user read on each request, session not looked at",
    package="django-allauth",
    apps=_APPS,
    middleware=_MIDDLEWARE,
    settings=_settings,
)


def issue_jwt(user) -> str:
    from allauth.headless.internal.sessionkit import session_store
    from allauth.headless.tokens.strategies.jwt.internal import create_access_token

    from benchmarks.contenders.sessions import issue_stored

    return create_access_token(user, session_store(issue_stored(user)), claims={})
