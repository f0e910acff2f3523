"""The section of a report that shows a result of `distance`."""

from benchmarks.reporting.lines import Lines, by_round_trip
from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.reporting.wording import ratio
from benchmarks.results.records.distance import Distance


def section(found: Distance) -> Section:
    took_ms = {trip.asked_ms: trip.median_us / 1000 for trip in found.round_trips}
    lines: Lines = {}
    for away in found.distances:
        for row in away.table.rows:
            lines.setdefault(row.name, []).append((took_ms[away.distance_ms], row.overhead))
    statements = {row.name: row.facts.sql_statements for row in found.distances[0].table.rows}
    waits = Grid(
        "Round trips to the database that a request waits for, more than anonymous's",
        ("scheme", "waits (95 %)", "SQL"),
        tuple((Field(name), Field(ratio(each)), Field(str(statements[name]))) for name, each in found.waits.items()),
    )
    trips = Grid(
        "What a question to the database took, in ms",
        ("asked for", "median"),
        tuple(
            (
                Field("directly" if trip.asked_ms is None else f"{trip.asked_ms:g}"),
                Field(f"{trip.median_us / 1000:.2f}"),
            )
            for trip in found.round_trips
        ),
    )
    return Section(
        "distance",
        "Where the database is farther away",
        "What each scheme adds to a request, by the measured round trip to the database, behind a proxy that holds "
        "back what it passes on. Waits: what a scheme adds more at the farthest than at the nearest, by how much "
        "longer a round trip takes there: the number of round trips.",
        (
            by_round_trip(
                "distance-adds", "What a request takes more", lines, "µs more than anonymous", "95 % intervals."
            ),
        ),
        (waits, trips),
        doubts=doubts(found.verdict),
    )
