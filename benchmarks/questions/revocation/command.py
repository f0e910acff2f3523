"""After an event, when does the old credential stop working?"""

import time

import click

from benchmarks import terminal
from benchmarks.databases.scratch import scratch
from benchmarks.questions import options, outcome
from benchmarks.questions.revocation import cross_process, tables
from benchmarks.questions.revocation import run as experiment
from benchmarks.questions.revocation.messages import EVENTS
from benchmarks.results import files
from benchmarks.results.records.revocation import Revocation
from benchmarks.stats.search import HORIZON


@click.command(name="revocation")
@options.rows
@options.others
@options.value(
    "--trials",
    click.IntRange(0, 1000),
    20,
    "Trials of each event between two processes, without and with a Valkey, for schemes that answer from memory; "
    "0: one, without a Valkey.",
)
@options.databases
@options.json_file("revocation", "the result")
def command(schemes, others, trials, path, **place):
    """Find out when an old credential stops working after an event.

    Every cell is found by trying it: a new user logs in through the scheme's own endpoint and is
    accepted, the event happens, the clock is moved (nobody waits), and the same request is sent
    again, to the second and up to 400 days later. The same goes for the refresh token: does it
    still give an access token that is accepted? Runs without the event, and for a signing key a
    restart with the same key, separate what the event does from the credential's own end.

    \b
    Exit codes:
      0  found
      1  a scheme was refused, a process failed, or a file cannot be written
      2  wrong usage
    """
    begin = time.monotonic()
    path = files.destination(path, "revocation")
    with (
        outcome.refusals(cross_process.NoValkeyError),
        scratch(**place) as database,
        terminal.progress("preparing", "asking") as watcher,
    ):
        rows, from_memory, service = experiment.run(options.chosen(schemes, others), database, watcher)
        delays = cross_process.run(cross_process.measurable(rows, from_memory), database, trials)
    record = Revocation(
        seconds=round(time.monotonic() - begin, 1),
        service=service,
        asked_until_seconds=HORIZON,
        events=EVENTS,
        rows=tuple(rows),
        elsewhere=tuple(delays),
    )
    shown = [*tables.of(record), *tables.remarks(record)]
    outcome.finish(path, record, shown, written_as="Everything found", hidden=place["database_url"])
