"""Can the lab's numbers be trusted?"""

import sys
import time
from dataclasses import asdict
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.contenders import misbehaving
from benchmarks.databases import scratch as databases
from benchmarks.messages import Assignment
from benchmarks.processes import start
from benchmarks.questions.selftest import campaign
from benchmarks.questions.selftest import run as selftest
from benchmarks.results import files


@click.command(name="selftest")
@click.option(
    "--processes",
    "count",
    type=click.IntRange(min=2),
    default=2000,
    show_default=True,
    help="Fresh processes of the campaign; 2000 give 200 contests of ten.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=2),
    default=32,
    show_default=True,
    help="Rounds in each process.",
)
@click.option(
    "--campaign",
    "kept",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("results/selftest-campaign.jsonl"),
    show_default=True,
    help="Where the campaign is kept; one that was stopped goes on.",
)
@databases.options
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the result.  [default: results/selftest-<UTC time>.json]",
)
def command(count, rounds, kept, database, database_url, connection, path):
    """Can the lab's numbers be trusted?

    First, contenders that do not do what they say must be refused. Then a campaign of fresh processes, each
    of which times anonymous, its copy, and copies with a known delay planted; contests are drawn from it, no
    process being in two, and judged as `overhead` judges: how often is identical code called different, is a
    planted delay found, do the intervals cover its size? About three quarters of an hour.

    \b
    Exit codes:
      0  every rate is within its bounds
      1  one is not, a broken contender was timed, a process failed, or a file cannot be written
      2  wrong usage
      3  too few processes to judge all rates
    """
    begin = time.monotonic()
    path = files.destination(path, "selftest")
    files.try_file(kept)
    console = terminal.console()
    try:
        with databases.scratch(database, database_url, connection) as scratch, terminal.progress() as watcher:
            start.fill(scratch)
            refusals = _refusals(scratch)
            records = campaign.collect(kept, scratch, count, rounds, watcher)
    except (
        campaign.CampaignError,
        start.WorkerRefusedError,
        start.WorkerFailedError,
        databases.DatabaseError,
    ) as error:
        raise click.ClickException(str(error)) from None
    lines = selftest.judge(records)
    written = files.write(
        path,
        "selftest",
        {
            "seconds": round(time.monotonic() - begin, 1),
            "plan": {"processes": len(records), "rounds": rounds, "block": campaign.BLOCK, "drop": campaign.DROP},
            "refusals": refusals,
            "lines": [{**asdict(line), "passed": line.passed} for line in lines],
            "records": records,
        },
        hidden=database_url,
    )
    console.print(_table(lines))
    for name, refusal in refusals.items():
        console.print(f"{'refused' if refusal else 'TIMED'}: {name}: {refusal or '-'}", highlight=False, markup=False)
    sizes = ", ".join(f"{name} came to {selftest.planted(records, name):.2f} µs" for name in campaign.PLANTS)
    console.print(
        f"\n{len(records)} processes of {rounds} rounds at {campaign.URL}, "
        f"{sum(record.seconds for record in records) / 60:.0f} minutes in all. By the clock, {sizes}.",
        highlight=False,
        markup=False,
    )
    console.print(written.told("Everything measured"), highlight=False, markup=False, soft_wrap=True)
    verdicts = {line.passed for line in lines} | {refusal is not None for refusal in refusals.values()}
    if False in verdicts:
        verdict, code = "FAILED", 1
    elif None in verdicts:
        verdict, code = "INCONCLUSIVE: too few contests for some of the bounds", terminal.INCONCLUSIVE
    else:
        verdict, code = "passed", 0
    console.print(f"\nSelftest: {verdict}.", style="bold")
    written.end()
    sys.exit(code)


def _refusals(scratch: databases.Database) -> dict[str, str | None]:
    """Broken contender -> the first line of why it was refused; None: it was not."""
    attempts = {name.partition(":")[2]: ((name,), campaign.URL) for name in misbehaving.ALL}
    attempts["NOWHERE"] = ((), misbehaving.NOWHERE)
    refusals = {}
    for name, (schemes, url) in attempts.items():
        assignment = Assignment(schemes, {url: 2}, block=campaign.BLOCK, drop=campaign.DROP, seed=0)
        try:
            start.work(assignment, scratch, hash_seed=0)
        except start.WorkerRefusedError as refusal:
            refusals[name] = str(refusal).partition("\n")[0]
        else:
            refusals[name] = None
    return refusals


def _table(lines) -> Table:
    shown = Table(box=box.SIMPLE, padding=(0, 1, 0, 0))
    for heading, justify in (("", "left"), ("contests", "right"), ("rate", "right"), ("bound", "right"), ("", "left")):
        shown.add_column(heading, justify=justify)
    for line in lines:
        shown.add_row(
            line.question,
            str(line.contests),
            f"{line.rate:.1%}" if line.contests else "-",
            f"{line.low:.0%} to {line.high:.0%}" if line.low < line.high else f"{line.low:.0%}",
            {True: "pass", False: "FAIL", None: f"too few (needs {line.least})"}[line.passed],
        )
    return shown
