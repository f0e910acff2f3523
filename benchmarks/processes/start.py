"""Starting fresh processes and reading their answers."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks import terminal
from benchmarks.contenders import lineup
from benchmarks.databases.scratch import Database
from benchmarks.messages import (
    CONNECTION_VARIABLE,
    CONTENDERS_VARIABLE,
    DATABASE_VARIABLE,
    DONE,
    NOBODY,
    REFUSED,
    SAMPLE,
    SERVED,
    SWITCHES_VARIABLE,
    Assignment,
    Population,
    Sample,
    Stored,
)
from benchmarks.processes.environment import ROOT
from benchmarks.stats import growth

TIMING_WORKER = "benchmarks.processes.timing_worker"


class WorkerRefusedError(Exception):
    """A contender did not do what it says; nothing was timed."""


class WorkerFailedError(Exception):
    """A process ended without an answer; the message is what it wrote last."""


def fill(
    database: Database,
    schemes: Sequence[str] = (),
    others: Population = NOBODY,
    service: Path | None = None,
    imports: Path | None = None,
) -> Stored:
    """Fill the scratch database, in a process of its own, with the tables that `schemes` need.

    It shows a bar while it loads other users. Raises WorkerRefusedError if a contender's package is
    not installed.
    """
    begin = monotonic()
    with terminal.progress("loading", "loading") if others.population else nullcontext() as watcher:

        def done(part: str):
            watcher.expected((monotonic() - begin) / float(part))
            watcher.tick()

        module = "benchmarks.processes.fill_worker"
        answer = ask(module, others.to_json(), database, schemes, 0, done, service=service, imports=imports)
    return replace(Stored.from_dict(answer), seconds=monotonic() - begin if others.population else 0.0)


def work(
    assignment: Assignment,
    database: Database,
    hash_seed: int,
    done: Callable[[str], None] = lambda url: None,
    service: Path | None = None,
    worker: str = TIMING_WORKER,
    imports: Path | None = None,
) -> Sample:
    """Let one fresh process of the module `worker` do the assignment.

    It calls `done` with the URL of each finished round.
    """
    answer = ask(
        worker,
        assignment.to_json(),
        database,
        assignment.schemes,
        hash_seed,
        done,
        service=service,
        imports=imports,
    )
    return Sample.from_dict(answer)


def admit(names: Sequence[str]):
    """Find out in a fresh process whether contenders from outside can take part.

    Raises WorkerRefusedError, with one line that names the contender, or WorkerFailedError.
    """
    ask("benchmarks.processes.admission_worker", json.dumps(names), Database("", SERVED), names, 0)


def refuse_growth(rehearsal: Sample, samples: Sequence[Sample]):
    """Raise WorkerRefusedError if a contender grew along the run (see stats/growth.py)."""
    faults = growth.faults(rehearsal.facts, samples)
    if faults:
        raise WorkerRefusedError("\n".join(faults))


def ask(
    module: str,
    argument: str,
    database: Database,
    schemes: Sequence[str],
    hash_seed: int,
    done: Callable[[str], None] = lambda url: None,
    under: Sequence[str] = (),
    switches: Mapping[str, str] | None = None,
    service: Path | None = None,
    imports: Path | None = None,
) -> dict[str, Any]:
    """Return the answer of a fresh `python -m module argument`, which answers as worker.serve does.

    `done`      called with each message of progress
    `under`     the command line of a program that runs it, as valgrind does
    `switches`  pinned for the process
    `service`   the folder of the service's packages that it measures; None: those of this checkout.
                The lab itself always comes from this checkout.
    `imports`   a folder with packages of somebody's contender; Python looks there last but for what
                is installed

    Raises WorkerRefusedError or WorkerFailedError.
    """
    sample = None
    for line in _lines(module, argument, database, schemes, hash_seed, under, switches, service, imports):
        message = _parsed(module, line)
        if DONE in message:
            done(message[DONE])
        elif REFUSED in message:
            raise WorkerRefusedError(message[REFUSED])
        else:
            sample = message[SAMPLE]
    if sample is None:
        raise WorkerFailedError(f"{module} ended without an answer")
    return sample


def _parsed(module: str, line: str) -> dict[str, Any]:
    """Return a message. Raises WorkerFailedError for a line that is none."""
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise WorkerFailedError(f"{module} wrote {line[:100]!r} on its standard output, which is no answer")
    return found


def _lines(
    module: str,
    argument: str,
    database: Database,
    schemes: Sequence[str],
    hash_seed: int,
    under: Sequence[str],
    switches: Mapping[str, str] | None,
    service: Path | None,
    imports: Path | None,
):
    """Yield the lines that `python -m module argument` prints.

    The process ends with the iteration.
    """
    missing = lineup.not_installed(schemes)
    if missing:
        raise WorkerRefusedError("\n".join(missing))
    environment = environment_for(database, schemes, hash_seed, switches or {})
    if service or imports:
        # Python imports from the folder where it starts first, and then from here. A contender's
        # module may lie in the folder of this process.
        folders = (ROOT, imports or os.getcwd(), os.environ.get("PYTHONPATH"))
        environment["PYTHONPATH"] = os.pathsep.join(str(folder) for folder in folders if folder)
    # A file, because a pipe that nobody reads would fill and stop the process.
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            [*under, sys.executable, "-m", module, argument],
            cwd=service or (ROOT if imports else None),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield from process.stdout
            if process.wait() != 0:
                errors.seek(0)
                raise WorkerFailedError(f"{module} ended with {process.returncode}:\n{errors.read()[-2000:]}")
        finally:
            process.kill()
            process.wait()
            process.stdout.close()


class Conversation:
    """A process that answers each line of JSON with one."""

    def __init__(self, module: str, process: subprocess.Popen, errors):
        self._module, self._process, self._errors = module, process, errors

    def ask(self, **order: Any) -> dict[str, Any]:
        """Send an order and return the answer. Raises as hear() does."""
        self._process.stdin.write(f"{json.dumps(order)}\n")
        self._process.stdin.flush()
        return self.hear()

    def hear(self) -> dict[str, Any]:
        """Return its next message. Raises WorkerRefusedError or WorkerFailedError."""
        line = self._process.stdout.readline()
        if not line:
            self._errors.seek(0)
            raise WorkerFailedError(f"{self._module} ended without an answer:\n{self._errors.read()[-2000:]}")
        answer = _parsed(self._module, line)
        if REFUSED in answer:
            raise WorkerRefusedError(answer[REFUSED])
        return answer


@contextmanager
def conversation(
    module: str, argument: str, database: Database, schemes: Sequence[str], switches: Mapping[str, str]
) -> Iterator[Conversation]:
    """Start a fresh `python -m module argument`, which ends with the block."""
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, argument],
            env=environment_for(database, schemes, 0, switches),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        try:
            yield Conversation(module, process, errors)
        finally:
            process.kill()
            process.wait()
            process.stdout.close()
            process.stdin.close()


def environment_for(
    database: Database, schemes: Sequence[str], hash_seed: int, switches: Mapping[str, str]
) -> dict[str, str]:
    """Return the environment of a process under benchmarks.settings."""
    return os.environ | {
        DATABASE_VARIABLE: database.url,
        CONNECTION_VARIABLE: database.connection,
        CONTENDERS_VARIABLE: ",".join(name for name in schemes if lineup.may_need(name)),
        SWITCHES_VARIABLE: json.dumps(switches),
        "PYTHONHASHSEED": str(hash_seed),
    }
