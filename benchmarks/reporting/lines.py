"""Pictures of figures that grow with a distance."""

from benchmarks.reporting import pictures
from benchmarks.reporting.page import Field, Grid, Picture
from benchmarks.reporting.wording import interval
from benchmarks.stats.intervals import Interval

Lines = dict[str, list[tuple[float, Interval]]]


def by_round_trip(name: str, title: str, lines: Lines, unit: str, note: str) -> Picture:
    """Against the measured round trip, in milliseconds, which all lines have the same."""
    trips = [trip for trip, _ in next(iter(lines.values()))]
    alt = f"{title}, in {unit}, against the round trip to the database. " + "; ".join(
        f"{label} {', '.join(f'{interval(value)} at {trip:.2f} ms' for trip, value in line)}"
        for label, line in lines.items()
    )
    grid = Grid(
        f"{title}, {unit}, by the round trip to the database",
        ("", *(f"{trip:.2f} ms" for trip in trips)),
        tuple((Field(label), *(Field(interval(value)) for _, value in line)) for label, line in lines.items()),
    )
    return Picture(title, pictures.growth(name, lines, "round trip to the database, ms", unit, alt), grid, (note,))
