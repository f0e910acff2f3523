"""The tables and remarks that the command `load` shows."""

from collections.abc import Callable, Sequence
from typing import Any

from rich import box
from rich.table import Table

from benchmarks.questions.load.rates import (
    PARTS,
    STOCK,
    Figure,
    at_part,
    at_saturation,
    highest,
    median,
    ratio_to_stock,
    stock,
)
from benchmarks.reporting import tables
from benchmarks.reporting.wording import ratio
from benchmarks.results.records.load import Load, Loaded


def of(record: Load) -> list[Table]:
    """Return the tables of rates and of response times."""
    return [_rates(record), _times(record)]


def _rates(record: Load) -> Table:
    turns = len(record.contenders[0].turns)
    shown = _empty(f"{record.plan.url}: requests per second, the median of {turns} turns [least, most]")
    for heading in ("at saturation", "times (95 %)", f"within {record.plan.bound_us / 1000:g} ms", "times (95 %)"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for each in record.contenders:
        cells = []
        for figure in (at_saturation, highest):
            cells += [_rate([figure(turn) for turn in each.turns]), _ratio(each, record.contenders, figure)]
        shown.add_row(each.name, *cells)
    return shown


def _times(record: Load) -> Table:
    shown = _empty("ms at a part of the rate at saturation: median, 99th percentile, [the same from the sending]")
    for part in PARTS:
        shown.add_column(f"{part:.0%}", justify="right", no_wrap=True)
    for each in record.contenders:
        cells: list[list[str]] = []
        for part in PARTS:
            steps = [at_part(turn, part) for turn in each.turns]
            middle, tail, naive = (
                _milliseconds(median([getattr(step, name) for step in steps]) or 0)
                for name in ("p50_us", "p99_us", "sent_p99_us")
            )
            cells.append([middle, tail, f"[{naive}]"])
        shown.add_row(each.name, *("\n".join(cell) for cell in cells))
    return shown


def remarks(record: Load, machine: dict[str, Any]) -> list[str]:
    """Return what a reader must know to read the tables, a paragraph each."""
    plan = record.plan
    where = (
        "Server and generator shared the cores."
        if record.server_core is None
        else f"The server had core {record.server_core} to itself, as one process of {record.threads} threads."
    )
    return [
        *tables.population(record.population, record.stored),
        "Read first: requests per second within the bound, and their ratio to "
        f"{STOCK.name} in the same turn (times), the mean over the turns with Student's interval. Its second series, "
        "called again, is the A/A control. Within: the highest rate tried at which the 99th percentile, counted "
        f"from when a request was due, was at most {plan.bound_us / 1000:g} ms and every answer 200. "
        f"{plan.connections} kept connections, {plan.seconds:g} s for each rate. {where}",
        f"The generator sends {record.ceiling_per_second:.0f} requests per second to a server that only answers.",
        *tables.round_trips(record.round_trips),
        *tables.measured(record.service),
        *tables.on(machine, record.steal, record.load_average_after, record.seconds),
    ]


def _empty(title: str) -> Table:
    shown = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    shown.add_column("contender", overflow="fold")
    return shown


def _rate(found: Sequence[float | None]) -> str:
    known = [each for each in found if each]
    # A turn without a rate was below all that were tried.
    return _spread(known, "{:.0f}".format) if len(known) == len(found) else "-"


def _ratio(each: Loaded, contenders: Sequence[Loaded], figure: Figure) -> str:
    if each.name == stock(each.distance_ms).name:
        return "1"
    found = ratio_to_stock(each, contenders, figure)
    return "-" if found is None else ratio(found)


def _spread(found: Sequence[float], text: Callable[[float], str]) -> str:
    return f"{text(median(found) or 0)} [{text(min(found))}, {text(max(found))}]"


def _milliseconds(microseconds: float) -> str:
    milliseconds = microseconds / 1000
    return f"{milliseconds:.0f}" if milliseconds >= 100 else f"{milliseconds:.1f}"
