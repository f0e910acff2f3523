"""What changed from one `overhead` run to another: another day, another version, another machine.

Processes of two runs are not paired, so differences are Welch's, and one run's day has its part in them:
the anonymous request stands beside what each contender adds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.messages import ANONYMOUS, CONTROL, Blocks
from benchmarks.results import files
from benchmarks.stats import overhead, verdicts
from benchmarks.stats.intervals import Interval, Mean, mean, welch

# Where two runs differ in one of these, their difference says little about the service.
_ALIKE = (
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


class UnlikeError(Exception):
    """Two runs that must not be compared; the message says why."""


@dataclass(frozen=True, slots=True)
class Change:
    """`before`, `after`, `difference` (after minus before) in µs; of anonymous its whole request, else what is added.

    `verdict`  what it was before, compared with now: verdicts.FASTER, SLOWER, EQUIVALENT, INCONCLUSIVE
    """

    url: str
    name: str
    before: Interval
    after: Interval
    difference: Interval
    verdict: str


def read(path: Path) -> dict[str, Any]:
    """A result of `overhead`. Raises results.ResultError."""
    run = files.read(path)
    if run["command"] != "overhead":
        raise files.ResultError(f"{path}: a result of {run['command']}; allowed: overhead")
    return run


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What else is different, a line each: where not empty, the two are hardly comparable."""
    return [
        f"{name}: {before[part][name]} and {after[part][name]}"
        for part, name in _ALIKE
        if before[part][name] != after[part][name]
    ]


def versions(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What may be the cause, a line each: other packages, another commit."""
    old, new = before["environment"], after["environment"]
    packages = sorted(old["packages"].keys() | new["packages"].keys())
    return [
        f"{name}: {old['packages'].get(name)} and {new['packages'].get(name)}"
        for name in packages
        if old["packages"].get(name) != new["packages"].get(name)
    ] + [f"commit: {old['commit']} and {new['commit']}"] * (old["commit"] != new["commit"])


def compare(before: dict[str, Any], after: dict[str, Any], margin_us: float) -> list[Change]:
    """Every contender that both have, at every URL that both have.

    Raises UnlikeError where there is none.
    """
    found = []
    for url in (url for url in _urls(before) if url in _urls(after)):
        one, other = _figures(before, url), _figures(after, url)
        found += [(url, name, one[name], other[name]) for name in one if name in other]
    if not found:
        raise UnlikeError("the two runs have no URL and no contender in common")
    changes: list[Mean] = [welch(one, other) for _, _, one, other in found]
    return [
        Change(url, name, mean(one).interval(), mean(other).interval(), change.interval(), verdict)
        for (url, name, one, other), change, verdict in zip(
            found, changes, verdicts.judge(changes, margin_us), strict=True
        )
    ]


def _urls(run: dict[str, Any]) -> list[str]:
    return [table["url"] for table in run["tables"]]


def _figures(run: dict[str, Any], url: str) -> dict[str, Sequence[float]]:
    """Contender -> one figure for each process, in µs."""
    processes = [Blocks(**process["blocks"][url]) for process in run["processes"]]
    names = [entry["name"] for entry in run["contenders"] if entry["name"] not in (ANONYMOUS, CONTROL)]
    return {
        ANONYMOUS: [overhead.request(blocks, ANONYMOUS) for blocks in processes],
        **{name: [overhead.overhead(blocks, name) for blocks in processes] for name in names},
    }
