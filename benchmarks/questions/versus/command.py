"""Did the service in this checkout change what a request costs, against a revision of it?"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks import terminal
from benchmarks.databases import scratch
from benchmarks.messages import ANONYMOUS, Assignment
from benchmarks.processes import revisions, turns
from benchmarks.questions import options, outcome
from benchmarks.questions.versus import run as versus
from benchmarks.questions.versus import tables
from benchmarks.reporting.tables import conditions
from benchmarks.results import files
from benchmarks.results.records.versus import Revision

BLOCK, DROP = 15, 5


@click.command(name="versus")
@click.argument("revision", metavar="REV")
@options.url("/tracks/")
@options.value("--contender", str, ANONYMOUS, "A scheme that both have, or a package.module:SCHEME.", metavar="NAME")
@click.option("--anyway", is_flag=True, help="Time them although their bodies differ.")
@options.processes(f"Fresh processes of each; {options.FEWEST}")
@options.budget("Seconds that the run may take.  [default: 120]")
@options.margin("Microseconds of difference that count as no change.")
@options.rounds("Rounds in each process.")
@options.databases
@options.json_file("versus")
def command(revision, url, contender, anyway, count, budget, margin, rounds, path, **place):
    """Measure whether this checkout changed the cost of a request, against the git revision REV.

    The service's packages of both are copied to scratch folders, those of this checkout with all
    uncommitted changes; the checkout itself stays untouched. Each has a scratch database that its
    own migrations made. Fresh processes of one lab, this checkout's, alternate between them in
    balanced order, and time blocks of the same request. Both must answer with the same body, byte
    for byte. A second copy of this checkout's service is the run's own A/A control.

    The table of a --contender also shows what it adds to anonymous's request, then and now.

    The run is inconclusive when the control's interval (99 %) excludes zero and the difference is
    above 0.5 % of the request, when the hypervisor took more than 5 % of the time the processors
    had work, or when other work had the processor for more than 70 % of the time.

    \b
    Exit codes:
      0  conclusive, whatever the result
      1  no such revision, one that this lab cannot drive, unlike bodies, a process failed, or a
         file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    path = files.destination(path, "versus")
    schemes = () if contender == ANONYMOUS else (contender,)
    assignment = Assignment(schemes, {url: 0}, BLOCK, DROP, seed=0)
    budget = options.budget_or(120, budget, count)
    machine = outcome.look_around()
    with outcome.refusals(revisions.RevisionError), TemporaryDirectory(prefix="benchmarks-") as folder:
        commit = revisions.commit(revision)
        with scratch.several(len(versus.PLACES), **place) as made:
            places = versus.fill(made, versus.lay_out(commit, Path(folder)), schemes)
            unlike = versus.unlike(places, assignment)
            if unlike and not anyway:
                raise click.ClickException(f"{url} is answered unlike; --anyway times them all the same\n  {unlike}")
            end = None if budget is None else begin + budget
            with terminal.progress() as watcher:
                run = turns.run(assignment, places, count, end, rounds, watcher)
    seconds = round(time.monotonic() - begin, 1)
    record = versus.record(run, assignment, margin, budget, Revision(revision, commit), unlike, seconds)
    shown = [tables.of(record), *tables.remarks(record, run), *conditions(record, machine)]
    closing = [tables.answer(record)]
    outcome.finish(
        path, record, shown, machine=machine, verdict=record.verdict, closing=closing, hidden=place["database_url"]
    )
