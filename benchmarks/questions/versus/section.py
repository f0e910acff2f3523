"""The section of a report that shows a result of `versus`."""

from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.reporting.wording import decimals, interval
from benchmarks.results.records.versus import Versus
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Outcome

_KINDS = {"faster": "good", "slower": "bad", "equivalent": "mixed", "inconclusive": ""}


def section(versus: Versus) -> Section:
    """Return what changed since the revision."""

    def line(what: str, before: Interval, after: Interval, difference: Interval, now: Outcome) -> tuple[Field, ...]:
        words = {"equivalent": f"the same within {versus.margin_us:g}", "inconclusive": "not shown"}
        times = (Field(interval(each)) for each in (before, after))
        by = Field(interval(difference, signed=True))
        return (Field(what), *times, by, Field(words.get(now, f"{now} now"), _KINDS[now]))

    lines = [line("request", versus.before, versus.after, versus.difference, versus.now)]
    if (adds := versus.adds) is not None:
        lines.append(line("adds to anonymous", adds.before, adds.after, adds.difference, adds.now))
    ratio = f" The ratio of now to then is {decimals(versus.ratio, 3)}." if versus.ratio else ""
    bodies = f"The bodies differ: {versus.unlike}." if versus.unlike else "The bodies are equal, byte for byte."
    return Section(
        "versus",
        "Against an earlier revision",
        f"{versus.contender} on {versus.url}, at {versus.revision.name} ({versus.revision.commit[:12]}) and in the "
        f"checkout that was measured.{ratio} {bodies}",
        grids=(
            Grid(
                f"{versus.contender} on {versus.url}, in µs; the A/A control: {interval(versus.control)}",
                ("", f"at {versus.revision.name} (95 %)", "now (95 %)", "difference (95 %)", "verdict"),
                tuple(lines),
            ),
        ),
        doubts=doubts(versus.verdict),
    )
