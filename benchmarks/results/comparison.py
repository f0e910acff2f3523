"""What changed from one run to another: on another day, in another version, on another machine.

Processes of two runs are not paired, so differences are Welch's. They include what changed on the
machine from one day to the other; the anonymous request shows how much that is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from benchmarks.messages import ANONYMOUS, CONTROL, Blocks, Entry
from benchmarks.results import files
from benchmarks.results.records.common import Environment, Head
from benchmarks.results.records.compare import Change
from benchmarks.results.records.overhead import Overhead
from benchmarks.results.records.scale_tracks import ScaleTracks
from benchmarks.stats import overhead, verdicts
from benchmarks.stats.intervals import Mean, mean, welch

# If two runs differ in one of these, their difference says little about the service.
ALIKE = (
    ("environment", "processor"),
    ("environment", "cores"),
    ("environment", "python"),
    ("service", "database"),
    ("service", "database_version"),
    ("service", "transport"),
    ("service", "connection"),
    ("service", "connection_policy"),
    ("service", "garbage_collection"),
    ("service", "switches"),
    ("plan", "block"),
    ("plan", "drop"),
)

Figures = Mapping[str, Mapping[str, Sequence[float]]]  # URL -> contender -> µs, one for each process


class UnlikeError(Exception):
    """Two runs that must not be compared; the message says why."""


Comparable = Overhead | ScaleTracks


def read(path: Path) -> tuple[Head, Comparable]:
    """Return a result of `overhead` or of `scale tracks`. Raises files.ResultError."""
    head, run = files.load(path, [Overhead.command, ScaleTracks.command])
    return head, cast(Comparable, run)


@dataclass(frozen=True, slots=True)
class Conditions:
    """The conditions of a run."""

    environment: Environment
    service: Mapping[str, Any]
    plan: Mapping[str, Any]

    def get(self, part: str, name: str) -> Any:
        """Return one of ALIKE. None: unknown."""
        found = getattr(self, part)
        return found.get(name) if isinstance(found, Mapping) else getattr(found, name)


def conditions(head: Head, run: Comparable) -> Conditions:
    """Return the conditions of a result."""
    return Conditions(head.environment, run.service, run.plan)


def differences(before: Conditions, after: Conditions) -> list[str]:
    """Return what makes two runs hard to compare, a line for each unlike condition."""
    return [
        f"{name}: {before.get(part, name)} and {after.get(part, name)}"
        for part, name in ALIKE
        if before.get(part, name) != after.get(part, name)
    ]


def loads(before: Comparable, after: Comparable) -> list[str]:
    """Return the line that says that one machine was busy and the other was not; or nothing."""
    waited = [run.waited or 0.0 for run in (before, after)]
    if (waited[0] > overhead.BUSY) == (waited[1] > overhead.BUSY):
        return []
    return [f"waited for a processor: {waited[0]:.0%} and {waited[1]:.0%} of the time"]


def versions(old: Environment, new: Environment) -> list[str]:
    """Return what may be the cause of a change, a line for each package or commit that differs."""
    packages = sorted(old.packages.keys() | new.packages.keys())
    return [
        f"{name}: {old.packages.get(name)} and {new.packages.get(name)}"
        for name in packages
        if old.packages.get(name) != new.packages.get(name)
    ] + [f"commit: {old.commit} and {new.commit}"] * (old.commit != new.commit)


def figures(entries: Sequence[Entry], processes: Sequence[Mapping[str, Blocks]]) -> Figures:
    """Return what each contender adds at each URL, in µs; for anonymous, its request."""
    names = [entry.name for entry in entries if entry.name not in (ANONYMOUS, CONTROL)]
    return {
        url: {
            ANONYMOUS: [overhead.request(each[url], ANONYMOUS) for each in processes],
            **{name: [overhead.overhead(each[url], name) for each in processes] for name in names},
        }
        for url in (processes[0] if processes else ())
    }


def figures_of(run: Comparable) -> Figures:
    """Return the figures of a result; among tracks, a request for each query, by their number."""
    if isinstance(run, ScaleTracks):
        found: dict[str, dict[str, list[float]]] = {}
        for turn in run.turns:
            for size in run.sizes:
                for query, milliseconds in turn.median_ms[f"{size.tracks:,} tracks"].items():
                    found.setdefault(f"?{query}", {}).setdefault(f"{size.tracks:,}", []).append(1000 * milliseconds)
        return found
    return figures(run.contenders, [each.blocks for each in run.processes])


def compare(before: Figures, after: Figures, margin_us: float) -> list[Change]:
    """Return the change of every contender at every URL that both have.

    Raises UnlikeError if there is none.
    """
    found = [
        (url, name, before[url][name], after[url][name])
        for url in before
        if url in after
        for name in before[url]
        if name in after[url]
    ]
    if not found:
        raise UnlikeError("the two runs have no URL and no contender in common")
    changes: list[Mean] = [welch(one, other) for _, _, one, other in found]
    return [
        Change(url, name, mean(one).interval(), mean(other).interval(), change.interval(), verdict)
        for (url, name, one, other), change, verdict in zip(
            found, changes, verdicts.judge(changes, margin_us), strict=True
        )
    ]
