"""The section of a report that shows a result of `instructions`."""

from benchmarks.reporting.page import Field, Grid, Section
from benchmarks.results.records.instructions import Instructions


def section(instructions: Instructions) -> Section:
    if not instructions.rows:
        return Section("instructions", "Instructions counted", "None: valgrind was not installed.")
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
        f"By {instructions.valgrind}: no clock, hardly any noise, but not all instructions take as long.",
        grids=(grid,),
    )
