"""The service behind the transport of an HTTP client, and a clock that both read."""

from datetime import UTC, datetime, timedelta

from config.handler import Handler

BASE = "http://testserver"
NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
OBTAIN, REFRESH, LOGOUT = "/api/token/", "/api/token/refresh/", "/api/token/logout/"
ROTATE, REVOKE = "/api-token-auth/new/", "/api-token-auth/revoke/"
THREADS = 16


class Wire:
    """A transport that carries requests to the service and notes them.

    The next response to the path `loses` does not arrive.
    """

    def __init__(self, httpx):
        self._httpx = httpx
        self._service = httpx.WSGITransport(Handler())
        self.sent: list[tuple[str, int]] = []  # (path, status)
        self.loses = ""

    def handle_request(self, request):
        response = self._service.handle_request(request)
        response.read()
        self.sent.append((request.url.path, response.status_code))
        if request.url.path == self.loses:
            self.loses = ""
            raise self._httpx.ReadError("the connection is gone", request=request)
        return response


class Clock:
    """A clock that stands still, for client and service.

    `pass_` moves the service's time, and with `awake` the client's.
    """

    def __init__(self, traveller):
        self._traveller = traveller
        self.monotonic = 1000.0  # seconds

    def pass_(self, awake: bool = True, **time):
        self._traveller.shift(timedelta(**time))
        self.monotonic += timedelta(**time).total_seconds() * awake


def who(client) -> str:
    """Return the scheme that lets the client in as ada."""
    response = client.get("/whoami/")
    assert response.status_code == 200, response.text
    assert response.json()["username"] == "ada"
    return response.json()["scheme"]
