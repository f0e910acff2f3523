"""Requests of a browser that keeps the refresh token in the cookie."""

from tests.support.accounts import PASSWORD

OWN, FRIEND = "http://testserver", "http://localhost:5173"
NAME = "refresh_token"
REFRESH, LOGOUT = "/api/token/refresh/", "/api/token/logout/"


def log_in(api, origin: str = OWN, **fields):
    """Log in as ada with the cookie, which the client keeps."""
    body = {"username": "ada", "password": PASSWORD, "cookie": True} | fields
    return api.post("/api/token/", body, headers={"Origin": origin} if origin else {})


def post(api, path: str, body: dict | None = None, origin: str = OWN, **headers):
    """Send a request as the browser would from a page of this origin; empty: without Origin."""
    return api.post(path, body or {}, headers=headers | ({"Origin": origin} if origin else {}))


def carry(api, value: str, name: str = NAME):
    """Let the client send this cookie, and no other."""
    api.cookies.clear()
    api.cookies[name] = value


def is_deleted(response, name: str = NAME) -> bool:
    """Return True if the answer lets the browser delete the cookie where it was set."""
    morsel = response.cookies.get(name)
    return morsel is not None and morsel.value == "" and morsel["max-age"] == 0 and morsel["path"] == "/api/token/"
