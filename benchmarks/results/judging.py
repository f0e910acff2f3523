"""Judging a result again by its own figures: a stranger or an older lab may have judged it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.messages import CONTROL, Blocks
from benchmarks.results.files import ResultError
from benchmarks.results.records.common import Record
from benchmarks.results.records.overhead import Overhead, Tabulated
from benchmarks.results.records.wire import Wire
from benchmarks.stats import overhead, verdicts
from benchmarks.stats.intervals import Interval, t_interval
from benchmarks.stats.overhead import Table
from benchmarks.stats.verdicts import Verdict

_WIRE = "wire"  # the place in a turn of `wire` that its tables are of
_NEAR, _NEAR_SHARE = 0.01, 1e-6  # µs, and a share of the figure: what rounding may change


def judged(path: Path, record: Record) -> Record:
    """Return the result, inconclusive if today's judge says so of the figures that it holds.

    Raises ResultError, which names the file, if its verdict or figures contradict each other.
    """
    verdict = getattr(record, "verdict", None)
    if not isinstance(verdict, Verdict):
        return record
    if verdict.conclusive and (verdict.reasons or verdict.exit_code):
        why = verdict.reasons[0] if verdict.reasons else f"exit code {verdict.exit_code}"
        raise ResultError(f"{path}: its verdict is conclusive, and says why it is not: {why}")
    for name in ("steal", "waited"):
        share = getattr(record, name, None)
        if share is not None and not 0 <= share <= 1:
            raise ResultError(f"{path}: {name} is {share:g}; allowed: 0 to 1, the share of a time")
    try:
        reasons = _reasons(path, record)
    except ArithmeticError as error:
        raise ResultError(f"{path}: its figures cannot be judged: {error}") from None
    if not verdict.conclusive or not reasons:
        return record
    again = Verdict.of([f"judged again, {reason}" for reason in reasons], verdict.remarks)
    return replace(record, verdict=again)  # type: ignore[call-arg]  # every class with a verdict has the field


def _reasons(path: Path, record: Record) -> Sequence[str]:
    steal, waited = getattr(record, "steal", None), getattr(record, "waited", None) or 0.0
    if not isinstance(record, Tabulated):
        return overhead.machine_reasons(steal, waited)
    for table in record.tables:
        _check(path, table, _figures(path, record, table))
    wanted = record.plan.get("precision_us")
    if wanted is not None and (isinstance(wanted, bool) or not isinstance(wanted, int | float)):
        raise ResultError(f"{path}: precision_us is {wanted!r}, which is no number")
    return overhead.judge(record.tables, steal, waited, record.widest_us, wanted).reasons


# --- do a table's figures follow from what the processes measured? ------------------------------


def _blocks(record: Tabulated, url: str) -> list[Blocks | None]:
    """Return what each process measured at a URL; None: one lacks it."""
    if isinstance(record, Overhead):
        return [each.blocks.get(url) for each in record.processes]
    if isinstance(record, Wire):
        return [each.blocks.get(_WIRE, {}).get(url) for each in record.turns]
    return []


def _figures(path: Path, record: Tabulated, table: Table) -> Mapping[str, list[float]]:
    """Return contender -> what it added in each process; empty if the blocks were left out."""
    everything = _blocks(record, table.url)
    blocks = [each for each in everything if each]
    if not blocks:
        return {}
    names = [row.name for row in table.rows]
    try:
        figures = {name: [overhead.overhead(each, name) for each in blocks] for name in (*names, CONTROL)}
    except (KeyError, ValueError, IndexError) as error:
        raise ResultError(f"{path}: what its processes measured on {table.url} lacks {error}") from None
    if len(blocks) != len(everything) or len(blocks) < 2:
        raise ResultError(f"{path}: {len(blocks)} of {len(everything)} processes measured {table.url}; it needs all, 2")
    return figures


def _check(path: Path, table: Table, figures: Mapping[str, list[float]]) -> None:
    """Raise ResultError, which names a row, if its figures cannot be, or are not the blocks'."""
    said = {row.name: row.overhead for row in table.rows} | {CONTROL: table.control}
    contests = {(each.first, each.second): each for each in table.contests}
    said |= {f"{second} minus {first}": each.difference for (first, second), each in contests.items()}
    for name, interval in said.items():
        if not interval.low <= interval.estimate <= interval.high:
            raise ResultError(f"{path}: the interval of {name} on {table.url} does not hold its own estimate")
    if not figures:
        return
    if not 0 < table.control_level < 1:
        raise ResultError(f"{path}: control_level is {table.control_level:g} on {table.url}; allowed: between 0 and 1")
    found = {name: t_interval(each) for name, each in figures.items() if name != CONTROL}
    found[CONTROL] = t_interval(figures[CONTROL], table.control_level)
    again = verdicts.contests({row.name: figures[row.name] for row in table.rows}, table.margin_us)
    found |= {f"{each.second} minus {each.first}": each.difference for each in again}
    for name, interval in found.items():
        if name not in said or not _near(said[name], interval):
            shown = _shown(said[name]) if name in said else "missing"
            raise ResultError(
                f"{path}: {name} on {table.url} is {shown} in the table, and {_shown(interval)} by what its processes "
                "measured"
            )
    for each in again:
        claimed = contests[each.first, each.second].verdict
        if claimed != each.verdict:
            raise ResultError(
                f"{path}: {each.first} against {each.second} on {table.url} is called {claimed}, and is {each.verdict} "
                "by what its processes measured"
            )


def _near(one: Interval, other: Interval) -> bool:
    pairs: Any = ((one.estimate, other.estimate), (one.low, other.low), (one.high, other.high))
    return all(abs(this - that) <= _NEAR + _NEAR_SHARE * abs(that) for this, that in pairs)


def _shown(interval: Interval) -> str:
    return f"{interval.estimate:.1f} ({interval.low:.1f} to {interval.high:.1f}) µs"
