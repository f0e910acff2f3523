"""A small proxy in front of a service, which also serves files of a page under /app/.

It counts what passes, and can hold the service's answers back or answer in its place, as proxies
do. The service sees the host that the browser named.
"""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import urlsplit

TYPES = {"html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8"}
_SECONDS = 60  # a test that waits as long has failed


class Held:
    """An answer that is held back: `arrived` when the service has given it, then `release()`d.

    `sent` is set when the front is done with it, whether or not the client was still there.
    """

    def __init__(self):
        self.arrived, self.released, self.sent = Event(), Event(), Event()
        self.release = self.released.set


class Front:
    """What passed through the front, and what it does with the next requests."""

    def __init__(self, base: str, service: str, files: dict[str, str]):
        self.base, self.service, self.files = base, service, files
        self.seen: list[tuple[str, str, int]] = []
        self.bodies: list[bytes] = []
        self._holding: dict[str, Held] = {}
        self._instead: dict[str, tuple[int, dict[str, str]]] = {}

    def hold(self, path: str) -> Held:
        """Hold back the service's next answer at this path."""
        self._holding[path] = held = Held()
        return held

    def answer(self, path: str, status: int, **headers: str):
        """Answer the next request to this path in the service's place."""
        self._instead[path] = (status, headers)

    def count(self, path: str) -> int:
        """Return how many requests went to this path, preflights not counted."""
        return sum(path == each for method, each, _ in self.seen if method != "OPTIONS")

    def handle(self, request: BaseHTTPRequestHandler):
        """Answer one request."""
        path = urlsplit(request.path).path
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        name = path.removeprefix("/app/")
        if path.startswith("/app/"):
            found = self.files.get(name)
            kind = TYPES[name.rpartition(".")[2]]
            _write(request, 404 if found is None else 200, [("Content-Type", kind)], (found or "").encode())
            return
        if path in self._instead:
            status, named = self._instead.pop(path)
            headers, content = list(named.items()), b""
        else:
            status, headers, content = self._forward(request, body)
        self.seen.append((request.command, path, status))
        self.bodies.append(body)
        held = self._holding.pop(path, None)
        if held is not None:
            held.arrived.set()
            assert held.released.wait(_SECONDS)
        try:
            with suppress(ConnectionError):  # the client may have left
                _write(request, status, headers, content)
        finally:
            if held is not None:
                held.sent.set()

    def _forward(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.service).netloc, timeout=_SECONDS)
        try:
            headers = {name: text for name, text in request.headers.items() if name.lower() not in _HOP_BY_HOP}
            connection.request(request.command, request.path, body or None, headers)
            response = connection.getresponse()
            passed = [(name, text) for name, text in response.getheaders() if name.lower() not in _HOP_BY_HOP]
            return response.status, passed, response.read()
        finally:
            connection.close()


_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


def _write(request: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], content: bytes):
    request.send_response(status)
    for name, text in headers:
        request.send_header(name, text)
    if status != 204:
        request.send_header("Content-Length", str(len(content)))
    request.end_headers()
    request.wfile.write(content)


@contextmanager
def front(service: str, files: dict[str, str], host: str = "127.0.0.1") -> Iterator[Front]:
    """Run a Front of this service on a free port and yield it; browsers name it by `host`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            found.handle(self)

        do_POST = do_DELETE = do_OPTIONS = do_GET  # noqa: N815

        def log_message(self, *arguments):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True  # a browser keeps connections open

        def handle_error(self, request, client_address):
            """Say nothing of clients that leave."""

    server = Server(("127.0.0.1", 0), Handler)
    found = Front(f"http://{host}:{server.server_port}", service, files)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
