"""The run behind `python -m benchmarks instructions`: how many instructions does a request of each scheme take?

A second instrument beside the clock: neither other people's load nor the processor's frequency moves it. It is
no time and cannot be made one. Instructions take unequal time, waiting for a disk or a network takes none, and
valgrind's processor lacks some that the real one may have (SHA, AVX-512), so that a digest takes more of them
than in service.

Valgrind's cachegrind counts all instructions of a process. One process starts the service, proves the
contenders and warms them up; then, for each contender and each of two numbers of requests, it forks a process
that does so many and ends. Whatever came before is in both counts, start-up, the fork and its new connection
to the database, and none of it in their difference.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.databases.scratch import Database
from benchmarks.messages import ANONYMOUS
from benchmarks.processes import start
from benchmarks.results.records.instructions import Counted

RUNS = 2  # at once: how far they differ tells how well a count can be repeated
HASH_SEED = 0  # the same for all: the order of a set is no property of a scheme

OPTIONS = (
    "--tool=cachegrind",
    "--cache-sim=no",
    "--cachegrind-out-file=/dev/null",  # counts by line of source; the log has the total
)

_TOTAL = re.compile(r"^==\d+== I\s+refs:\s+([\d,]+)$", re.MULTILINE)


class CountError(Exception):
    """Valgrind's log does not say what it counted."""


@dataclass(frozen=True, slots=True)
class Task:
    """What the process under valgrind is to do: `schemes` as contenders.find_scheme takes them."""

    schemes: tuple[str, ...]
    url: str
    few: int
    many: int

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Task":
        return cls(**json.loads(text))


def valgrind() -> str | None:
    """Its version, as "3.19.0"; None where it is not installed."""
    if shutil.which("valgrind") is None:
        return None
    answer = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True)
    return answer.stdout.strip().removeprefix("valgrind-")


def run(task: Task, database: Database) -> list[dict[str, float]]:
    """For each of RUNS: contender -> instructions of one request.

    Raises processes.WorkerRefusedError or WorkerFailedError, and CountError.
    """
    start.fill(database, task.schemes)
    with ThreadPoolExecutor(RUNS) as pool:
        return list(pool.map(lambda _: _run(task, database), range(RUNS)))


def tabulate(runs: Sequence[Mapping[str, float]]) -> list[Counted]:
    """A row for each scheme; anonymous is what they are compared with."""
    rows = []
    for scheme in runs[0]:
        if scheme == ANONYMOUS:
            continue
        over = [run[scheme] - run[ANONYMOUS] for run in runs]
        mean = sum(over) / len(over)
        each = sum(run[scheme] for run in runs) / len(runs)
        rows.append(Counted(scheme, each, mean, (max(over) - min(over)) / mean))
    return rows


def per_request(few: int, many: int, count_of_few: int, count_of_many: int) -> float:
    """Instructions of one request, from the totals of two processes that did `few` and `many`."""
    return (count_of_many - count_of_few) / (many - few)


def total(log: str) -> int:
    """Instructions of a whole process, as its log says. Raises CountError."""
    found = _TOTAL.search(log)
    if found is None:
        raise CountError(f"valgrind counted nothing: {log[-500:]}")
    return int(found[1].replace(",", ""))


def _run(task: Task, database: Database) -> dict[str, float]:
    with TemporaryDirectory(prefix="benchmarks-") as folder:
        command = ["valgrind", *OPTIONS, f"--log-file={folder}/%p"]
        pids = start.ask(
            "benchmarks.questions.instructions.worker", task.to_json(), database, task.schemes, HASH_SEED, under=command
        )
        return {
            name: per_request(task.few, task.many, *(total((Path(folder) / str(pid)).read_text()) for pid in pair))
            for name, pair in pids.items()
        }
