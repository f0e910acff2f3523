"""What do login, refresh, rotation and logout cost, and a request with its share of them?"""

import time

import click

from benchmarks import terminal
from benchmarks.databases.scratch import scratch
from benchmarks.messages import Population
from benchmarks.processes import start
from benchmarks.questions import options, outcome
from benchmarks.questions.flows import run as experiment
from benchmarks.questions.flows import tables
from benchmarks.reporting.tables import population as populated
from benchmarks.results import files
from benchmarks.stats.break_even import Lifetimes
from config.schemes import SCHEMES


@click.command(name="flows")
@options.rows
@options.duration("JWT_ACCESS_LIFETIME", "How often a client must refresh a pair, in the curve.")
@options.duration("JWT_SESSION_LIFETIME", "How often a client of any scheme must log in, in the curve.")
@options.processes(
    "Fresh processes, over which the intervals are taken.  [default: 10, or as the budget allows: 4 at least]"
)
@options.budget("Seconds that the run may take: it does as many rounds in each process, at least one.", default=30)
@options.population
@options.databases
@options.json_file("flows")
def command(schemes, access_lifetime, session_lifetime, count, budget, population, path, **place):
    """Measure login, refresh, rotation and logout, and a request with its share of them.

    The flows are those that each scheme's own URLs offer. Every call is proved: the expected
    status, the new credential works, the revoked one is refused. Obtaining the credential that a
    call spends is not timed. Blocks of calls of all schemes, and of requests to /whoami/, alternate
    in balanced random order, and the intervals are taken over fresh processes.

    The curve is the figure that decides: what a request costs a client that makes N of them per
    access lifetime, logins and refreshes included, and the N at which two schemes cost the same.

    A login costs as much as its password's hash and little more. So each process also times the
    hashers that Django ships, with the rounds that each release gives the default one, and the
    table says what a login would cost with them. Scrypt, argon2 and bcrypt appear where they run.

    Set JWT_REFRESH_COOKIE=on in the environment to time login, refresh and logout by cookie too. A
    sentence then says what the cookie costs against the body.

    The run is inconclusive when the A/A control's interval (99 %) excludes zero and the difference
    is above 0.5 % of the request, when the hypervisor took more than 5 % of the time the processors
    had work, or when other work had the processor for more than 70 % of the time.

    \b
    Exit codes:
      0  conclusive
      1  a flow was refused, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    if access_lifetime > session_lifetime:
        raise click.UsageError("--access-lifetime: allowed: at most --session-lifetime")
    path = files.destination(path, "flows")
    machine = outcome.look_around()
    with outcome.refusals(), scratch(**place) as database:
        stored = start.fill(database, others=Population(population))
        with terminal.progress() as watcher:
            run = experiment.run(schemes or tuple(SCHEMES), database, count, begin + budget + stored.seconds, watcher)
    lifetimes, seconds = Lifetimes(access_lifetime, session_lifetime), round(time.monotonic() - begin, 1)
    record = experiment.record(run, lifetimes, budget, population, stored, seconds)
    lines = [*populated(population, stored), *tables.remarks(record, machine)]
    shown = [*tables.of(record), *lines]
    outcome.finish(path, record, shown, machine=machine, verdict=record.verdict, hidden=place["database_url"])
