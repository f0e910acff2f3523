"""Real servers, each started as a deployment starts it. This module does not import Django."""

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from signal import SIGKILL
from typing import Any

from benchmarks.servers import http1
from config.server import FLAGS
from config.switches import SWITCHES

# Paths that the application answers itself, before Django: what it serves and counted, and work().
FACTS, WORK = "/facts", "/work"
WORK_SECONDS = 0.0002

START_SECONDS = 60  # the longest wait for the first answer

# Name -> the command line that `python -m` takes, without address, threads, application and the
# service's own flags (config/server.py). One process each, because one connection reaches one
# process. gunicorn's default worker closes the connection after each answer; gthread keeps it. 75
# seconds is nginx's value.
SERVERS = {
    "granian": ("granian", "--log-level", "warning", "--workers", "1"),
    "gunicorn": (
        *("gunicorn", "--worker-class", "gthread", "--log-level", "warning", "--workers", "1"),
        *("--keep-alive", "75", "--no-control-socket"),
    ),
}

_THREADS = SWITCHES["GRANIAN_BLOCKING_THREADS"]  # granian reads it itself


class ServerError(Exception):
    """A server that ended or did not answer; the message is what it wrote last."""


@dataclass(frozen=True, slots=True)
class Cores:
    """The processor of the server, and that of its client."""

    server: int
    client: int


def cores() -> Cores | None:
    """Choose two processors; None where there are not two, or the system does not let us choose."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    allowed = sorted(os.sched_getaffinity(0))
    return Cores(allowed[-1], allowed[0]) if len(allowed) > 1 else None


def own_core() -> int | None:
    """Return the core that the server has to itself; None: it has none.

    This process and those that it starts from now on use the others.
    """
    found = cores()
    if found is None:
        return None
    os.sched_setaffinity(0, os.sched_getaffinity(0) - {found.server})
    return found.server


def threads() -> int:
    """Return the number of threads that the service's own switch sets."""
    return int(os.environ.get(_THREADS.name) or _THREADS.default)


def describe(name: str) -> str:
    """Return the name, version and size of a server, for people."""
    return f"{name} {version(name)}, 1 process, {threads()} threads"


def work() -> tuple[float, float]:
    """Work for WORK_SECONDS. Return the seconds that passed, and those in which this thread ran."""
    wall, run = time.perf_counter(), time.thread_time()
    while time.perf_counter() < wall + WORK_SECONDS:
        pass
    return time.perf_counter() - wall, time.thread_time() - run


class Running:
    """A started server, which may not answer yet."""

    def __init__(self, port: int, process: subprocess.Popen, output):
        self.port, self._process, self._output = port, process, output

    def send(self, signal: int):
        """Send a signal to all its processes."""
        os.killpg(self._process.pid, signal)

    def processor_seconds(self) -> float | None:
        """Return the processor time of its living processes; None without /proc (proc(5))."""
        if not Path("/proc/self/stat").exists():
            return None
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text("ascii", "replace").rpartition(") ")[2].split()
            except OSError:  # it has ended
                continue
            if int(fields[2]) == self._process.pid:  # its process group
                ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def facts(self) -> dict[str, Any]:
        """Wait for the application's facts and return them. Raises ServerError."""
        return json.loads(self.first_answer(FACTS))

    def first_answer(self, path: str) -> bytes:
        """Wait until a GET is answered and return the body. Raises ServerError."""
        end = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < end:
            try:
                with http1.Connection(self.port, seconds=1) as connection:
                    return connection.exchange(http1.get(path)).body
            except OSError:
                time.sleep(0.02)
        ended = self._process.returncode
        self._output.seek(0)
        raise ServerError(
            f"the server {f'gave no answer in {START_SECONDS} s' if ended is None else f'ended with {ended}'}:\n"
            f"{self._output.read()[-2000:]}"
        )


@contextmanager
def started(name: str, application: str, environment: Mapping[str, str], core: int | None) -> Iterator[Running]:
    """Start a server by its name in SERVERS, on that processor alone if one is given.

    Nothing of it outlives the block: it has a process group of its own, which is killed. If this
    process is killed itself, the group ends with its standard input (pinned.py).
    """
    port = free_port()
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.servers.pinned", "" if core is None else str(core)),
                *_command(name, port, application),
            ],
            env=environment | {_THREADS.name: str(threads())},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        try:
            yield Running(port, process, output)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, SIGKILL)
            process.wait()
            process.stdin.close()


def _command(name: str, port: int, application: str) -> list[str]:
    address = {
        "granian": (*FLAGS, "--host", "127.0.0.1", "--port", str(port)),
        "gunicorn": ("--bind", f"127.0.0.1:{port}", "--threads", str(threads())),
    }
    return [*SERVERS[name], *address[name], application]


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
