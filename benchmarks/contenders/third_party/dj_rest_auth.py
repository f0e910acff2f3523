"""dj-rest-auth, which replaced django-rest-auth: SimpleJWT's access token in a cookie."""

from benchmarks.contenders.candidate import Candidate

COOKIE = "access"

DJ_REST_AUTH = Candidate(
    name="dj-rest-auth",
    keyword=COOKIE,
    authentication="dj_rest_auth.jwt_auth.JWTCookieAuthentication",
    issue="benchmarks.contenders.third_party.dj_rest_auth.issue",
    summary="dj-rest-auth: SimpleJWT's access token in a cookie, user read on each request",
    header="HTTP_COOKIE",
    separator="=",
    package="dj-rest-auth",
    apps=("dj_rest_auth",),
    settings=lambda: {"REST_AUTH": {"USE_JWT": True, "JWT_AUTH_COOKIE": COOKIE}},
)


def issue(user) -> str:
    from dj_rest_auth.utils import jwt_encode

    access, _ = jwt_encode(user)
    return str(access)
