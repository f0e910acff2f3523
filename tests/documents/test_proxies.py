"""The proxies of docs/how-to/deploy.md run as the page has them, in front of a real service."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support import certificates, processes, servers
from tests.support.transcripts import blocks, page

pytestmark = pytest.mark.once

DEPLOY, TWO = page("docs/how-to/deploy.md"), page("docs/how-to/two-machines.md")
NAMES = ("nginx", "haproxy", "caddy")
HOST = "tracks.example.org"
UPSTREAM = "127.0.0.1:8000"
# What names the machines of the service in each file.
MACHINES = {
    "nginx": r"^upstream tracks \{.*?^\}\n",
    "haproxy": r"^backend tracks\n.*\Z",
    "caddy": r"^    reverse_proxy .*?^    \}\n",
}
LIMIT = 256 * 1024  # bytes
DEAD = {"Authorization": f"Token {'a' * 40}"}

MAKE_USER = """
from django.contrib.auth import get_user_model
get_user_model().objects.create_superuser("ada", password="correct horse battery")
"""
GOOD = {"username": "ada", "password": "correct horse battery"}


def on_two(name: str) -> str:
    """Return the proxy's file with the machines of the page about two."""
    ((one,), (two,)) = blocks(name, DEPLOY), blocks(name, TWO)
    text, count = re.subn(MACHINES[name], lambda match: two, one, flags=re.MULTILINE | re.DOTALL)
    assert count == 1
    return text


