"""The sections of a report that show a result of `overhead`."""

from benchmarks.reporting import overheads
from benchmarks.reporting.page import Section
from benchmarks.results.records.overhead import Overhead


def section(overhead: Overhead) -> Section:
    """Return what each scheme adds."""
    stock = frozenset(contender.name for contender in overhead.contenders if contender.is_stock)
    shown = [overheads.forest(f"forest-{index}", table, stock) for index, table in enumerate(overhead.tables)]
    return Section(
        "overhead",
        "What each scheme adds to a request",
        "Microseconds on top of anonymous, the same request without authentication: estimate and 95 % interval. "
        "Further right costs more. A hollow square is a library's own class. The grey band is the noise: the A/A "
        "control's interval, by which a copy of anonymous differs from anonymous.",
        tuple(shown),
    )


def contests(overhead: Overhead) -> Section | None:
    """Return the contests; None: there was one contender only."""
    grids = tuple(overheads.contests(table) for table in overhead.tables if table.contests)
    if not grids:
        return None
    return Section("contests", "Scheme against scheme", overheads.READ, grids=grids)
