"""Result files to a Report."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks.questions.report.sections import FAR
from benchmarks.reporting.page import Report, ReportError
from benchmarks.reporting.wording import listed
from benchmarks.results import files
from benchmarks.results.records import RESULTS
from benchmarks.results.records.common import Head, Record
from benchmarks.results.records.load import Load
from benchmarks.results.records.overhead import Overhead
from benchmarks.results.records.revocation import Revocation


def read(paths: Sequence[Path], events: Sequence[str]) -> Report:
    """Raise ReportError if the files make no report, files.ResultError if one is no result."""
    heads: dict[str, Head] = {}
    parts: dict[str, Record] = {}
    found: dict[str, Path] = {}
    for path in paths:
        head, part = files.load(path, RESULTS)
        name = FAR if isinstance(part, Load) and part.contenders[0].distance_ms is not None else part.command
        if name in parts:
            raise ReportError(f"{found[name]} and {path} are both results of {name}: a report shows one of each")
        heads[name], parts[name], found[name] = head, part, path
    if Overhead.command not in parts:
        raise ReportError(f"no result of overhead among {', '.join(map(str, paths))}: a report begins with one")
    report = Report(heads, parts, found, tuple(events))
    if (revocation := report.part(Revocation)) is not None:
        known = [event.name for event in revocation.events]
        if not set(events) & set(known):
            raise ReportError(f"{found[Revocation.command]}: no event {listed(events, 'or')}; it has {listed(known)}")
    return report
