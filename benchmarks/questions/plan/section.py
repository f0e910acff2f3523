"""The section of a report that shows a result of `plan`."""

from benchmarks.questions.plan import tables
from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.reporting.wording import duration
from benchmarks.results.records.plan import Plan


def section(plan: Plan) -> Section:
    """Return the section with the table, the population, the remarks and the formulae."""
    crowd = plan.crowd
    described = Grid(
        "The population",
        ("what", "how much"),
        tuple(
            (Field(name), Field(value))
            for name, value in (
                ("users", f"{crowd.users:,.0f}"),
                ("requests of a user in a day", f"{crowd.requests_per_user_per_day:g}"),
                ("logins of a user in a day", f"{crowd.logins_per_user_per_day:g}"),
                ("active time of a user in a day", f"{crowd.active_minutes_per_day:g} min"),
                ("refreshes of a user's pair in a day", f"{crowd.refreshes_per_user_per_day:g}"),
                ("lifetime of an access token", duration(crowd.access_lifetime_seconds)),
                ("busiest hour's rate, divided by the mean", f"{crowd.peak:g}"),
                ("utilisation of the cores in that hour", f"{crowd.utilisation:.0%}"),
                ("round trip to the database", f"{crowd.database_rtt_ms:g} ms"),
            )
        ),
    )
    lines = Grid(
        f"{crowd.users:,.0f} users: authentication on {plan.url}, at the peak",
        tables.HEAD,
        tuple(tuple(Field(text) for text in tables.line(each)) for each in plan.schemes),
    )
    remarks, formulae = (
        Grid(caption, ("",), tuple((Field(each),) for each in lines_of), prose=True)
        for caption, lines_of in (("How to read it", plan.remarks), ("The formulae", plan.formulae))
    )
    return Section(
        "plan",
        "A population, on paper",
        "The cost for this many users, computed from the measurements: nothing was tried at that size.",
        grids=(lines, described, remarks),
        folded=(formulae,),
        doubts=doubts(plan.verdict),
    )
