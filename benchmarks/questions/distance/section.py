"""The section of a report that shows a result of `distance`."""

from benchmarks.reporting.lines import Lines, by_round_trip
from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.reporting.wording import decimals
from benchmarks.results.records.distance import Distance


def section(found: Distance) -> Section:
    """Return the section with what each scheme adds by the round trip to the database."""
    took_ms = {trip.asked_ms: trip.median_us / 1000 for trip in found.round_trips}
    lines: Lines = {}
    for away in found.distances:
        for row in away.table.rows:
            lines.setdefault(row.name, []).append((took_ms[away.distance_ms], row.overhead))
    statements = {row.name: row.facts.sql_statements for row in found.distances[0].table.rows}
    waits = Grid(
        "Round trips to the database that each scheme adds to a request",
        ("scheme", "waits (95 %)", "SQL"),
        tuple((Field(name), Field(decimals(each)), Field(str(statements[name]))) for name, each in found.waits.items()),
    )
    trips = Grid(
        "Measured time of a query to the database, in ms",
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
        "With the database farther away",
        "Read waits first: how many round trips to the database a scheme adds to a request. It is the growth of what "
        "the scheme adds, from the nearest to the farthest, divided by the growth of the round trip. A proxy delays "
        "the traffic; the round trips are measured.",
        (
            by_round_trip(
                "distance-adds", "What a scheme adds to a request", lines, "µs on top of anonymous", "95 % intervals."
            ),
        ),
        (waits, trips),
        doubts=doubts(found.verdict),
    )
