"""Every command starts granian alike; what granian accepts and refuses over raw sockets."""

import json
import re
import shlex
import socket
import sys
import urllib.request
from contextlib import nullcontext
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import benchmarks.servers.server
from config import server
from tests.support import servers

pytestmark = pytest.mark.once

LIMIT = 16_384  # bytes of a header section


def command_lines(port: int) -> list[list[str]]:
    """Return the command lines of all processes that were started with this port."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:  # the process has ended
            continue
        if str(port) in words:
            found.append(words)
    return found


def assert_flags(command: list[str]):
    assert shlex.join(server.FLAGS) in shlex.join(command)


def test_the_guides_unit_starts_granian_with_the_same_flags():
    (line,) = re.findall(r"^ExecStart=(.*)$", (servers.ROOT / "docs/how-to/deploy.md").read_text(), re.MULTILINE)
    assert " -m config.server " in line


def test_the_documented_start_has_these_flags_and_passes_options_on(tmp_path):
    port = servers.free_port()
    command = [sys.executable, "-m", "config.server", "--workers-kill-timeout", "7"]
    switches = {"GRANIAN_PORT": str(port), "DATABASE_URL": f"sqlite:///{tmp_path}/a.sqlite3"}
    with servers.started(command, f"http://127.0.0.1:{port}", **switches):
        found = command_lines(port)
        assert found
        for each in found:
            assert_flags(each)
            assert shlex.join(command[3:]) in shlex.join(each)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::1"])
def test_the_documented_start_refuses_a_port_on_which_somebody_listens(tmp_path, host):
    with servers.granian(DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3") as base:
        port = urlsplit(base).port
        with socket.create_server(("::1", port), family=socket.AF_INET6) if host == "::1" else nullcontext():
            done = servers.run_cold("-m", "config.server", "--host", host, "--port", str(port))
    assert done.returncode != 0
    assert done.stderr.splitlines() == [f"error: cannot listen on {host} port {port}: Address already in use"]


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc here")
@pytest.mark.parametrize("start", [servers.logged_granian, servers.demo])
def test_a_running_server_has_these_flags(tmp_path, start):
    with start(DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3") as (base, _):
        found = command_lines(urlsplit(base).port)
        assert found
        for command in found:
            assert_flags(command)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="no /proc here")
def test_what_the_lab_times_is_served_with_these_flags(tmp_path):
    environment = servers.environment(DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3")
    with benchmarks.servers.server.started("granian", "config.wsgi:application", environment, None) as running:
        assert json.loads(running.first_answer("/health/")) == {"status": "ok"}
        found = command_lines(running.port)
        assert found
        for command in found:
            assert_flags(command)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Yield the host and the port of a running server."""
    with servers.granian(DATABASE_URL=f"sqlite:///{tmp_path_factory.mktemp('server')}/a.sqlite3") as base:
        yield urlsplit(base).hostname, urlsplit(base).port


def answer(place: tuple[str, int], data: bytes) -> bytes:
    """Return all that the server sends until it closes the connection."""
    received = b""
    with socket.create_connection(place, timeout=30) as connection:
        try:
            connection.sendall(data)
            while part := connection.recv(65536):
                received += part
        except ConnectionError:  # the server closed without reading everything
            pass
    return received


def header_section(size: int) -> bytes:
    """Return a request with a header section of this many bytes, the request line included."""
    head = b"GET /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nX-Filler: "
    return head + b"a" * (size - len(head) - 4) + b"\r\n\r\n"


@pytest.mark.parametrize(("size", "status"), [(LIMIT, 200), (LIMIT + 1, 431), (2 * LIMIT, 431)])
def test_a_header_section_has_so_many_bytes_at_most(place, size, status):
    assert answer(place, header_section(size)).startswith(f"HTTP/1.1 {status} ".encode())


def test_a_body_may_be_larger_than_a_header_section(place):
    body = b"username=" + b"a" * 2 * LIMIT
    head = b"POST /api-token-auth/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    head += b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert b'{"password":["This field is required."]}' in answer(place, head + body)


def test_http_2_is_not_spoken_in_the_clear(place):
    settings_frame = bytes(3) + b"\x04" + bytes(5)  # RFC 9113 3.4 and 6.5
    received = answer(place, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings_frame)
    assert received == b"" or received.startswith(b"HTTP/1.1 4")


# --- an address with colons, and the log as JSON --------------------------------------------------


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")
def test_the_demo_on_an_address_with_colons_prints_urls_that_can_be_asked(tmp_path):
    with servers.demo(host="::1", DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3") as (base, output):
        assert base.startswith("http://[::1]:")
        printed = output.read_text()
        urls = re.findall(r"http://[^\s|)\"',?]+", printed)
        assert len(urls) > 5
        assert {url for url in urls if not url.startswith(f"{base}/")} == set()
        with urllib.request.urlopen(f"{base}/") as response:
            assert json.load(response)["endpoints"]


def test_with_log_format_json_every_line_is_an_object_and_granians_are_too(tmp_path):
    switches = {"LOG_FORMAT": "json", "DATABASE_URL": f"sqlite:///{tmp_path}/a.sqlite3"}
    switches |= {"GRANIAN_LOG_CONFIG": str(server.JSON_LINES), "GRANIAN_LOG_ACCESS_ENABLED": "true"}
    with servers.logged_granian(level="info", **switches) as (base, output):
        urllib.request.urlopen(f"{base}/health/?x=%22%0a").close()
    records = [json.loads(line) for line in output.read_text().splitlines()]
    assert all({"timestamp", "level", "logger", "message"} <= record.keys() for record in records)
    own = [record["message"] for record in records if record["logger"].partition(".")[0] == "_granian"]
    for words in ("Starting granian", "Listening at: ", "Spawning worker-1", "Started worker-1", "Shutting down"):
        assert any(message.startswith(words) for message in own), words
    access = [record["message"] for record in records if record["logger"] == "granian.access"]
    assert any('"GET /health/ HTTP/1.1" 200' in message for message in access)


def test_the_lines_of_granians_workers_follow_log_format_by_themselves(tmp_path):
    switches = {"LOG_FORMAT": "json", "GRANIAN_LOG_ACCESS_ENABLED": "true"}
    with servers.logged_granian(DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3", **switches) as (base, output):
        urllib.request.urlopen(f"{base}/health/").close()  # granian has then logged the previous request
    lines = [line for line in output.read_text().splitlines() if "GET /health/" in line]
    assert lines
    assert {json.loads(line)["logger"] for line in lines} == {"granian.access"}


def test_the_demo_logs_as_json_by_the_switch_alone(tmp_path):
    switches = {"LOG_FORMAT": "json", "GRANIAN_BLOCKING_THREADS": "64"}  # granian warns about so many threads
    with servers.demo(DATABASE_URL=f"sqlite:///{tmp_path}/a.sqlite3", **switches) as (_, output):
        pass
    logged = [json.loads(line) for line in output.read_text().splitlines() if "Python threads" in line]
    assert [(record["logger"], record["level"]) for record in logged] == [("_granian", "WARNING")]
