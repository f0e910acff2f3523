"""What stands behind the servers and proxies: it answers with what has reached it.

The answer is a SHA-256 of the fields Authorization and DPoP. So a proxy that cuts a token or drops
a field does not pass for one that passes it on.
"""

import hashlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

FIELDS = ("authorization", "dpop")


def digest(values: dict[str, str]) -> str:
    """Return the digest of what these fields hold; `values` is by lower-case name."""
    return hashlib.sha256("\n".join(values.get(name, "") for name in FIELDS).encode("latin-1")).hexdigest()


def application(environ, start_response):
    """Answer as a WSGI application."""
    body = digest({name: environ.get(f"HTTP_{name.upper()}", "") for name in FIELDS}).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


async def asgi(scope, receive, send):
    """Answer as an ASGI application."""
    if scope["type"] != "http":
        return
    body = digest({name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}).encode()
    fields = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": body})


@contextmanager
def upstream() -> Iterator[int]:
    """Serve on a free port behind a proxy, with no limit of its own, and yield the port."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        Thread(target=_accept, args=(listener,), daemon=True).start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)


def _accept(listener: socket.socket):
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket):
    with connection:
        connection.settimeout(30)
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                read = connection.recv(1 << 20)
                if not read:
                    return
                head += read
            fields = (each.partition(":") for each in head.decode("latin-1").split("\r\n")[1:])
            body = digest({name.lower(): value.strip() for name, _, value in fields}).encode()
            connection.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nConnection: close\r\n"
                b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
            )
        except OSError:
            return
