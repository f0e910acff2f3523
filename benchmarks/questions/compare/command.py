"""Did anything change between two runs?"""

import sys
from pathlib import Path

import click
from rich import box
from rich.table import Table

from benchmarks import terminal
from benchmarks.results import comparison, files
from benchmarks.stats.verdicts import EQUIVALENT, FASTER, INCONCLUSIVE, SLOWER


@click.command(name="compare")
@click.argument("before", type=click.Path(dir_okay=False, path_type=Path))
@click.argument("after", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--anyway", is_flag=True, help="Compare runs of unlike environments, too.")
@click.option(
    "--margin",
    type=click.FloatRange(min=0, min_open=True),
    default=5,
    show_default=True,
    help="Microseconds within which nothing is said to have changed.",
)
@click.option(
    "--json",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where to write the comparison.  [default: nowhere]",
)
def command(before, after, anyway, margin, path):
    """Did anything change between two runs of `overhead`?

    Each contender is compared with itself: another day, another version, another machine. Runs on unlike
    processors, databases, connection policies or switches are refused, unless --anyway. Verdicts hold for
    all rows together (Holm).

    \b
    Exit codes:
      0  compared, whatever was found
      1  a file cannot be read or written, or the runs are unlike
      2  wrong usage
      3  one of the two runs was inconclusive itself
    """
    if path:
        files.try_file(path)
    try:
        one, other = (comparison.read(file) for file in (before, after))
        unlike = comparison.differences(one, other)
        if unlike and not anyway:
            raise click.ClickException(
                "unlike environments; name --anyway to compare them all the same\n  " + "\n  ".join(unlike)
            )
        changes = comparison.compare(one, other, margin)
    except (files.ResultError, comparison.UnlikeError) as error:
        raise click.ClickException(str(error)) from None
    versions = comparison.versions(one, other)
    inconclusive = [
        f"{file}: {reason}" for file, run in ((before, one), (after, other)) for reason in run["verdict"]["reasons"]
    ]
    written = None
    if path:
        written = files.write(
            path,
            "compare",
            {
                "before": {"file": before.name, "date": one["date"], "environment": one["environment"]},
                "after": {"file": after.name, "date": other["date"], "environment": other["environment"]},
                "unlike": unlike,
                "versions": versions,
                "margin_us": margin,
                "inconclusive": inconclusive,
                "changes": changes,
            },
        )
    console = terminal.console()
    console.print(_table(changes, margin))
    for line in (
        f"Before: {one['date']}, {before}. After: {other['date']}, {after}.",
        *(f"Unlike: {line}" for line in unlike),
        *(f"Other version: {line}" for line in versions),
        *(f"INCONCLUSIVE by itself: {line}" for line in inconclusive),
    ):
        console.print(line, highlight=False, markup=False)
    if written:
        written.end()
    if inconclusive:
        sys.exit(terminal.INCONCLUSIVE)


def _table(changes, margin: float) -> Table:
    shown = Table(
        title="anonymous: its request; all others: what they add; in µs, with 95 % intervals",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    for heading in ("URL", "contender"):
        shown.add_column(heading, no_wrap=True)
    for heading in ("before", "after", "change"):
        shown.add_column(heading, justify="right")
    shown.add_column("verdict")
    words = {
        FASTER: "slower now",
        SLOWER: "faster now",
        EQUIVALENT: f"the same within {margin:g}",
        INCONCLUSIVE: "not shown",
    }
    for change in changes:
        difference = change.difference
        shown.add_row(
            change.url,
            change.name,
            f"{change.before.estimate:.1f} ± {change.before.half_width:.1f}",
            f"{change.after.estimate:.1f} ± {change.after.half_width:.1f}",
            f"{difference.estimate:+.1f} [{difference.low:+.1f}, {difference.high:+.1f}]",
            words[change.verdict],
        )
    return shown
