"""Requests as WSGI has them, the handler that answers them, and its answers."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from urllib.parse import urlsplit

from config.handler import Handler as ServiceHandler

URLCONF = "benchmarks.urlconf"  # key of the WSGI environ
ORIGIN = "http://127.0.0.1:8000"  # of these requests
_NO_BODY = io.BytesIO()


class Handler(ServiceHandler):
    """The service's handler, with the URLconf of each environ: it serves all contenders."""

    def request_class(self, environ):
        request = super().request_class(environ)
        request.urlconf = environ[URLCONF]
        return request


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer's status code, its body and its header fields."""

    status: int
    body: bytes
    headers: Sequence[tuple[str, str]] = ()

    def cookie(self, name: str) -> str | None:
        """Return the value that the answer gives this cookie, or None."""
        begin = f"{name}="
        set_cookies = (text.lstrip() for field, text in self.headers if field == "Set-Cookie")
        texts = [text for text in set_cookies if text.startswith(begin)]
        return texts[-1].removeprefix(begin).partition(";")[0] if texts else None


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
    started = []
    response = handler(environ, lambda status, headers, exc_info=None: started.append((status, headers)))
    try:
        body = b"".join(response)
    finally:
        response.close()
    status, headers = started[0]
    return Answer(int(status.split()[0]), body, headers)
