"""Bodies over HTTP/2, on a granian that speaks it: no header has to announce a body there."""

import json
import socket
import struct
import sys

import pytest

from tests.support import servers

pytestmark = pytest.mark.once

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RESET, SETTINGS, END = 0, 1, 3, 4, 0x1  # RFC 9113 6; END_STREAM and ACK are the same bit
END_HEADERS = 0x4


@pytest.fixture(scope="module")
def port(tmp_path_factory):
    url = servers.migrated_sqlite(tmp_path_factory.mktemp("http2"))
    port = servers.free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--no-ws", "--http", "auto"]
    command += ["--log-level", "warning", "--host", "127.0.0.1", "--port", str(port), "config.wsgi:application"]
    with servers.started(command, f"http://127.0.0.1:{port}", DATABASE_URL=url):
        yield port


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def field(name: str, value: str) -> bytes:
    """Return a literal header field without indexing (RFC 7541 6.2.2).

    The texts must be shorter than 127 bytes.
    """
    return b"\0" + b"".join(bytes([len(text)]) + text.encode() for text in (name, value))


def ask(port: int, method: str, path: str, body: bytes | None, **headers: str) -> dict:
    """Send one request and return the JSON of its response.

    A body of None ends the request with its headers.
    """
    fields = {":method": method, ":scheme": "http", ":path": path, ":authority": "localhost"} | headers
    head = b"".join(field(name.replace("_", "-"), value) for name, value in fields.items())
    sent = PREFACE + frame(SETTINGS, 0, 0) + frame(HEADERS, END_HEADERS | (END if body is None else 0), 1, head)
    if body is not None:
        sent += frame(DATA, END, 1, body)
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection, connection.makefile("rb") as received:
        connection.sendall(sent)
        while True:
            length, kind, flags, stream = struct.unpack(">IBBI", b"\0" + received.read(9))
            payload = received.read(length)
            assert kind != RESET
            if stream == 1 and kind == DATA:
                answer += payload
            if stream == 1 and flags & END and kind in (DATA, HEADERS):
                return json.loads(answer)


NO_LENGTH = {"detail": "A body needs a Content-Length."}
JSON = {"content_type": "application/json"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET"])
def test_a_body_over_http_2_that_states_no_length_is_refused_and_not_dropped(port, method):
    assert ask(port, method, "/api/token/verify/", b'{"token": "x"}', **JSON) == NO_LENGTH


def test_a_request_over_http_2_is_answered_with_a_stated_length_and_without_a_body(port):
    body = b'{"token": "x"}'
    assert (
        ask(port, "POST", "/api/token/verify/", body, content_length=str(len(body)), **JSON)["code"]
        == "token_not_valid"
    )
    assert ask(port, "POST", "/api/token/verify/", None) == {"token": ["This field is required."]}
    assert ask(port, "POST", "/api/token/verify/", b"") == {"token": ["This field is required."]}
    assert ask(port, "GET", "/health/", None) == {"status": "ok"}
