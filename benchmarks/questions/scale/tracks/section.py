"""The section of a report that shows a result of `scale tracks`."""

from benchmarks.questions.scale.tracks.tables import FIRST, ratio
from benchmarks.reporting.page import Field, Grid, Section, doubts
from benchmarks.reporting.wording import count, interval
from benchmarks.results.records.scale_tracks import Catalogue, ScaleTracks


def section(found: ScaleTracks) -> Section:
    """Return the section with how long each page and search takes."""
    compared = f"at {found.revision.name}" if found.revision else f"among {found.sizes[0].tracks:,} tracks"
    return Section(
        "scale-tracks",
        "Pages and searches among many tracks",
        "Read the ratio first: it compares the time of a request to GET /tracks/, without authentication and in "
        f"process, with the same request {compared}.",
        grids=tuple(_times(size) for size in found.sizes),
        folded=tuple(_plans(size) for size in found.sizes),
        doubts=doubts(found.verdict),
    )


def _times(size: Catalogue) -> Grid:
    return Grid(
        f"Among {size.tracks:,} tracks, times in ms",
        ("query", "SQL", "before (95 %)", "time (95 %)", "ratio (95 %)"),
        tuple(
            (
                Field(each.query or FIRST),
                Field(count(each.statements)),
                Field("–" if each.before_ms is None else interval(each.before_ms)),
                Field(interval(each.time_ms)),
                Field("–" if each.ratio is None else ratio(each.ratio)),
            )
            for each in size.queries
        ),
    )


def _plans(size: Catalogue) -> Grid:
    return Grid(
        f"What the database reads among {size.tracks:,} tracks",
        ("query", "steps of its plans"),
        tuple((Field(each.query or FIRST), Field("; ".join(each.plan))) for each in size.queries),
        prose=True,
    )
