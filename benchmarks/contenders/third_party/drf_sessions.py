"""drf-sessions: a JWT for each request and a row for each login, which every request reads."""

from datetime import timedelta

from benchmarks.contenders.candidate import Candidate

_APPS = ("drf_sessions",)


def _settings() -> dict:
    return {"DRF_SESSIONS": {"ACCESS_TOKEN_TTL": timedelta(days=1)}}


DRF_SESSIONS = Candidate(
    name="drf-sessions",
    keyword="Bearer",
    authentication="drf_sessions.auth.BearerAuthentication",
    issue="benchmarks.contenders.third_party.drf_sessions.issue",
    summary="drf-sessions: HS256 JWT that names a row; session and user in one query",
    package="drf-sessions",
    apps=_APPS,
    settings=_settings,
)

COOKIE = Candidate(
    name="drf-sessions-cookie",
    keyword="token",
    authentication="drf_sessions.auth.CookieAuthentication",
    issue="benchmarks.contenders.third_party.drf_sessions.issue_cookie",
    summary="drf-sessions: the same token in a cookie",
    header="HTTP_COOKIE",
    separator="=",
    package="drf-sessions",
    apps=_APPS,
    settings=_settings,
)


def issue(user) -> str:
    from drf_sessions.services import SessionService

    return SessionService.create_header_session(user).access_token


def issue_cookie(user) -> str:
    from drf_sessions.services import SessionService

    return SessionService.create_cookie_session(user).access_token
