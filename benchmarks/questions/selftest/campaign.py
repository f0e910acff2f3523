"""A campaign: thousands of fresh processes, each timing anonymous, its copy and planted delays.

A file keeps the campaign, one line of JSON for each process, so that a stopped campaign can go on.
"""

import json
import secrets
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.databases.scratch import Database
from benchmarks.messages import CONTROL, Assignment
from benchmarks.processes import environment, start
from benchmarks.stats import overhead
from benchmarks.terminal import Watcher

URL = "/whoami/"
PLANTED = {"planted 2 µs": 2000, "planted 5 µs": 5000}  # nanoseconds
BLOCK, DROP = 15, 5

# What must be the same in all processes of a campaign.
_SAME = ("python", "packages", "processor", "cores", "kernel", "commit")


class CampaignError(Exception):
    """A file that is no campaign, or of another machine or version; the message says which."""


@dataclass(frozen=True, slots=True)
class Record:
    """What one process measured.

    `seconds`     from its start to its end
    `figures`     contender -> its overhead over anonymous in µs, computed as `overhead` does
    `planted_us`  contender -> its planted delay by the clock
    `waited`, `disturbed`  as in messages.Sample
    """

    seconds: float
    figures: dict[str, float]
    planted_us: dict[str, float]
    waited: float = 0.0
    disturbed: float | None = None


def read(path: Path) -> list[Record]:
    """Return the records in `path`, an empty list if there is no file. Raises CampaignError."""
    if not path.exists():
        return []
    head, *lines = path.read_text("utf-8").splitlines() or [""]
    try:
        made_by = json.loads(head)["campaign"]
        records = [Record(**json.loads(line)) for line in lines]
    except (ValueError, KeyError, TypeError) as error:
        raise CampaignError(f"{path}: no campaign of `selftest`: {error}") from None
    here = _head()["campaign"]
    unlike = [name for name in here if made_by.get(name) != here[name]]
    if unlike:
        changes = "; ".join(f"{name} was {made_by.get(name)!r} and is {here[name]!r}" for name in unlike)
        raise CampaignError(f"{path}: begun elsewhere ({changes}); name another file, or remove it")
    return records


def collect(path: Path, database: Database, processes: int, rounds: int, watcher: Watcher) -> list[Record]:
    """Extend the campaign in `path` to `processes` records, and return them all.

    Raises CampaignError, start.WorkerRefusedError or start.WorkerFailedError.
    """
    records = read(path)
    if not records:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_head()) + "\n", "utf-8")
    assignment = Assignment(schemes=(), rounds={URL: rounds}, block=BLOCK, drop=DROP, seed=0, planted=PLANTED)
    begin, before = time.monotonic(), len(records)
    with path.open("a", encoding="utf-8") as file:
        while len(records) < processes:
            started = time.monotonic()
            seeded = replace(assignment, seed=secrets.randbelow(2**32))
            sample = start.work(seeded, database, hash_seed=secrets.randbelow(2**32))
            now = time.monotonic()
            record = Record(
                seconds=round(now - started, 3),
                figures={name: overhead.overhead(sample.blocks[URL], name) for name in (CONTROL, *PLANTED)},
                planted_us=sample.planted_us,
                waited=round(sample.waited, 4),
                disturbed=sample.disturbed,
            )
            print(json.dumps(asdict(record)), file=file, flush=True)
            records.append(record)
            watcher.expected((now - begin) / (len(records) - before) * (processes - before))
            watcher.tick()
    return records[:processes]


def drawn(records: Iterable[Record], size: int) -> list[list[Record]]:
    """Return contests of `size` consecutive processes, as in a run; no process is in two."""
    records = list(records)
    return [records[start : start + size] for start in range(0, len(records) - size + 1, size)]


def _head() -> dict:
    here = environment.describe()
    return {"campaign": {name: here[name] for name in _SAME}}
