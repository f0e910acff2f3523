"""`python -m benchmarks`: the lab's commands. Only they print."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from benchmarks import analysis, environment, processes, scratch, table
from benchmarks import overhead as experiment
from benchmarks.messages import Assignment
from benchmarks.overhead import Watcher
from config.schemes import SCHEMES

FORMAT = 1  # of the JSON file; raised when a reader of the older one would be misled
INCONCLUSIVE = 3  # exit code
WIDTH = 100  # columns, where there is no terminal to ask
URLS = ("/whoami/", "/tracks/")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH})
def main():
    """What does each authentication scheme cost?"""


@main.command()
@click.option(
    "--scheme",
    "schemes",
    type=click.Choice(list(SCHEMES)),
    multiple=True,
    help="A row of the scheme table; may be repeated.  [default: all]",
)
@click.option(
    "--contender",
    "others",
    metavar="PACKAGE.MODULE:SCHEME",
    multiple=True,
    help="A config.schemes.Scheme that is in no table, timed beside the rows; may be repeated.",
)
@click.option(
    "--url",
    "urls",
    metavar="PATH",
    multiple=True,
    default=URLS,
    show_default=", ".join(URLS),
    help="What to GET, any guarded URL of the service; may be repeated.",
)
@click.option(
    "--processes",
    "count",
    type=click.IntRange(min=2),
    default=10,
    show_default=True,
    help="Fresh processes, over which the intervals are taken.",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=1),
    default=80,
    show_default=True,
    help="Seconds that the run may take: so many rounds are done in each process.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    help="Rounds in each process at each URL, whatever the budget.",
)
@click.option(
    "--block",
    type=click.IntRange(min=3),
    default=15,
    show_default=True,
    help="Consecutive requests of one contender.",
)
@click.option(
    "--drop",
    type=click.IntRange(min=0),
    default=5,
    show_default=True,
    help="First requests of a block that are not looked at.",
)
@click.option(
    "--database-url",
    metavar="URL",
    help="A PostgreSQL server on which a scratch database is made and dropped.  [default: SQLite in a file]",
)
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write everything measured.  [default: results/overhead-<UTC time>.json]",
)
def overhead(schemes, others, urls, count, budget, rounds, block, drop, database_url, path):
    """What does each scheme add to one request, in process?

    Every contender answers the same URL by the same view through the same handler; all that differs is
    the authentication class, and that `anonymous` lets everybody in. Each is proved before it is timed:
    200 with its credential, 401 without, with garbage and with a forged one, and the expected body.
    Blocks of requests alternate in balanced random order; differences to anonymous are paired within a
    round, and the intervals are taken over fresh processes. `anonymous again`, an identical copy, is the
    run's own A/A control.

    The run is inconclusive when the control's interval (99 %, shared among the URLs) excludes zero and the
    difference is above 0.5 % of the request, when that interval reaches further than half of the largest
    overhead, or when the hypervisor took more than 5 % of the time the processors had work.

    \b
    Exit codes:
      0  conclusive
      1  a contender was refused, or a process failed
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    if block - drop < 2:
        raise click.UsageError(f"--drop {drop} leaves fewer than 2 of the {block} requests of a --block")
    for url in urls:
        if not url.startswith("/"):
            raise click.UsageError(f"--url {url!r}: a path, beginning with /")
    if database_url and not database_url.startswith(("postgres://", "postgresql://")):
        raise click.UsageError("--database-url: allowed: postgresql://user:password@host:5432/name")
    now = datetime.now(UTC)
    path = path or Path("results") / f"overhead-{now:%Y%m%dT%H%M%SZ}.json"
    assignment = Assignment(
        # Named, they are the only ones.
        schemes=tuple(dict.fromkeys((*schemes, *others) if schemes or others else SCHEMES)),
        rounds=dict.fromkeys(urls, 0),
        block=block,
        drop=drop,
        seed=0,
    )
    machine = environment.describe()
    try:
        with scratch.database(database_url) as scratch_url, _progress() as watcher:
            run = experiment.run(assignment, scratch_url, count, rounds, begin + budget, watcher)
    except (processes.WorkerRefusedError, processes.WorkerFailedError, scratch.DatabaseError) as error:
        raise click.ClickException(str(error)) from None

    samples = [process.sample for process in run.processes]
    tables = analysis.tabulate(samples, run.rehearsal.facts)
    verdict = analysis.judge(tables, run.steal)
    _write(
        path,
        {
            "format": FORMAT,
            "command": "overhead",
            "date": now.isoformat(timespec="seconds"),
            "command_line": [word.replace(database_url or "\0", "(not shown)") for word in sys.argv],
            "seconds": round(time.monotonic() - begin, 1),
            "environment": {**machine, **run.rehearsal.service},
            "steal": run.steal,
            "load_average_after": run.load_average,
            "plan": {"processes": count, "rounds": run.rounds, "block": block, "drop": drop},
            "tables": [asdict(each) for each in tables],
            "verdict": {"conclusive": verdict.conclusive, "reasons": verdict.reasons},
            "answer": analysis.answer(tables, verdict),
            "contenders": [asdict(entry) for entry in run.rehearsal.entries],
            "processes": [
                {
                    "hash_seed": process.hash_seed,
                    "seed": process.seed,
                    "blocks": {url: asdict(blocks) for url, blocks in process.sample.blocks.items()},
                }
                for process in run.processes
            ],
        },
    )
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    for each in tables:
        console.print(table.table_of(each, count))
    for line in table.remarks(tables, machine, run, time.monotonic() - begin):
        console.print(line, highlight=False, markup=False)
    console.print(f"Everything measured: {path}", highlight=False, markup=False, soft_wrap=True)
    console.print()
    console.print(table.verdict_line(verdict), style="bold", highlight=False, markup=False)
    console.print(analysis.answer(tables, verdict), style="bold", highlight=False, markup=False)
    if not verdict.conclusive:
        sys.exit(INCONCLUSIVE)


@contextmanager
def _progress() -> Iterator[Watcher]:
    """A bar on standard error, on a terminal only, that says how long it will still take."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=2,  # drawing takes time from what is measured
        disable=not sys.stderr.isatty(),
    ) as progress:
        task = progress.add_task("proving", total=None)
        yield Watcher(
            expected=lambda seconds: progress.reset(task, total=seconds, description="timing"),
            passed=lambda seconds: progress.advance(task, seconds),
        )


def _write(path: Path, document: dict):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
