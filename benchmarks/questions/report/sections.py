"""Every section of a report, in the order of the page."""

from collections.abc import Callable
from typing import Any

from benchmarks.questions.compare import section as compare
from benchmarks.questions.distance import section as distance
from benchmarks.questions.flows import section as flows
from benchmarks.questions.instructions import section as instructions
from benchmarks.questions.ladder import section as ladder
from benchmarks.questions.load import section as load
from benchmarks.questions.overhead import section as overhead
from benchmarks.questions.plan import section as plan
from benchmarks.questions.proposals import section as proposals
from benchmarks.questions.refreshes import section as refreshes
from benchmarks.questions.report import frontier, plainly
from benchmarks.questions.revocation import section as revocation
from benchmarks.questions.scale import section as scale
from benchmarks.questions.scale.tracks import section as scale_tracks
from benchmarks.questions.versus import section as versus
from benchmarks.questions.wire import section as wire
from benchmarks.reporting.page import Report, Section

FAR = "load --distance"  # such a result stands on the page next to one with a near database

_AFTER_THE_FRONTIER: tuple[tuple[str, Callable[[Any], Section | None]], ...] = (
    ("revocation", revocation.section),
    ("overhead", overhead.contests),
    ("wire", wire.section),
    ("flows", flows.section),
    ("ladder", ladder.section),
    ("instructions", instructions.section),
    ("load", load.section),
    ("distance", distance.section),
    (FAR, load.far),
    ("scale", scale.section),
    ("scale tracks", scale_tracks.section),
    ("plan", plan.section),
    ("compare", compare.section),
    ("versus", versus.section),
    ("proposals", proposals.section),
    ("refreshes", refreshes.section),
)

# Name of a result -> what a page without it lacks.
PURPOSES = {
    "revocation": "when a credential stops working, and cost against time to revoke",
    "wire": "what each scheme adds over HTTP",
    "flows": "what logging in and refreshing costs",
    "ladder": "where the time goes",
    "instructions": "instructions counted",
    "load": "requests per second, and how long they take",
    "distance": "what each scheme adds if the database is farther away",
    FAR: "requests per second, by the database's distance",
    "scale": "what changes with more users",
    "scale tracks": "how long pages and searches take among many tracks",
    "plan": "what a population needs",
    "compare": "what changed since another run",
    "versus": "what changed since an earlier revision",
    "proposals": "what DPoP, ML-DSA and a Token Status List would cost",
    "refreshes": "what a refresh writes and what ends a login, library by library",
}


def sections(report: Report) -> list[Section]:
    """Return the sections that the report's results make."""
    known = {name for name, _ in _AFTER_THE_FRONTIER}
    made = [
        overhead.section(report.overhead),
        frontier.section(report),
        *(make(report.parts[name]) for name, make in _AFTER_THE_FRONTIER if name in report.parts),
        *(plainly.section(part) for name, part in report.parts.items() if name not in known),
    ]
    return [each for each in made if each is not None]


def absent(report: Report) -> dict[str, str]:
    """Return the results that the report lacks, with their purposes."""
    return {name: purpose for name, purpose in PURPOSES.items() if name not in report.parts}
