"""One HTML page out of result files."""

from pathlib import Path

import click

from benchmarks import terminal
from benchmarks.questions.report import reading
from benchmarks.questions.report.sections import absent, sections
from benchmarks.reporting import frontier
from benchmarks.reporting.page import ReportError, doubts, html
from benchmarks.results import files

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command(name="report")
@click.argument("run", metavar="RUN.json", type=_FILE)
@click.argument("others", metavar="[MORE.json]...", nargs=-1, type=_FILE)
@click.option(
    "--html",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the page.  [default: RUN.html, beside RUN.json]",
)
@click.option(
    "--event",
    "events",
    multiple=True,
    default=frontier.EVENTS,
    show_default=", ".join(frontier.EVENTS),
    help="What a credential is revoked by, where cost is held against time to revoke: the worst of these counts; "
    "may be repeated.",
)
def command(run, others, path, events):
    """One self-contained HTML page with the pictures, out of result files.

    Each file is the result of another command: one of overhead, which a report begins with, and any of
    revocation, flows, ladder, instructions, load, distance, scale, plan and compare; of load two, where one is of
    --distance. What is not given is left out, and the page
    says which command makes it. Nothing is loaded from anywhere: the page can be mailed, printed and kept.

    \b
    Exit codes:
      0  written; an inconclusive run makes a page too, which says so
      1  a file is no result, two are of one kind, none is of overhead, or the page cannot be written
      2  wrong usage
    """
    path = path or run.with_suffix(".html")
    files.try_file(path)
    try:
        report = reading.read([run, *others], events)
        missing = absent(report)
        page = html(report, sections(report), missing)
    except (files.ResultError, ReportError) as error:
        raise click.ClickException(str(error)) from None
    written = files.write_file(path, page)
    console = terminal.console()
    for name, part in report.parts.items():
        for reason in doubts(getattr(part, "verdict", None)):
            console.print(f"INCONCLUSIVE: {name}: {reason}", style="bold", highlight=False, markup=False)
    console.print(report.overhead.answer, style="bold", highlight=False, markup=False)
    if missing:
        console.print(f"Left out, for want of a result: {', '.join(missing)}", highlight=False, markup=False)
    written.end()
    console.print(f"Written: {path} ({len(page) / 1000:.0f} kB)", highlight=False, markup=False, soft_wrap=True)
