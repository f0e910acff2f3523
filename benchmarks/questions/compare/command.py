"""Did anything change between two runs?"""

import click
from rich.table import Table

from benchmarks import terminal
from benchmarks.questions import options, outcome
from benchmarks.reporting import tables
from benchmarks.reporting.wording import interval
from benchmarks.results import comparison, files
from benchmarks.results.records.compare import SHOWN, Comparison, Run
from benchmarks.stats.verdicts import EQUIVALENT, FASTER, INCONCLUSIVE, SLOWER


@click.command(name="compare")
@click.argument("before", type=options.OUTPUT)
@click.argument("after", type=options.OUTPUT)
@click.option("--anyway", is_flag=True, help="Compare runs of unlike environments, too.")
@options.margin("Microseconds within which a figure counts as unchanged.")
@click.option("--json", "path", type=options.OUTPUT, help="Where to write the comparison.  [default: nowhere]")
def command(before, after, anyway, margin, path):
    """Compare two runs of `overhead`, or two of `scale tracks`: did anything change?

    Each contender is compared with itself on another day, in another version or on another machine.
    Among tracks, it is the request for each page and search.
    The command refuses runs on unlike processors, databases, connection policies or switches,
    unless --anyway. Verdicts hold for all rows together (Holm).

    \b
    Exit codes:
      0  compared, whatever was found
      1  a file cannot be read or written, or the runs are unlike
      2  wrong usage
      3  one of the two runs was inconclusive itself
    """
    if path:
        files.try_file(path)
    with outcome.refusals(files.ResultError, comparison.UnlikeError):
        (old, one), (new, other) = (comparison.read(file) for file in (before, after))
        if one.command != other.command:
            raise comparison.UnlikeError(f"a result of {one.command} and one of {other.command}; allowed: two of one")
        unlike = comparison.differences(comparison.conditions(old, one), comparison.conditions(new, other))
        unlike += comparison.loads(one, other)
        if unlike and not anyway:
            raise comparison.UnlikeError(
                "unlike environments; --anyway compares them all the same\n  " + "\n  ".join(unlike)
            )
        changes = comparison.compare(comparison.figures_of(one), comparison.figures_of(other), margin)
    runs = {before: one, after: other}
    record = Comparison(
        of=one.command,
        before=Run(before.name, old.date, old.environment),
        after=Run(after.name, new.date, new.environment),
        unlike=tuple(unlike),
        versions=tuple(comparison.versions(old.environment, new.environment)),
        margin_us=margin,
        inconclusive=tuple(f"{file}: {reason}" for file, run in runs.items() for reason in run.verdict.reasons),
        changes=tuple(changes),
    )
    shown = [
        _table(record),
        f"Before: {old.date}, {before}. After: {new.date}, {after}.",
        *(f"Unlike: {line}" for line in record.unlike),
        *(f"Other version: {line}" for line in record.versions),
        *(f"INCONCLUSIVE by itself: {line}" for line in record.inconclusive),
    ]
    outcome.finish(path, record, shown, code=terminal.INCONCLUSIVE if record.inconclusive else 0, written_as="")


def _table(record: Comparison) -> Table:
    what, unit = SHOWN[record.of]
    shown = tables.empty(f"{what[0].lower()}{what[1:]}, with 95 % intervals", "URL")
    shown.columns[0].no_wrap, shown.columns[0].overflow = False, "fold"
    shown.add_column("contender", no_wrap=True)
    for heading in ("before", "after", "change"):
        shown.add_column(heading, justify="right", no_wrap=True)  # else an interval breaks over lines
    shown.add_column("verdict")
    words = {
        FASTER: "slower now",
        SLOWER: "faster now",
        EQUIVALENT: f"the same within {record.margin_us:g}",
        INCONCLUSIVE: "not shown",
    }
    for change in record.changes:
        shown.add_row(
            change.url,
            change.name,
            interval(change.before.divided(unit)),
            interval(change.after.divided(unit)),
            interval(change.difference.divided(unit), signed=True),
            words[change.verdict],
        )
    return shown
