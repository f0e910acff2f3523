"""Servers and proxies with their own default limits, and granian as this service starts it."""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from signal import SIGKILL
from tempfile import TemporaryDirectory

from benchmarks.processes.start import ROOT
from benchmarks.questions.proposals.ml_dsa import echo
from benchmarks.servers.server import SERVERS, free_port
from config.server import FLAGS

SECONDS = 30  # the longest wait for a server to listen
ECHO = "benchmarks.questions.proposals.ml_dsa.echo"


class ServerError(Exception):
    """A server that did not start; the message is what it wrote last."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A server or proxy.

    `limit`    the setting that limits a header, with its value
    `package`  the distribution that has it; None: a program of the system
    `command`  (port, port of the upstream, folder) -> its command line
    """

    name: str
    limit: str
    command: Callable[[int, int, Path], list[str]]
    package: str | None = None
    needs: str = ""

    def version(self) -> str | None:
        """Return its version; None: it is not installed."""
        if self.package:
            try:
                for each in filter(None, (self.needs, self.package)):
                    found = version(each)
            except PackageNotFoundError:
                return None
            return found
        if shutil.which(self.name) is None:
            return None
        answer = subprocess.run(_VERSIONS[self.name], capture_output=True, text=True, check=False)
        match = re.search(r"\d+(\.\d+)+", answer.stdout + answer.stderr)
        return match[0] if match else "unknown"

    @contextmanager
    def started(self) -> Iterator[int]:
        """Start it, and yield its port. Raises ServerError."""
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="benchmarks-")))
            behind = stack.enter_context(echo.upstream())
            port = free_port()
            output = folder / "output"
            stream = stack.enter_context(output.open("w"))
            process = subprocess.Popen(
                self.command(port, behind, folder),
                cwd=ROOT,
                env=os.environ | {"HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
            try:
                _wait(port, process, output)
                yield port
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, SIGKILL)
                process.wait()


_VERSIONS = {"nginx": ["nginx", "-v"], "haproxy": ["haproxy", "-v"], "caddy": ["caddy", "version"]}


def _granian(port: int, behind: int, folder: Path) -> list[str]:
    own = (*FLAGS, "--host", "127.0.0.1", "--port", str(port))
    return [sys.executable, "-m", *SERVERS["granian"], *own, f"{ECHO}:application"]


def _gunicorn(port: int, behind: int, folder: Path) -> list[str]:
    return [sys.executable, "-m", *SERVERS["gunicorn"], "--bind", f"127.0.0.1:{port}", f"{ECHO}:application"]


def _uvicorn(parser: str) -> Callable[[int, int, Path], list[str]]:
    def command(port: int, behind: int, folder: Path) -> list[str]:
        address = ("--host", "127.0.0.1", "--port", str(port), "--log-level", "warning")
        return [sys.executable, "-m", "uvicorn", *address, "--http", parser, f"{ECHO}:asgi"]

    return command


def _nginx(port: int, behind: int, folder: Path) -> list[str]:
    temporary = "".join(
        f"{each}_temp_path {folder}/{each};\n" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""  # its workers write to a folder of root
    file = folder / "nginx.conf"
    file.write_text(
        f"{user}pid {folder}/pid;\nerror_log stderr;\ndaemon off;\nevents {{}}\nhttp {{\naccess_log off;\n{temporary}"
        f"server {{\nlisten 127.0.0.1:{port};\nlocation / {{ proxy_pass http://127.0.0.1:{behind}; }}\n}}\n}}\n"
    )
    return ["nginx", "-e", "stderr", "-c", str(file)]


def _haproxy(port: int, behind: int, folder: Path) -> list[str]:
    file = folder / "haproxy.cfg"
    file.write_text(
        "defaults\n    mode http\n    timeout connect 10s\n    timeout client 30s\n    timeout server 30s\n"
        f"frontend front\n    bind 127.0.0.1:{port}\n    default_backend back\n"
        f"backend back\n    server one 127.0.0.1:{behind}\n"
    )
    return ["haproxy", "-db", "-f", str(file)]


def _caddy(port: int, behind: int, folder: Path) -> list[str]:
    file = folder / "Caddyfile"
    file.write_text(
        "{\n    admin off\n    auto_https off\n}\n"
        f"http://127.0.0.1:{port} {{\n    reverse_proxy 127.0.0.1:{behind}\n}}\n"
    )
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(file)]


KINDS = (
    Kind("granian", "--http1-buffer-size 16384, as this service sets it, for the head", _granian, "granian"),
    Kind("gunicorn", "--limit-request-field_size 8190, for a field", _gunicorn, "gunicorn"),
    Kind(
        "uvicorn, h11",
        "h11_max_incomplete_event_size 16384, for the head as far as it has arrived",
        _uvicorn("h11"),
        "uvicorn",
        "h11",
    ),
    Kind("uvicorn, httptools", "no limit of its own", _uvicorn("httptools"), "uvicorn", "httptools"),
    Kind("nginx", "large_client_header_buffers 4 8k, for a line", _nginx),
    Kind("haproxy", "tune.bufsize 16384 less tune.maxrewrite 1024, for the head", _haproxy),
    Kind("caddy", "max_header_size 1MB, for the head", _caddy),
)


def _wait(port: int, process: subprocess.Popen, output: Path):
    end = time.monotonic() + SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                text = output.read_text(errors="replace")[-2000:]
                raise ServerError(f"{process.args[0]} does not listen: {text}") from None
            time.sleep(0.02)
