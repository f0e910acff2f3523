"""A minimal HTTP/1.1 client over one TCP connection, which times each request (RFC 9112)."""

import re
import socket
import struct
from dataclasses import dataclass
from time import perf_counter_ns

LARGEST = 1 << 20  # bytes that one recv() takes

_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)[ \t]*(?=\r\n)", re.IGNORECASE)


class ProtocolError(OSError):
    """A malformed answer, or one that ends the connection."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer and its time.

    `status`       code and reason
    `size`         bytes of head and body
    `nanoseconds`  from before sending the request to the arrival of the answer's last byte
    """

    status: str
    body: bytes
    size: int
    nanoseconds: int


def get(target: str, *lines: str) -> bytes:
    """Return a GET of `target` with these header lines."""
    return "\r\n".join((f"GET {target} HTTP/1.1", *(lines or ("Host: 127.0.0.1",)), "", "")).encode("latin-1")


class Connection:
    """A kept connection to a port of this machine; a server that closes it is an error.

    `seconds`  the longest wait for an answer
    """

    def __init__(self, port: int, seconds: int = 30):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        # Python's own timeout would call poll() before each recv(), which takes as long.
        self._socket.settimeout(None)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", seconds, 0))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *error):
        self._socket.close()

    def exchange(self, request: bytes) -> Answer:
        """Send a request and return the answer. Raises ProtocolError, or the socket's OSError."""
        sock = self._socket
        start = perf_counter_ns()
        sock.sendall(request)
        received = sock.recv(LARGEST)
        end = perf_counter_ns()
        # Most answers come in one piece. They are parsed off the clock.
        while not (size := _size(received)) or len(received) < size:
            more = sock.recv(LARGEST)
            end = perf_counter_ns()
            if not more:
                raise ProtocolError("the server closed the connection")
            received += more
        head, _, body = received.partition(b"\r\n\r\n")
        if len(received) > size:
            raise ProtocolError(f"{len(received) - size} bytes more than Content-Length says")
        if b"\r\nconnection: close" in head.lower():
            raise ProtocolError("the server means to close the connection")
        version, _, status = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        if version != "HTTP/1.1":
            raise ProtocolError(f"answered in {version!r}, not HTTP/1.1")
        return Answer(status, body, size, end - start)


def _size(received: bytes) -> int:
    """Return the bytes of the whole answer; 0 until its head has ended. Raises ProtocolError."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return 0
    length = _LENGTH.search(received, 0, end + 2)
    if length is None:
        raise ProtocolError("an answer without Content-Length")
    return end + 4 + int(length[1])
