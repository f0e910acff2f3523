"""The tables and remarks that the command `scale` shows."""

from typing import Any

from rich.table import Table

from benchmarks.questions.flows.messages import OBTAIN, REFRESH
from benchmarks.questions.scale import login_costs
from benchmarks.reporting import tables
from benchmarks.reporting.wording import interval, ratio
from benchmarks.results.records.scale import LoginCosts, Scale
from benchmarks.stats.verdicts import EQUIVALENT, INCONCLUSIVE


def of(record: Scale) -> list[Table]:
    """Return the tables of requests, of rows on disk, and of logins if they were timed."""
    costs = {size.population: size.upkeep for size in record.sizes if size.upkeep is not None}
    return [_changes(record), _stored(record), *([_logins(costs), _cleaning(costs)] if costs else [])]


def _changes(record: Scale) -> Table:
    least = record.sizes[0]
    shown = tables.empty(
        f"{least.table.url} ({len(record.turns)} processes at each size; times in µs; ≈: the same within "
        f"{record.margin_us:g} µs)",
        "contender",
        "other users",
        "adds (95 %)",
        f"than with {least.population:,} (95 %)",
        "ratio (95 %)",
        "",
    )
    for row in least.table.rows:
        shown.add_row(row.name, f"{least.population:,}", interval(row.overhead), "", "", "")
        for change in (each for each in record.changes if each.scheme == row.name):
            shown.add_row(
                "",
                f"{change.population:,}",
                interval(change.adds),
                interval(change.difference),
                ratio(change.ratio) if change.ratio else "-",
                {EQUIVALENT: "≈", INCONCLUSIVE: "?"}.get(change.verdict, change.verdict),
            )
    return shown


def _stored(record: Scale) -> Table:
    shown = tables.empty("bytes on disk for each row", "table", "rows", "row", "its indexes")
    for size in record.sizes:
        for each in size.stored.tables:
            parts = (each.table_bytes, each.index_bytes)
            shown.add_row(
                each.table,
                f"{each.rows:,}",
                *("-" if part is None or not each.rows else f"{part / each.rows:.0f}" for part in parts),
            )
        shown.add_section()
    return shown


def _logins(costs: dict[int, LoginCosts]) -> Table:
    shown = tables.empty("logins, times in µs", "scheme", "other users", "login (95 %)", "refresh (95 %)", "bytes")
    first = next(iter(costs.values()))
    for scheme, flows in first.flows_us.items():
        for population, each in costs.items():
            bytes_each = each.bytes_per_login.get(scheme)
            shown.add_row(
                scheme if each is first else "",
                f"{population:,}",
                *(interval(each.flows_us[scheme][flow]) if flow in flows else "-" for flow in (OBTAIN, REFRESH)),
                "-" if bytes_each is None else f"{bytes_each:,.0f}",
            )
    return shown


def _cleaning(costs: dict[int, LoginCosts]) -> Table:
    commands = next(iter(costs.values())).flush_us
    shown = tables.empty("cleaning up, µs for each expired login (95 %)", "other users", *commands)
    for population, each in costs.items():
        shown.add_row(f"{population:,}", *(interval(value) for value in each.flush_us.values()))
    return shown


def remarks(record: Scale, machine: dict[str, Any]) -> list[str]:
    """Return what a reader must know to read the tables, a paragraph each."""
    lines = [
        "Read the last column first: ≈ means that the scheme costs the same with more users. Adds: "
        "microseconds on top of anonymous. Verdicts hold for all rows together (Holm). Row, its indexes: bytes on disk "
        "for each row."
    ]
    if any(size.upkeep for size in record.sizes):
        lines += [
            "Login: without the password's hash. Bytes: tables that the scheme's logins and refreshes fill, with their "
            f"indexes, for each user, who has refreshed {record.refreshes:,} times.",
            f"Cleaning up: {login_costs.EXPIRED:,} expired logins, or as many as there are users, refreshed as often.",
        ]
    return [
        *lines,
        *(
            f"Control: with {int(population):,} other users, anonymous, which reads no credential, differs by "
            f"{interval(control)} µs ({100 * record.control_level:.4g} % interval)."
            for population, control in record.controls.items()
        ),
        *(
            f"{size.population:,} other users: {size.stored.database_bytes / 1e6:.1f} MB on disk, loaded in "
            f"{size.stored.seconds:.0f} s."
            for size in record.sizes
        ),
        *tables.conditions(record, machine),
    ]
