"""The section of a report that shows a result of `scale`."""

from collections.abc import Callable

from benchmarks.questions.flows.messages import OBTAIN, REFRESH
from benchmarks.reporting import pictures
from benchmarks.reporting.lines import Lines
from benchmarks.reporting.page import Field, Grid, Picture, Section, doubts
from benchmarks.reporting.wording import figure
from benchmarks.results.records.scale import LoginCosts, Scale
from benchmarks.stats.intervals import Interval


def section(scale: Scale) -> Section:
    """Return the section with what grows, and what does not, with the number of users."""
    first = scale.sizes[0]
    adds = {
        row.name: [
            (size.population, each.overhead)
            for size in scale.sizes
            for each in size.table.rows
            if each.name == row.name
        ]
        for row in first.table.rows
    }
    shown = [_growing("adds", f"What a scheme adds to a request on {first.table.url}", adds, "µs on top of anonymous")]
    costs = {size.population: size.upkeep for size in scale.sizes if size.upkeep is not None}
    for flow in (OBTAIN, REFRESH):
        shown.append(_growing(flow, f"{flow.capitalize()}, without a password's hash", _flow_lines(costs, flow), "µs"))
    shown.append(
        _growing("flush", "Cleaning up", _lines_of(costs, lambda each: each.flush_us), "µs for each expired login")
    )
    kept = _lines_of(
        costs,
        lambda each: {name: Interval(value, value, value) for name, value in each.bytes_per_login.items()},
    )
    shown.append(_growing("bytes", "What a login takes on disk, with indexes", kept, "bytes for each user"))
    return Section(
        "scale",
        "With more users",
        "Read each line from left to right: a flat line costs the same with more users. Each user has a credential of "
        f"every kind, and a login that was refreshed {scale.refreshes:,} times; SimpleJWT keeps two rows for each "
        "refresh, ours one for each login.",
        tuple(picture for picture in shown if picture is not None),
        (_on_disk(scale),),
        doubts=doubts(scale.verdict),
    )


def _on_disk(scale: Scale) -> Grid:
    def each(size: float | None, rows: int) -> str:
        return "–" if size is None or not rows else f"{size / rows:,.0f}"

    return Grid(
        "Bytes on disk for each row",
        ("table", "users", "rows", "row", "its indexes"),
        tuple(
            (
                Field(one.table),
                Field(f"{size.population:,}"),
                Field(f"{one.rows:,}"),
                Field(each(one.table_bytes, one.rows)),
                Field(each(one.index_bytes, one.rows)),
            )
            for size in scale.sizes
            for one in size.stored.tables
        ),
    )


def _flow_lines(costs: dict[int, LoginCosts], flow: str) -> Lines:
    return _lines_of(
        costs, lambda each: {scheme: flows[flow] for scheme, flows in each.flows_us.items() if flow in flows}
    )


def _lines_of(costs: dict[int, LoginCosts], values: Callable[[LoginCosts], dict[str, Interval]]) -> Lines:
    lines: Lines = {}
    for population, each in costs.items():
        for name, value in values(each).items():
            lines.setdefault(name, []).append((population, value))
    return lines


def _growing(name: str, title: str, lines: Lines, unit: str) -> Picture | None:
    """Return a picture of lines over the number of users; None: there is nothing to draw."""
    if not lines:
        return None
    alt = f"{title}, in {unit}, against users. " + "; ".join(
        f"{label} {', '.join(f'{figure(value)} with {users:,}' for users, value in line)}"
        for label, line in lines.items()
    )
    grid = Grid(
        f"{title}: {unit}",
        ("", "users", unit),
        tuple(
            (Field(label), Field(f"{users:,}"), Field(figure(value)))
            for label, line in lines.items()
            for users, value in line
        ),
    )
    # The user who is timed counts too; 0 has no logarithm.
    drawn = {label: [(users + 1, value) for users, value in line] for label, line in lines.items()}
    return Picture(title, pictures.growth(f"scale-{name}", drawn, "users", unit, alt), grid)
