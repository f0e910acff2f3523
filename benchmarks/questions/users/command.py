"""Users who do as real clients do, against a real server: locust."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from benchmarks.databases import scratch as databases
from benchmarks.processes import start
from benchmarks.questions.load import run as load
from benchmarks.servers import server as servers
from benchmarks.servers import service
from config.schemes import SCHEMES, SchemeError, choose
from config.switches import SWITCHES

LOCUSTFILE = Path(__file__).with_name("locustfile.py")


@click.command(name="users")
@click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(SCHEMES)),
    multiple=True,
    default=SWITCHES["AUTH_SCHEMES"].default.split(","),
    show_default=SWITCHES["AUTH_SCHEMES"].default,
    help="Rows of the scheme table that open the service, one for each keyword; may be repeated.",
)
@click.option("--users", type=click.IntRange(1, 10_000), default=20, show_default=True, help="How many, of all rows.")
@click.option("--seconds", type=click.IntRange(min=1), default=30, show_default=True, help="How long they go on.")
@click.option(
    "--pace",
    type=click.FloatRange(min=0, min_open=True),
    default=0.5,
    show_default=True,
    help="Seconds between the actions of a user.",
)
@click.option(
    "--access-lifetime",
    type=click.IntRange(min=3),
    default=10,
    show_default=True,
    help="Seconds that an access token lives: few, so that there is something to refresh.",
)
@click.option("--server", type=click.Choice(list(servers.SERVERS)), default="granian", show_default=True)
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="Processes of locust's.  [default: one in all]")
@databases.options
def command(schemes, users, seconds, pace, access_lifetime, server, workers, database, database_url, connection):
    """Users who do as real clients do, against a real server: locust.

    They log in, read pages with filters, write now and then, refresh before their token ends, log out and in again.
    Response times are printed from when a request was due, beside locust's own, which count from the sending. For
    several hosts, and for a server of yours, run locust itself: docs/explanation/how-the-lab-measures.md.

    \b
    Exit codes:
      0  every request was answered as it should be
      1  one was not; locust tells which. Or the server did not come up
      2  wrong usage
    """
    if find_spec("locust") is None:
        raise click.ClickException("locust is not installed; `make load` installs it")
    try:
        chosen = choose(dict.fromkeys(schemes))
    except SchemeError as error:
        raise click.UsageError(f"--scheme: {error}") from None
    names = ",".join(scheme.name for scheme in chosen)
    cores = servers.cores()
    core = cores and cores.server
    load.keep_off(core)
    try:
        with databases.scratch(database, database_url, connection) as scratch:
            start.fill(scratch)
            start.ask("benchmarks.questions.users.accounts", str(users * max(1, workers)), scratch, (), 0)
            # The grace may not be longer than the life.
            switches = {"JWT_ACCESS_LIFETIME": f"{access_lifetime}s", "JWT_REUSE_GRACE": "1s"}
            with service.serving(server, scratch, names, core, switches) as served:
                locust = [
                    sys.executable,
                    "-m",
                    "locust",
                    "--locustfile",
                    str(LOCUSTFILE),
                    "--host",
                    f"http://{service.HOST}:{served.port}",
                ]
                locust += ["--headless", "--only-summary", "--users", str(users), "--spawn-rate", str(users)]
                locust += ["--run-time", f"{seconds}s", "--pace", str(pace), "--stop-timeout", "10"]
                if workers:
                    locust += ["--processes", str(workers)]
                code = subprocess.run(locust, cwd=start.ROOT, env=os.environ | {"AUTH_SCHEMES": names}).returncode
    except (
        start.WorkerRefusedError,
        start.WorkerFailedError,
        servers.ServerError,
        databases.DatabaseError,
    ) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(bool(code))
