"""What would DPoP, ML-DSA and a Token Status List cost?"""

import time

import click

from benchmarks import terminal
from benchmarks.databases.scratch import scratch
from benchmarks.processes import start
from benchmarks.questions import options, outcome
from benchmarks.questions.proposals import run as experiment
from benchmarks.questions.proposals import tables
from benchmarks.results import files


@click.command(name="proposals")
@click.option(
    "--only",
    "chosen",
    type=click.Choice(list(experiment.MEASUREMENTS)),
    multiple=True,
    help="One measurement; may be repeated.  [default: all]",
)
@options.processes(f"Fresh processes for each part; {options.FEWEST}")
@options.budget("Seconds that the timed parts may take together.  [default: 120]")
@options.rounds("Rounds in each process.")
@options.databases
@options.json_file("proposals")
def command(chosen, count, budget, rounds, path, **place):
    """Measure three standards that no scheme of the service implements.

    They are measurements, not contenders: the measured code is an example in the lab. DPoP (RFC
    9449): what verifying a proof for each request and keeping its jti adds to `jwt`, with the
    replay store in memory, in the database and in Valkey. ML-DSA (FIPS 204, RFC 9964): how large
    its tokens are, what signing and verifying takes, and which servers and proxies pass such a
    header; those that cannot be tried are named. A Token Status List
    (draft-ietf-oauth-status-list): its bytes for a million logins, what reading it takes, and how
    long a revoked login goes on.

    Each is proved before it is timed. The run is inconclusive if the A/A control of a part (99 %,
    shared among the parts) excludes zero and differs by more than 0.5 %, or is wider than half of
    the largest step; or if other work had the processors, as for `overhead`.

    \b
    Exit codes:
      0  conclusive
      1  something does not do what it says, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    path, machine = files.destination(path, "proposals"), outcome.look_around()
    budget = options.budget_or(120, budget, count)
    # In the order of the choices, each once.
    names = [name for name in experiment.MEASUREMENTS if name in (chosen or experiment.MEASUREMENTS)]
    with outcome.refusals(), scratch(**place) as database:
        start.fill(database, (experiment.JWT,))
        aim = experiment.Aim(count, None if budget is None else begin + budget, rounds)
        with terminal.progress() as watcher:
            fields, verdict = experiment.run(names, database, aim, watcher)
    record = experiment.record(fields, verdict, round(time.monotonic() - begin, 1))
    shown = tables.of(record, machine)
    outcome.finish(path, record, shown, machine=machine, verdict=verdict, hidden=place["database_url"])
