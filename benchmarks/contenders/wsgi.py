"""Requests as WSGI has them, the handler that answers them, and its answers."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from urllib.parse import urlsplit

from config.handler import Handler as ServiceHandler

URLCONF = "benchmarks.urlconf"  # key of the WSGI environ
_NO_BODY = io.BytesIO()


class Handler(ServiceHandler):
    """The service's handler, with the URLconf of each environ: it serves all contenders."""

    def request_class(self, environ):
        request = super().request_class(environ)
        request.urlconf = environ[URLCONF]
        return request


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's status code and its body."""

    status: int
    body: bytes


def request(urlconf: ModuleType | str, method: str, url: str, headers: Mapping[str, str]) -> dict:
    """Return the WSGI environ of a request without a body."""
    parts = urlsplit(url)
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_ACCEPT": "*/*",
        "HTTP_USER_AGENT": "benchmarks",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": _NO_BODY,
        "wsgi.errors": None,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        URLCONF: urlconf,
        **headers,
    }


def ask(handler: Handler, environ: dict) -> Answer:
    """Return what the handler answers."""
    statuses = []
    response = handler(environ, lambda status, headers, exc_info=None: statuses.append(status))
    try:
        body = b"".join(response)
    finally:
        response.close()
    return Answer(int(statuses[0].split()[0]), body)
