"""The section of a report that shows a result of `instructions`."""

from benchmarks.reporting.page import Field, Grid, Section
from benchmarks.results.records.instructions import Instructions


def section(instructions: Instructions) -> Section:
    """Return the counts."""
    if not instructions.rows:
        return Section("instructions", "Instructions counted", "Nothing was counted: valgrind was not installed.")
    grid = Grid(
        f"Instructions per request{f' of {instructions.url}' if instructions.url else ''}",
        ("scheme", "instructions", "over anonymous"),
        tuple(
            (Field(each.scheme), Field(f"{each.instructions_per_request:,.0f}"), Field(f"{each.over_anonymous:,.0f}"))
            for each in instructions.rows
        ),
    )
    return Section(
        "instructions",
        "Instructions counted",
        f"valgrind {instructions.valgrind} counted them. A count has hardly any noise, but it is not a time: "
        "instructions take unequal time.",
        grids=(grid,),
    )
