"""The section of a report that holds cost against time to revoke."""

from collections.abc import Sequence

from benchmarks.reporting import frontier, pictures
from benchmarks.reporting.page import Field, Grid, Picture, Report, Section
from benchmarks.reporting.wording import interval, listed
from benchmarks.results.records.revocation import Revocation
from benchmarks.stats.overhead import Table


def section(report: Report) -> Section | None:
    """Return the section; None if nothing was revoked."""
    revocation = report.part(Revocation)
    if revocation is None:
        return None
    counted = [event.name for event in revocation.events if event.name in report.events]
    shown = []
    for index, table in enumerate(report.overhead.tables):
        standings = frontier.standings(table, revocation, counted)
        if standings:
            shown.append(_trade(index, table, standings))
    standing = {row.scheme for row in revocation.rows}
    missing = dict.fromkeys(
        row.name for table in report.overhead.tables for row in table.rows if row.name not in standing
    )
    silent = f" Not in the result of revocation: {listed(missing)}." if missing else ""
    return Section(
        "frontier",
        "Cost against time to revoke",
        "Down and to the left is better. Filled: no other scheme is better; hollow: another one is revoked as soon "
        "and costs less, or sooner and costs no more. The time to revoke runs from "
        f"{listed(counted, 'or')}, whichever takes longest, until every process refuses the credential and its "
        "refresh token, without Valkey."
        f"{silent}",
        tuple(shown),
    )


def _trade(index: int, table: Table, standings: Sequence[frontier.Standing]) -> Picture:
    alt = f"Overhead on {table.url}, in microseconds, against time to revoke. " + "; ".join(
        f"{one.name} {interval(one.overhead)}, {one.delay}{', dominated' if one.dominated_by else ''}"
        for one in standings
    )
    grid = Grid(
        f"Overhead on {table.url}, in µs, and time to revoke",
        ("scheme", "adds (95 %)", "revoked", "longest after", "standing"),
        tuple(
            (
                Field(one.name),
                Field(interval(one.overhead)),
                Field(one.delay, frontier.kind(one.seconds)),
                Field(listed(one.worst) or "–"),
                Field(f"dominated by {listed(one.dominated_by, 'and')}" if one.dominated_by else "on the frontier"),
            )
            for one in standings
        ),
    )
    return Picture(table.url, pictures.frontier(f"frontier-{index}", standings, alt), grid)
