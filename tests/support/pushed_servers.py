"""Servers that answer `jwt-pushed`, and what a client sees of their memory."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from tests.support import servers

HIT, MISS, REFUSED = (200, True), (200, False), (401, False)  # status, and whether no statement was made


class Asker:
    """A client of one server, on a kept connection. The server says how long its queries took."""

    def __init__(self, base: str):
        self._connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=60)

    def ask(self, access: str) -> tuple[int, bool]:
        """Return the status of a request, and whether it was answered without a query."""
        self._connection.request("GET", "/whoami/", headers={"Authorization": f"Bearer {access}"})
        response = self._connection.getresponse()
        response.read()
        timing = dict(part.split(";dur=") for part in response.headers["Server-Timing"].split(", "))
        return response.status, response.status == 200 and float(timing["db"]) == 0

    def post(self, path: str, body: dict, access: str = "") -> tuple[int, dict]:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {access}" if access else ""}
        self._connection.request("POST", path, json.dumps(body), headers)
        response = self._connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else {}

    def close(self):
        self._connection.close()


@contextmanager
def asker(**switches: str) -> Iterator[Asker]:
    """Start a server of `jwt-pushed` alone, and yield a client of it."""
    switches = {
        "AUTH_SCHEMES": "jwt-pushed",
        "SERVER_TIMING": "on",
        "LOGIN_THROTTLE": "none",
        "JWT_ACCESS_LIFETIME": "1h",
        **switches,
    }
    with servers.granian(**switches) as base, closing(Asker(base)) as client:
        yield client


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> float:
    """Return the seconds until the condition held. Raise AssertionError if it does not in time."""
    begin = time.monotonic()
    while not condition():
        assert time.monotonic() < begin + seconds, f"the condition did not hold within {seconds} s"
        time.sleep(0.005)
    return time.monotonic() - begin
