"""The section of a report that shows a result of `versus`."""

from benchmarks.reporting.overheads import KINDS
from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.reporting.wording import decimals, interval
from benchmarks.results.records.versus import Versus
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Outcome

_NONE = Field("–")


def section(versus: Versus) -> Section:
    """Return what changed since the revision, or what the head adds if that was not measured."""

    def line(
        what: str, before: Interval | None, after: Interval, difference: Interval | None, now: Outcome | None
    ) -> tuple[Field, ...]:
        if before is None or difference is None or now is None:
            return Field(what), _NONE, Field(interval(after)), _NONE, _NONE
        words = {"equivalent": f"the same within {versus.margin_us:g}", "inconclusive": "not shown"}
        times = (Field(interval(each)) for each in (before, after))
        by = Field(interval(difference, signed=True))
        return (Field(what), *times, by, Field(words.get(now, f"{now} now"), KINDS[now]))

    lines = [line("request", versus.before, versus.after, versus.difference, versus.now)]
    if (adds := versus.adds) is not None:
        lines.append(line("adds to anonymous", adds.before, adds.after, adds.difference, adds.now))
    revision = f"{versus.revision.name} ({versus.revision.commit[:12]})"
    title = "Against an earlier revision"
    where = f"at {revision} and in the checkout that was measured"
    columns = (f"at {versus.revision.name} (95 %)", "now (95 %)")
    if versus.of:
        title = "The class at the base and at the head"
        where = f"at the base {revision} and at the head {versus.of.words}"
        columns = ("at the base (95 %)", "at the head (95 %)")
    sentences = [f"{versus.contender} on {versus.url}, {where}."]
    if versus.before is None:
        why = versus.of.no_base if versus.of else ""
        sentences.append(f"Only the head was measured: {why}.")
    else:
        if versus.ratio:
            sentences.append(f"The ratio of now to then is {decimals(versus.ratio, 3)}.")
        unlike = f"The bodies differ: {versus.unlike}."
        sentences.append(unlike if versus.unlike else "The bodies are equal, byte for byte.")
    return Section(
        "versus",
        title,
        " ".join(sentences),
        grids=(
            Grid(
                f"{versus.contender} on {versus.url}, in µs; the A/A control: {interval(versus.control)}",
                ("", *columns, "difference (95 %)", "verdict"),
                tuple(lines),
            ),
        ),
        doubts=doubts(versus.verdict),
    )
