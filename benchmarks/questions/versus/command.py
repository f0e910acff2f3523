"""Did the service in this checkout change what a request costs, against a revision of it?"""

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.databases import scratch
from benchmarks.messages import ANONYMOUS, Assignment
from benchmarks.processes import environment, start, turns
from benchmarks.questions.versus import run as versus
from benchmarks.reporting import tables
from benchmarks.results import files
from benchmarks.stats.verdicts import EQUIVALENT, INCONCLUSIVE

BLOCK, DROP = 15, 5


@click.command(name="versus")
@click.argument("revision", metavar="REV")
@click.option("--url", metavar="PATH", default="/tracks/", show_default=True, help="What to GET.")
@click.option(
    "--contender",
    metavar="NAME",
    default=ANONYMOUS,
    show_default=True,
    help="Who asks: a scheme that both have, or a package.module:SCHEME.",
)
@click.option("--anyway", is_flag=True, help="Time them although their bodies differ.")
@click.option(
    "--processes",
    "count",
    type=click.IntRange(min=2),
    help="Fresh processes of each, over which the intervals are taken; with --budget, the fewest.  "
    "[default: 10, and more as the budget allows]",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=1),
    help="Seconds that the run may take.  [default: 120]",
)
@click.option(
    "--margin",
    type=click.FloatRange(min=0, min_open=True),
    default=5,
    show_default=True,
    help="Microseconds within which nothing is said to have changed.",
)
@click.option("--rounds", type=click.IntRange(min=1), help="Rounds in each process.  [default: what pays best]")
@scratch.options
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write everything measured.  [default: results/versus-<UTC time>.json]",
)
def command(revision, url, contender, anyway, count, budget, margin, rounds, database, database_url, connection, path):
    """Did the service in this checkout change what a request costs, against the git revision REV?

    The service's packages of both are laid out in scratch folders, those of this checkout as they lie there,
    committed or not; the checkout itself is left alone. Each has a scratch database that its own migrations made.
    Fresh processes of one and the same lab, this checkout's, alternate between them in balanced order, and time
    blocks of the same request. Both must answer with the same body, byte for byte. A second copy of this
    checkout's service is the run's own A/A control.

    The run is inconclusive when the control's interval (99 %) excludes zero and the difference is above 0.5 % of
    the request, when the hypervisor took more than 5 % of the time the processors had work, or when other work
    had the processor for more than 20 % of the time.

    \b
    Exit codes:
      0  conclusive, whatever was found
      1  no such revision, one that this lab cannot drive, other bodies, a process failed, or a file cannot be written
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    if not url.startswith("/"):
        raise click.UsageError(f"--url {url!r}: a path, beginning with /")
    path = files.destination(path, "versus")
    schemes = () if contender == ANONYMOUS else (contender,)
    assignment = Assignment(schemes, {url: 0}, BLOCK, DROP, seed=0)
    if budget is None and not count:
        budget = 120
    machine = environment.describe()
    try:
        with (
            TemporaryDirectory(prefix="benchmarks-") as folder,
            scratch.several(len(versus.PLACES), database, database_url, connection) as made,
        ):
            commit = versus.commit(revision)
            places = versus.fill(made, versus.lay_out(commit, Path(folder)), schemes)
            unlike = versus.unlike(places, assignment)
            if unlike and not anyway:
                raise click.ClickException(
                    f"{url} is answered unlike; name --anyway to time them all the same\n  {unlike}"
                )
            with terminal.progress() as watcher:
                end = None if budget is None else begin + budget
                run = turns.run(assignment, places, count or 10, end, rounds, watcher)
    except (
        versus.RevisionError,
        start.WorkerRefusedError,
        start.WorkerFailedError,
        scratch.DatabaseError,
    ) as error:
        raise click.ClickException(str(error)) from None

    name = run.rehearsals[versus.AFTER].entries[-1].name if schemes else ANONYMOUS
    answer = versus.analyse(run, url, name, margin)
    facts = {place: run.rehearsals[place].facts[url][name] for place in versus.PLACES}
    service = run.rehearsals[versus.AFTER].service
    written = files.write(
        path,
        "versus",
        {
            "seconds": round(time.monotonic() - begin, 1),
            "service": service,
            "steal": run.steal,
            "waited": run.waited,
            "load_average_after": run.load_average,
            "plan": {
                "turns": len(run.turns),
                "rounds": run.rounds,
                "block": BLOCK,
                "drop": DROP,
                "budget_seconds": budget,
            },
            "revision": {"name": revision, "commit": commit},
            "url": url,
            "contender": name,
            "unlike": unlike,
            "margin_us": margin,
            "before": answer.before,
            "after": answer.after,
            "difference": answer.difference,
            "ratio": answer.ratio,
            "now": answer.verdict,
            "control": answer.control,
            "facts": facts,
            "verdict": {"conclusive": answer.run.conclusive, "reasons": answer.run.reasons},
            "turns": run.record,
        },
        hidden=database_url,
    )
    console = terminal.console()
    shown = Table(
        title=f"{name} on {url} ({len(run.turns)} processes of each; times in µs, sizes in bytes)",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("service", no_wrap=True)
    for heading in ("request [95 %]", "SQL", "body"):
        shown.add_column(heading, justify="right", no_wrap=True)
    named = {versus.BEFORE: f"{revision} ({commit[:12]})", versus.AFTER: "this checkout"}
    for place, times in ((versus.BEFORE, answer.before), (versus.AFTER, answer.after)):
        counted = facts[place]
        shown.add_row(named[place], tables.times(times), str(counted.sql_statements), str(counted.response_bytes))
    console.print(shown)
    for line in (
        f"The bodies differ: {unlike}." if unlike else "The bodies are equal, byte for byte.",
        f"A/A control: this checkout differs from its copy by {answer.control.estimate:.1f} µs "
        f"({answer.control.low:.1f} to {answer.control.high:.1f}, 99 % interval).",
        *_policy_before(run.rehearsals[versus.BEFORE].service, service, revision),
        *tables.where(service, machine, run, run.waited, time.monotonic() - begin),
    ):
        console.print(line, highlight=False, markup=False)
    console.print(written.told("Everything measured"), highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(tables.verdict_line(answer.run), style="bold", highlight=False, markup=False)
    console.print(_answer(answer, name, url, revision, margin), style="bold", highlight=False, markup=False)
    written.end()
    if not answer.run.conclusive:
        sys.exit(terminal.INCONCLUSIVE)


def _policy_before(before: dict, after: dict, revision: str) -> list[str]:
    """Return a line that says how the service at the revision connected, if it did so otherwise."""
    if before["connection_policy"] == after["connection_policy"]:
        return []
    return [f"{revision} was served with another connection policy: {tables.policy(before)}"]


def _answer(answer: versus.Answer, name: str, url: str, revision: str, margin: float) -> str:
    if not answer.run.conclusive:
        return f"{name} on {url}: this run cannot tell whether {revision} was faster or slower."
    difference, ratio = answer.difference, answer.ratio
    times = f" {ratio.estimate:.3f} times ({ratio.low:.3f} to {ratio.high:.3f})" if ratio else ""
    verdict = {EQUIVALENT: f"the same within {margin:g} µs", INCONCLUSIVE: "no difference shown"}
    return (
        f"{name} on {url}: a request costs{times} what it cost at {revision}, a difference of "
        f"{difference.estimate:+.1f} µs ({difference.low:+.1f} to {difference.high:+.1f}): "
        f"{verdict.get(answer.verdict, answer.verdict)}."
    )
