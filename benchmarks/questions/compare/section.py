"""The section of a report that shows a result of `compare`."""

from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.reporting.wording import interval
from benchmarks.results.records.compare import SHOWN, Comparison


def section(comparison: Comparison) -> Section:
    """Return the changes."""
    words = {
        "faster": "slower now",
        "slower": "faster now",
        "equivalent": f"the same within {comparison.margin_us:g}",
        "inconclusive": "not shown",
    }
    what, unit = SHOWN[comparison.of]
    # What was faster before is worse now.
    kinds = {"faster": "bad", "slower": "good", "equivalent": "mixed", "inconclusive": ""}
    changes = Grid(
        what,
        ("contender", "URL", "before (95 %)", "after (95 %)", "change (95 %)", "verdict"),
        tuple(
            (
                Field(each.name),
                Field(each.url),
                Field(interval(each.before.divided(unit))),
                Field(interval(each.after.divided(unit))),
                Field(interval(each.difference.divided(unit))),
                Field(words[each.verdict], kinds[each.verdict]),
            )
            for each in comparison.changes
        ),
    )
    versions = f" Versions that differ: {'; '.join(comparison.versions)}." if comparison.versions else ""
    return Section(
        "compare",
        "What changed",
        f"From {comparison.before.file} ({comparison.before.date}) to {comparison.after.file} "
        f"({comparison.after.date}).{versions}",
        grids=(changes,),
        doubts=doubts(comparison.verdict),
    )
