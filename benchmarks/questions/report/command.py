"""Result files to one HTML page."""

import click

from benchmarks import terminal
from benchmarks.questions import options
from benchmarks.questions.report import reading
from benchmarks.questions.report.rules import choice
from benchmarks.questions.report.sections import absent, sections
from benchmarks.reporting import frontier
from benchmarks.reporting.page import ReportError, doubts, html
from benchmarks.results import files


@click.command(name="report")
@click.argument("run", metavar="RUN.json", type=options.INPUT)
@click.argument("others", metavar="[MORE.json]...", nargs=-1, type=options.INPUT)
@click.option(
    "--html",
    "path",
    type=options.OUTPUT,
    help="Where to write the page.  [default: RUN.html, next to RUN.json]",
)
@click.option(
    "--event",
    "events",
    multiple=True,
    default=frontier.EVENTS,
    show_default=", ".join(frontier.EVENTS),
    help="An event that revokes a credential, in the section of cost against time to revoke; the slowest counts; "
    "may be repeated.",
)
def command(run, others, path, events):
    """Write one self-contained HTML page with pictures, made of result files.

    Each file is the result of another command: one of overhead, which every report needs, and at
    most one of each other; two of load if one has --distance. The page begins with the answer and
    with rules of choice, made of the results that are given. It names the commands that would make
    the others. It loads nothing, so it can be mailed, printed and kept.

    \b
    Exit codes:
      0  written; the page of an inconclusive run says so
      1  a file is no result, two are of one kind, none is of overhead, or no page can be written
      2  wrong usage
    """
    path = path or run.with_suffix(".html")
    files.try_file(path)
    try:
        report = reading.read([run, *others], events)
        missing = absent(report)
        chosen = choice(report)
        page = html(report, chosen, sections(report), missing)
    except (files.ResultError, ReportError) as error:
        raise click.ClickException(str(error)) from None
    written = files.write_file(path, page)
    console = terminal.console()
    for name, part in report.parts.items():
        for reason in doubts(getattr(part, "verdict", None)):
            console.print(f"INCONCLUSIVE: {name}: {reason}", style="bold", highlight=False, markup=False)
    console.print(report.overhead.answer, style="bold", highlight=False, markup=False)
    for line in (chosen.lead, *(f"{rule.need}: {rule.choice}" for rule in chosen.rules)) if chosen else ():
        console.print(line, highlight=False, markup=False)
    if missing:
        console.print(f"Left out, no result given: {', '.join(missing)}", highlight=False, markup=False)
    written.end()
    console.print(f"Written: {path} ({len(page) / 1000:.0f} kB)", highlight=False, markup=False, soft_wrap=True)