def written(name: str, text: str, port: int, folder: Path) -> list[str | Path]:
    """Write a proxy's file, changed to listen on this port and to run without root.

    Return the command that starts it.
    """
    text = re.sub(r"/etc/(?:tracks|caddy)", str(folder), text)
    file = folder / name
    if name == "nginx":
        folders = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        paths = "".join(f"{each}_temp_path {folder}/{each};\n" for each in folders)
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
        text = f"http {{\naccess_log off;\n{paths}{text}\n}}\n"
        # Otherwise its workers could not write to folders of root.
        user = "user root;\n" if os.geteuid() == 0 else ""
        file.write_text(f"{user}pid {folder}/pid;\nerror_log stderr;\ndaemon off;\nevents {{}}\n{text}")
        return ["nginx", "-c", file]
    if name == "haproxy":
        file.write_text(text.replace("bind :443", f"bind 127.0.0.1:{port}"))
        return ["haproxy", "-db", "-f", file]
    text = text.replace(f"\n{HOST} {{", f"\n{HOST}:{port} {{").replace("{\n", "{\n    admin off\n", 1)
    file.write_text(text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", file]


@contextmanager
def running(name: str, text: str, folder: Path) -> Iterator[httpx.Client]:
    """Start a proxy with this file, and yield a client that speaks to it."""
    certificates.write(folder, HOST)
    port = servers.free_port()
    command = written(name, text, port, folder)
    output = folder / "output"
    environment = servers.environment(HOME=str(folder), XDG_DATA_HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    verify = ssl.create_default_context(cafile=folder / "tls.pem")
    with (
        output.open("w") as stream,
        processes.group(command, env=environment, stdout=stream, stderr=subprocess.STDOUT) as process,
    ):
        end = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 5).close()
                break
            except OSError:
                assert process.poll() is None, output.read_text()
                assert time.monotonic() < end, output.read_text()
                time.sleep(0.05)
        with Named(port, verify=verify, timeout=60) as client:
            yield client
        process.terminate()
        process.wait(30)


class Named(httpx.Client):
    """A client that connects to this machine and names another, in TLS and in Host."""

    def __init__(self, port: int, **options):
        super().__init__(base_url=f"https://127.0.0.1:{port}", headers={"Host": HOST}, **options)
        self.port = port

    def request(self, method, url, **options):
        return super().request(method, url, **{**options, "extensions": {"sni_hostname": HOST}})

    def raw(self, head: bytes) -> ssl.SSLSocket:
        """Return a connection on which these bytes were sent."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        found = context.wrap_socket(socket.create_connection(("127.0.0.1", self.port), 60), server_hostname=HOST)
        found.sendall(head)
        return found


def skip_without(name: str):
    if not shutil.which(name):
        pytest.skip(f"no {name} here (Debian: apt-get install {name})")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Start the service as deploy.md configures it. Yield its address, its log and its file."""
    folder = tmp_path_factory.mktemp("service")
    url = servers.migrated_sqlite(folder)
    made = servers.run("manage.py", "shell", "--verbosity", "0", "-c", MAKE_USER, DATABASE_URL=url, **servers.QUICK)
    assert made.returncode == 0, made.stderr
    assert servers.run("manage.py", "load_tracks", DATABASE_URL=url).returncode == 0
    switches = {"NUM_PROXIES": "1", "HTTPS_ONLY": "on", "ALLOWED_HOSTS": f"{HOST},127.0.0.1", "LOGIN_THROTTLE": "none"}
    with servers.logged_granian(DATABASE_URL=url, **servers.QUICK, **switches) as (base, output):
        yield base.removeprefix("http://"), output, folder / "migrated.sqlite3"


@pytest.fixture(scope="module", params=NAMES)
def front(request, service, tmp_path_factory):
    """Yield a client of each proxy in front of the service."""
    skip_without(request.param)
    (text,) = blocks(request.param, DEPLOY)
    assert UPSTREAM in text
    folder = tmp_path_factory.mktemp(request.param)
    with running(request.param, text.replace(UPSTREAM, service[0]), folder) as client:
        yield client


def test_a_login_and_its_links_lead_to_the_host_and_port_of_the_request(front):
    login = front.post("/api/token/", data=GOOD)
    assert login.status_code == 200
    assert login.headers["Strict-Transport-Security"] == "max-age=31536000"
    bearer = {"Authorization": f"Bearer {login.json()['access']}"}
    for host in (HOST, f"{HOST}:8443"):
        answer = front.get("/tracks/?page_size=1", headers={**bearer, "Host": host})
        assert answer.json()["next"].startswith(f"https://{host}/tracks/?")


LIES = [
    {"X-Forwarded-For": "198.51.100.1"},
    {"X-Forwarded-For": "198.51.100.1, 198.51.100.2"},
    {"X-Forwarded-For": b"198.51.100.\xff"},
    {"X_Forwarded_For": "198.51.100.1"},
    {"x_forwarded-for": "198.51.100.1", "X-Forwarded-For": "198.51.100.2"},
    {"X_Forwarded_Proto": "http"},
    {"X-Forwarded-Proto": "http"},
]


@pytest.mark.parametrize("lie", LIES)
def test_a_client_chooses_neither_its_address_nor_its_scheme(front, service, lie):
    before = len(service[1].read_text())
    answer = front.post("/api/token/", data={**GOOD, "password": "wrong"}, headers=lie)
    assert answer.status_code == 401
    failed = re.findall(r"login\.failed .*", service[1].read_text()[before:])
    assert len(failed) == 1
    assert failed[0].endswith(" address=127.0.0.1")


@pytest.mark.parametrize("size", [LIMIT + 1, 299_999, 300_000, 1_000_000])
def test_a_body_over_the_limit_is_refused(front, size):
    answer = front.post("/api/token/", content=b"x" * size, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_a_body_below_the_limit_is_read(front):
    assert front.post("/api/token/", data={**GOOD, "password": "x" * (LIMIT - 1000)}).status_code in (400, 401)


def test_a_chunked_body_reaches_the_service_with_its_length_or_is_refused(front):
    parts = (b'{"username": "ada", ', b'"password": "correct horse battery"}')
    answer = front.post("/api/token/", content=iter(parts), headers={"Content-Type": "application/json"})
    assert answer.status_code in (200, 411)


def test_the_services_503_passes_with_its_body(front, service):
    file = service[2]
    file.rename(file.with_name("away"))
    try:
        answer = front.get("/whoami/", headers=DEAD)
        end = time.monotonic() + 60
        while (ready := front.get("/ready/")).status_code != 503:
            assert time.monotonic() < end
            time.sleep(0.1)
    finally:
        file.with_name("away").rename(file)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert answer.json() == {"detail": "The service is temporarily unavailable, please try again."}
    assert ready.json()["missing"] == ["database"]


class HangsUp:
    """A machine that is ready, reads a request and hangs up, as a worker that dies."""

    def __init__(self):
        self.heads: list[bytes] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                head = b""
                while b"\r\n\r\n" not in head and (read := connection.recv(65536)):
                    head += read
                self.heads.append(head)
                if head.startswith(b"GET /ready/ "):
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture(params=NAMES)
def dying(request, tmp_path):
    """Yield a client of each proxy on two machines that hang up, and those machines."""
    skip_without(request.param)
    with ExitStack() as stack:
        machines = [stack.enter_context(HangsUp()) for _ in range(2)]
        text = on_two(request.param)
        for number, machine in enumerate(machines, 11):
            assert f"10.0.0.{number}:8000" in text
            text = text.replace(f"10.0.0.{number}:8000", f"127.0.0.1:{machine.port}")
        yield stack.enter_context(running(request.param, text, tmp_path)), machines


def posts(machines: list[HangsUp], path: str) -> int:
    return sum(head.startswith(f"POST {path} ".encode()) for machine in machines for head in machine.heads)


def test_no_proxy_repeats_a_post(dying):
    client, machines = dying
    for number in range(3):
        answer = client.post(f"/{number}/", data=GOOD, headers={"Connection": "close"})
        assert answer.status_code == 502
        assert posts(machines, f"/{number}/") == 1


def test_a_name_with_an_underscore_reaches_no_machine(dying):
    client, machines = dying
    client.post("/names/", data=GOOD, headers={"Connection": "close", "X_Forwarded_For": "198.51.100.1", "X-Kept": "1"})
    (head,) = (head for machine in machines for head in machine.heads if head.startswith(b"POST /names/ "))
    assert b"x-kept" in head.lower()
    assert b"x_" not in head.lower()


def test_a_body_that_is_announced_and_not_sent_reaches_no_machine(dying):
    client, machines = dying
    head = f"POST /slow/ HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\nContent-Length: 200000\r\n\r\n"
    with client.raw(head.encode() + b"x" * 100_000):
        client.post("/whole/", data=GOOD, headers={"Connection": "close"})
        assert posts(machines, "/whole/") == 1
        assert posts(machines, "/slow/") == 0
