"""Let users act as real clients do, against a real server: locust."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import click

from benchmarks.databases.scratch import scratch
from benchmarks.processes import start
from benchmarks.questions import options, outcome
from benchmarks.servers import service
from benchmarks.servers.server import ServerError, own_core
from config.schemes import SCHEMES, SchemeError, choose
from config.switches import SWITCHES

LOCUSTFILE = Path(__file__).with_name("locustfile.py")
DEFAULT = SWITCHES["AUTH_SCHEMES"].default


@click.command(name="users")
@click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(SCHEMES)),
    multiple=True,
    default=DEFAULT.split(","),
    show_default=DEFAULT,
    help="Rows of the scheme table that the service enables, one for each keyword; may be repeated.",
)
@options.value("--users", click.IntRange(1, 10_000), 20, "Number of users, over all rows.")
@options.value("--seconds", click.IntRange(min=1), 30, "Seconds that they act.")
@options.value("--pace", options.ABOVE_ZERO, 0.5, "Seconds between the actions of a user.")
@options.value(
    "--access-lifetime", click.IntRange(min=3), 10, "Seconds of an access token: few, so that users refresh."
)
@options.server()
@click.option("--workers", type=click.IntRange(0, 64), default=0, help="Locust's processes.  [default: one in all]")
@options.databases
def command(schemes, users, seconds, pace, access_lifetime, server, workers, **place):
    """Let users act as real clients do, against a real server: locust.

    Use this for mixed traffic: users log in, read pages with filters, sometimes write, refresh
    before their token ends, log out and in again. Use `load` for the highest rate of one request:
    its generator is cheap enough to find the server's limit, which locust is not. Response times
    are printed from when a request was due, with locust's own, which count from the sending. For
    several hosts, or a server of your own, run locust itself:
    docs/explanation/how-the-lab-measures.md.

    \b
    Exit codes:
      0  every request got the expected answer
      1  a request did not (locust names it), or the server did not start
      2  wrong usage
    """
    if find_spec("locust") is None:
        raise click.ClickException("locust is not installed; `make load` installs it")
    try:
        chosen = choose(dict.fromkeys(schemes))
    except SchemeError as error:
        raise click.UsageError(f"--scheme: {error}") from None
    names = ",".join(scheme.name for scheme in chosen)
    core = own_core()
    with outcome.refusals(ServerError), scratch(**place) as database:
        start.fill(database)
        start.ask("benchmarks.questions.users.accounts", str(users * max(1, workers)), database, (), 0)
        # The reuse grace may not be longer than the access lifetime.
        switches = {"JWT_ACCESS_LIFETIME": f"{access_lifetime}s", "JWT_REUSE_GRACE": "1s"}
        with service.serving(server, database, names, core, switches) as served:
            locust = command_line(served.port, users, seconds, pace, workers)
            done = subprocess.run(locust, cwd=start.ROOT, env=os.environ | {"AUTH_SCHEMES": names})
    sys.exit(bool(done.returncode))


def command_line(port: int, users: int, seconds: int, pace: float, workers: int) -> list[str]:
    """Return locust's command line."""
    host = f"http://{service.HOST}:{port}"
    return [
        *(sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--host", host),
        *("--headless", "--only-summary", "--users", str(users), "--spawn-rate", str(users)),
        *("--run-time", f"{seconds}s", "--pace", str(pace), "--stop-timeout", "10"),
        *(("--processes", str(workers)) if workers else ()),
    ]
