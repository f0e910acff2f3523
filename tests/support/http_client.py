"""A client of a real server, and the user it logs in as."""

import http.client
import json

USER, PASSWORD = "ada", "correct horse battery"


MAKE_USER = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_user({USER!r}, password={PASSWORD!r})
"""


class Client:
    """One kept connection."""

    def __init__(self, address: str):
        self._connection = http.client.HTTPConnection(address, timeout=60)
        self._connection.connect()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._connection.close()

    def post(self, path: str, body: dict | None = None, **headers: str) -> tuple[int, dict]:
        return self.request("POST", path, body or {}, **headers)

    def request(self, method: str, path: str, body: dict | None = None, **headers: str) -> tuple[int, dict]:
        text = None if body is None else json.dumps(body)
        self._connection.request(method, path, text, {"Content-Type": "application/json", **headers})
        response = self._connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else {}
