"""Starting the fresh processes, and hearing from them."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence

from benchmarks import lineup
from benchmarks.databases import Database
from benchmarks.messages import (
    CONNECTION_VARIABLE,
    CONTENDERS_VARIABLE,
    DATABASE_VARIABLE,
    DONE,
    REFUSED,
    SAMPLE,
    Assignment,
    Sample,
)


class WorkerRefusedError(Exception):
    """A contender did not do what it says; nothing was timed."""


class WorkerFailedError(Exception):
    """A process ended without an answer; the message is what it wrote last."""


def fill(database: Database, schemes: Sequence[str] = ()):
    """Fill the scratch database, in a process of its own, with the tables that `schemes` need.

    Raises WorkerRefusedError when a contender's package is not installed.
    """
    for _ in _lines("benchmarks.scratch", [], database, schemes, hash_seed=0):
        pass


def work(
    assignment: Assignment, database: Database, hash_seed: int, done: Callable[[str], None] = lambda url: None
) -> Sample:
    """Let one fresh process do the assignment. `done` is told the URL of each finished round."""
    sample = None
    for line in _lines("benchmarks.worker", [assignment.to_json()], database, assignment.schemes, hash_seed):
        message = json.loads(line)
        if DONE in message:
            done(message[DONE])
        elif REFUSED in message:
            raise WorkerRefusedError(message[REFUSED])
        else:
            sample = Sample.from_dict(message[SAMPLE])
    if sample is None:
        raise WorkerFailedError("benchmarks.worker ended without an answer")
    return sample


def _lines(module: str, arguments: list[str], database: Database, schemes: Sequence[str], hash_seed: int):
    """Lines of `python -m module arguments`, as it writes them. The process ends with the iteration."""
    missing = lineup.not_installed(schemes)
    if missing:
        raise WorkerRefusedError("\n".join(missing))
    environment = os.environ | {
        DATABASE_VARIABLE: database.url,
        CONNECTION_VARIABLE: database.connection,
        CONTENDERS_VARIABLE: ",".join(candidate.name for candidate in lineup.candidates(schemes)),
        "PYTHONHASHSEED": str(hash_seed),
    }
    # To a file: a pipe that nobody reads would fill and stop the process.
    with tempfile.TemporaryFile("w+", errors="replace") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
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
