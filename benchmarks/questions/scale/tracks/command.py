"""How long do pages and searches of the catalogue take among many tracks?"""

import time
from contextlib import ExitStack
from typing import Any

import click
from click.core import ParameterSource

from benchmarks import terminal
from benchmarks.databases import scratch
from benchmarks.processes import revisions
from benchmarks.questions import options, outcome
from benchmarks.questions.scale import room
from benchmarks.questions.scale.tracks import run as experiment
from benchmarks.questions.scale.tracks import tables
from benchmarks.questions.scale.tracks.queries import QUERIES
from benchmarks.results import files
from benchmarks.results.records.versus import Revision

SIZES = (1, 300)  # copies of the catalogue
COPY_BYTES = 3_503_000  # about, of one with its index entries and temporary space


def _source(context: click.Context, parameter: click.Parameter, value: str) -> str:
    """Return --from. Raises click.BadParameter for what is no URL of a database."""
    if value and not value.startswith((scratch.SQLITE, "postgres://", "postgresql://")):
        raise click.BadParameter(f"allowed: {scratch.SQLITE}file, or postgresql://user:password@host:5432/name")
    for name in ("database", "database_url") if value else ():
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"--from names the database: leave out --{name.replace('_', '-')}")
    return value


def _queries(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    """Return --query. Raises click.BadParameter for what is no query string."""
    for each in value:
        if not each.isascii() or not each.isprintable() or each.startswith("?") or {" ", "#"} & set(each):
            raise click.BadParameter(f"{each!r}; allowed: a percent-encoded query string, as search=love&page=2")
    return tuple(dict.fromkeys(value))


copies_of = click.option(
    "--copies",
    type=click.IntRange(1, 10_000),
    multiple=True,
    help="Load the 3,503 tracks so many times; may be repeated.  [default: 1 300; none with --from]",
)
existing = click.option(
    "--from",
    "source",
    metavar="URL",
    default="",
    callback=_source,
    help="A database with tracks, sqlite:///file or postgresql://…, to which nobody is connected. The lab copies it.",
)
asked = click.option(
    "--query",
    "queries",
    metavar="TEXT",
    multiple=True,
    default=QUERIES,
    show_default=f"{len(QUERIES)} pages and searches",
    callback=_queries,
    help="A query string of GET /tracks/; may be repeated.",
)


@click.command(name="tracks")
@copies_of
@existing
@click.option("--against", metavar="REV", help="Compare with the service at this git revision, on the same tracks.")
@asked
@click.option("--analyze", is_flag=True, help="Run ANALYZE on the whole SQLite file first, as an operator may.")
@click.option("--plans", is_flag=True, help="Show what the database reads for each query.")
@click.option("--anyway", is_flag=True, help="Time the services although their bodies differ.")
@options.processes("Fresh processes of each service at each size.", default=3)
@options.databases
@options.json_file("scale-tracks")
def command(copies, source, against, queries, analyze, plans, anyway, count, path, **place):
    """Measure pages and searches of the catalogue among few and many tracks.

    Requests to GET /tracks/, without authentication and in process, are timed by turns in fresh
    processes, each query for a third of a second. A query for a page that does not exist at a size
    is left out there.

    --from takes a database that was loaded before, so that nobody loads a million tracks for each
    run. The service's migrations run on the copy. --against also times the service of a revision
    on a copy of its own, and both must answer with the same bodies.

    The run is inconclusive when the first page, timed twice by each process, differs from itself
    (99 %, and by more than half a percent), when the hypervisor took more than 5 % of the time the
    processors had work, or when other work had the processor for more than 70 % of the time.

    \b
    Exit codes:
      0  conclusive
      1  no such revision, unlike bodies, a process failed, or a file or database cannot be used
      2  wrong usage
      3  inconclusive
    """
    begin = time.monotonic()
    copies = tuple(sorted(set(copies))) or (() if source else SIZES)
    if not source and not place["database_url"]:
        room.check(sum(copies) * COPY_BYTES * (2 if against else 1), "--copies")
    place |= _where(source)
    path, machine = files.destination(path, "scale-tracks"), outcome.look_around()
    with outcome.refusals(revisions.RevisionError), ExitStack() as stack:
        revision = Revision(against, revisions.commit(against)) if against else None
        plan = experiment.Plan(copies, source, revision, queries, count, analyze)
        with terminal.progress("loading", "timing") as watcher:
            prepared = experiment.prepare(plan, stack, **place)
            record = experiment.record(experiment.run(plan, prepared, anyway, watcher), plan, begin)
    shown = [*tables.of(record, plans), *tables.remarks(record, machine)]
    outcome.finish(path, record, shown, machine=machine, verdict=record.verdict, hidden=source or place["database_url"])


def _where(source: str) -> dict[str, Any]:
    """Return the options of a scratch database that lies where `source` does."""
    if not source:
        return {}
    if source.startswith(scratch.SQLITE):
        return {"database": "sqlite", "database_url": None}
    return {"database": "postgresql", "database_url": scratch.server_of(source)}
