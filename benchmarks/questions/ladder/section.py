"""The section of a report that shows a result of `ladder`."""

from dataclasses import asdict
from typing import Any

from benchmarks.reporting import pictures
from benchmarks.reporting.page import Field, Grid, Picture, Section, doubts, plain
from benchmarks.reporting.wording import count, interval
from benchmarks.results.records.ladder import Ladder, OneLadder


def section(ladder: Ladder) -> Section:
    """Return the waterfall of each scheme."""
    wholes = Grid(
        "Schemes that do not show their steps, in µs",
        ("scheme", "URL", "adds (95 %)"),
        tuple((Field(each.scheme), Field(each.url), Field(interval(each.whole))) for each in ladder.without_steps),
    )
    return Section(
        "ladder",
        "Where the time goes",
        "The longest bar is the most expensive step. Each rung adds one step to the rung before. The whole is the "
        "untouched scheme, timed apart, and the rest is what it takes beyond the sum of the rungs.",
        tuple(_waterfall(index, each) for index, each in enumerate(ladder.ladders)),
        (wholes,) if ladder.without_steps else (),
        doubts=doubts(ladder.verdict),
    )


def _waterfall(index: int, ladder: OneLadder) -> Picture:
    title = f"{ladder.scheme} on {ladder.url}"
    ends = [("sum", ladder.sum), ("rest", ladder.rest), ("whole", ladder.whole)]
    grid = Grid(
        f"{title}, times in µs",
        ("rung", "adds (95 %)", "SQL", "signatures"),
        (
            *(
                (
                    Field(rung.name),
                    Field(interval(rung.adds)),
                    Field(count(rung.sql_statements)),
                    Field(count(rung.signature_checks)),
                )
                for rung in ladder.rungs
            ),
            *((Field(name), Field(interval(value)), Field("–"), Field("–")) for name, value in ends),
        ),
    )
    steps = [*((rung.name, rung.adds) for rung in ladder.rungs), *ends]
    alt = f"Waterfall of {title}, in microseconds. " + "; ".join(f"{name} {interval(value)}" for name, value in steps)
    facts = ", ".join(_fact(name, value) for name, value in asdict(ladder.facts).items())
    return Picture(
        title,
        pictures.waterfall(f"ladder-{index}", ladder, alt),
        grid,
        (f"The whole request: {facts}.",) if facts else (),
        "" if ladder.adds_up else "The rungs do not add up to the whole.",
    )


def _fact(name: str, value: Any) -> str:
    words, unit = (name.removesuffix("_us"), " µs") if name.endswith("_us") else (name, "")
    return f"{words.replace('_', ' ')} {plain(value)}{unit}"
