"""Did the service in this checkout change what a request costs, or somebody's class in its own?"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from benchmarks import terminal
from benchmarks.databases import scratch
from benchmarks.messages import ANONYMOUS, Assignment
from benchmarks.processes import revisions, turns
from benchmarks.questions import options, outcome
from benchmarks.questions.versus import classes, comment, tables, verdict
from benchmarks.questions.versus import run as versus
from benchmarks.reporting.tables import conditions
from benchmarks.results import files

BLOCK, DROP = 15, 5


def repository(context: click.Context, parameter: click.Parameter, value: Path | None) -> Path | None:
    """Return --of. Raises click.UsageError unless --contender is a scheme of that repository.

    Without --of it must be one that can take part here.
    """
    contender = context.params.get("contender", ANONYMOUS)
    if value is None:
        options.admitted(context, parameter, [] if contender == ANONYMOUS else [contender])
    elif wrong := classes.check(contender):
        raise click.UsageError(wrong)
    return value


contender = click.option(
    "--contender",
    default=ANONYMOUS,
    show_default=True,
    metavar="NAME",
    is_eager=True,  # --of looks at it
    help="A scheme that both have, or a package.module:SCHEME.",
)
of = click.option(
    "--of",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    callback=repository,
    help="Compare the --contender's package, which Python imports from this folder of a git repository.",
)
fail_above = click.option(
    "--fail-above",
    "most_us",
    metavar="MICROSECONDS",
    type=options.Finite(min=0),
    help="Exit with 4 if a request got slower and the whole interval is above this.  [default: never]",
)
text = click.option("--comment", "text", type=options.OUTPUT, help="Where to write the verdict as Markdown.")


@click.command(name="versus")
@click.argument("revision", metavar="REV")
@options.url("/tracks/")
@contender
@of
@click.option("--anyway", is_flag=True, help="Time them although their bodies differ.")
@options.processes(f"Fresh processes of each; {options.FEWEST}")
@options.budget("Seconds that the run may take.  [default: 120]")
@options.margin("Microseconds of difference that count as no change.")
@options.rounds("Rounds in each process.")
@options.databases
@fail_above
@text
@options.json_file("versus")
def command(revision, of, most_us, text, path, **given):
    """Measure whether this checkout changed the cost of a request, against the git revision REV.

    The service's packages of both are copied to scratch folders, those of this checkout with all
    uncommitted changes; the checkout itself stays untouched. Each has a scratch database that its
    own migrations made. Fresh processes of one lab, this checkout's, alternate between them in
    balanced order, and time blocks of the same request. Both must answer with the same body, byte
    for byte. A second copy of this checkout's service is the run's own A/A control.

    The table of a --contender also shows what it adds to anonymous's request, then and now.

    If --of names another repository, REV and the contender are of that one. Its package at REV, the
    base, is compared with the package in its working tree, the head, by what the contender adds.
    The service is this checkout's on both sides. If the base lacks the contender, or is refused,
    only the head is timed.

    The run is inconclusive when the control's interval (99 %) excludes zero and the difference is
    above 0.5 % of the request, when the hypervisor took more than 5 % of the time the processors
    had work, or when other work had the processor for more than 70 % of the time. For --of and for
    --fail-above, it also is when the difference is neither shown nor proven to be in the margin.

    \b
    Exit codes:
      0  conclusive, whatever the result, or only the head was timed
      1  no such revision, one that this lab cannot drive, unlike bodies, a head that was refused, a
         process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
      4  slower than --fail-above allows
    """
    path = files.destination(path, "versus")
    if text:
        files.try_file(text)
    with comment.on_refusal(text, given["contender"], given["url"]):
        record, run, machine = measure(revision, of, **given)
        shown = [tables.of(record), *tables.remarks(record, run), *conditions(record, machine)]
        if text:
            files.write_file(text, comment.of(record, machine, most_us).encode()).end()
    judged, code = verdict.judged(record, most_us), verdict.exit_code(record, most_us)
    closing, hidden = [tables.answer(record)], given["database_url"]
    outcome.finish(path, record, shown, machine=machine, verdict=judged, closing=closing, code=code, hidden=hidden)


def measure(revision, of, url, contender, anyway, count, budget, margin, rounds, **place):
    """Return the record of the run, the run, and the machine."""
    begin = time.monotonic()
    schemes = () if contender == ANONYMOUS else (contender,)
    assignment = Assignment(schemes, {url: 0}, BLOCK, DROP, seed=0)
    budget = options.budget_or(120, budget, count)
    machine = outcome.look_around()
    with outcome.refusals(revisions.RevisionError), TemporaryDirectory(prefix="benchmarks-") as name:
        folder = Path(name)
        with scratch.several(len(versus.PLACES), **place) as made:
            if of:
                compared = classes.prepare(of, revision, folder, made, assignment)
            else:
                compared = versus.prepare(revision, folder, made, assignment)
            if compared.unlike and not anyway:
                unlike = f"{url} is answered unlike; --anyway times them all the same\n  {compared.unlike}"
                raise click.ClickException(unlike)
            end = None if budget is None else begin + budget
            with terminal.progress() as watcher:
                run = turns.run(assignment, compared.places, count, end, rounds, watcher)
    seconds = round(time.monotonic() - begin, 1)
    return versus.record(run, assignment, margin, budget, compared, seconds), run, machine
