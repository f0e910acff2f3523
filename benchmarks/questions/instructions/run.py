"""The run of `instructions`: how many instructions does a request of each scheme take?

The count is a second instrument next to the clock: neither other load nor the processor's frequency
moves it. It is not time and cannot be converted into time. Instructions take unequal time, waiting
for a disk or a network takes none, and valgrind's processor lacks some that the real one may have
(SHA, AVX-512), so a digest takes more of them than in service.

Valgrind's cachegrind counts all instructions of a process. One process starts the service, proves
the contenders and warms them up. Then, for each contender and each of two numbers of requests, it
forks a process that does that many and ends. Start-up, the fork and its new connection to the
database are in both counts, and therefore not in their difference.
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

RUNS = 2  # at once; their difference shows how well a count can be repeated
HASH_SEED = 0  # the same for all: the order of a set does not depend on the scheme

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
    """The task of the process under valgrind: `schemes` as lineup.find_scheme takes them."""

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
    """Return valgrind's version, such as "3.19.0"; None: it is not installed."""
    if shutil.which("valgrind") is None:
        return None
    answer = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True)
    return answer.stdout.strip().removeprefix("valgrind-")


def run(task: Task, database: Database) -> list[dict[str, float]]:
    """Return, for each of RUNS, contender -> instructions of one request.

    Raises start.WorkerRefusedError or WorkerFailedError, and CountError.
    """
    start.fill(database, task.schemes)
    with ThreadPoolExecutor(RUNS) as pool:
        return list(pool.map(lambda _: _run(task, database), range(RUNS)))


def tabulate(runs: Sequence[Mapping[str, float]]) -> list[Counted]:
    """Return the count of each scheme; anonymous is what they are compared with."""
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
    """Return the instructions of one request, from the totals of two processes."""
    return (count_of_many - count_of_few) / (many - few)


def total(log: str) -> int:
    """Return the instructions of a whole process from its log. Raises CountError."""
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
