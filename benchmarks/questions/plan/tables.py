"""The tables that show a plan, on a terminal and in a report."""

from rich import box
from rich.table import Table

from benchmarks.questions.plan.capacity import CALLS
from benchmarks.questions.plan.wording import size
from benchmarks.reporting.wording import number
from benchmarks.results.records.plan import Plan, Planned
from benchmarks.stats.intervals import Interval

HEAD = (
    "scheme",
    "cores",
    "SQL/s",
    "rows/s",
    "connections",
    "ms away",
    "a day",
    "a year",
    "revoked",
)
LOAD = 6  # of HEAD: the columns after these do not depend on the load


def of(plan: Plan) -> list[Table]:
    """Return two tables: a scheme's whole line is too long for a terminal."""
    return [
        _part(plan, f"{plan.crowd.users:,} users: authentication on {plan.url}, at the peak", slice(1, LOAD)),
        _part(plan, "growth of tables and indexes, and the time until a credential is revoked", slice(LOAD, None)),
    ]


def line(each: Planned) -> tuple[str, ...]:
    """Return one scheme's line of a table under HEAD."""
    day = each.bytes_per_day
    return (
        each.scheme,
        _give_or_take(each.cores),
        f"{each.statements_per_second:,.0f}",
        "–" if each.rows_written_per_second is None else f"{each.rows_written_per_second:,.0f}",
        _give_or_take(each.connections_busy),
        "/".join(f"{each.latency_ms[name]:g}" for name in CALLS if name in each.latency_ms),
        *(("–", "–") if day is None else (size(day), size(365 * day))),
        each.revoked or "–",
    )


def _part(plan: Plan, title: str, part: slice) -> Table:
    shown = Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))
    shown.add_column(HEAD[0], no_wrap=True)
    for heading in HEAD[part]:
        shown.add_column(heading, justify="right", no_wrap=True)
    for each in plan.schemes:
        name, *_ = cells = line(each)
        shown.add_row(name, *cells[part])
    return shown


def _give_or_take(value: Interval) -> str:
    return f"{number(value.estimate)} ±{number(value.half_width)}"
