"""A campaign: thousands of fresh processes, each timing anonymous, its copy and planted delays.

It is kept in a file, a line of JSON for each process, so that one that was stopped goes on where it was.
"""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.databases.scratch import Database
from benchmarks.messages import CONTROL, Assignment
from benchmarks.processes import environment
from benchmarks.questions.overhead import run as overhead
from benchmarks.stats import overhead as analysis
from benchmarks.terminal import Watcher

URL = "/whoami/"
PLANTS = {"planted 2 µs": 2000, "planted 5 µs": 5000}  # nanoseconds
BLOCK, DROP = 15, 5

# What must be the same in all processes of a campaign.
_SAME = ("python", "packages", "processor", "cores", "kernel", "commit")


class CampaignError(Exception):
    """A file that is no campaign, or one of another machine or version; the message says which."""


@dataclass(frozen=True, slots=True)
class Record:
    """One process.

    `seconds`     from its start to its end
    `figures`     contender -> what it adds to anonymous, in µs, as `overhead` would have it
    `planted_us`  plant -> what its delay came to by the clock
    """

    seconds: float
    figures: dict[str, float]
    planted_us: dict[str, float]


def read(path: Path) -> list[Record]:
    """What there is; nothing where there is no file. Raises CampaignError."""
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
        told = "; ".join(f"{name} was {made_by.get(name)!r} and is {here[name]!r}" for name in unlike)
        raise CampaignError(f"{path}: begun elsewhere ({told}); name another file, or remove it")
    return records


def collect(path: Path, database: Database, processes: int, rounds: int, watcher: Watcher) -> list[Record]:
    """Bring the campaign in `path` to as many processes, and return all of them.

    Raises CampaignError, processes.WorkerRefusedError or WorkerFailedError.
    """
    records = read(path)
    if not records:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_head()) + "\n", "utf-8")
    assignment = Assignment(schemes=(), rounds={URL: rounds}, block=BLOCK, drop=DROP, seed=0, plants=PLANTS)
    begin, before = time.monotonic(), len(records)
    with path.open("a", encoding="utf-8") as file:
        while len(records) < processes:
            start = time.monotonic()
            _, sample = overhead.work(assignment, database, lambda _: None)
            now = time.monotonic()
            record = Record(
                seconds=round(now - start, 3),
                figures={name: analysis.overhead(sample.blocks[URL], name) for name in (CONTROL, *PLANTS)},
                planted_us=sample.planted_us,
            )
            print(json.dumps(asdict(record)), file=file, flush=True)
            records.append(record)
            watcher.expected((now - begin) / (len(records) - before) * (processes - before))
            watcher.tick()
    return records[:processes]


def drawn(records: Iterable[Record], size: int) -> list[list[Record]]:
    """Contests of `size` processes one after another, as a run has them; no process is in two."""
    records = list(records)
    return [records[start : start + size] for start in range(0, len(records) - size + 1, size)]


def _head() -> dict:
    here = environment.describe()
    return {"campaign": {name: here[name] for name in _SAME}}
