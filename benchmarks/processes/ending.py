"""A run that ends early keeps what its finished processes found."""

import sys
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace

from benchmarks import terminal
from benchmarks.processes.start import WorkerFailedError
from benchmarks.stats.verdicts import Verdict

LEAST = 2  # processes, or turns, without which there is no interval


@dataclass(slots=True)
class Ending:
    """How a run ended. `code`: an exit code, 0 if the run ended by itself; `reason`: a clause."""

    code: int = 0
    reason: str = ""

    def mark(self, verdict: Verdict, remarks: Iterable[str] = ()) -> Verdict:
        """Return the verdict on the run, with more remarks: one that ended early is inconclusive.

        Its remarks go, which advise on a run that took its time.
        """
        if self.code:
            return Verdict(False, (self.reason, *verdict.reasons), exit_code=self.code)
        return replace(verdict, remarks=(*verdict.remarks, *remarks))


@contextmanager
def kept(done: Sized, unit: str = "processes") -> Iterator[Ending]:
    """Leave the block, and go on after it, where a signal or a process that failed ends it early.

    The exception goes on if there are fewer than LEAST of `done`, which is nothing to keep.
    WorkerRefusedError always does: a contender that does not do what it says makes a run worthless.
    """
    ending = Ending()
    try:
        yield ending
    except SystemExit as error:
        name = terminal.ended_by(error.code)
        if len(done) < LEAST or not name:
            raise
        ending.code = int(error.code or 1)
        ending.reason = f"{name} ended the run after {len(done)} {unit}"
    except WorkerFailedError as error:
        if len(done) < LEAST:
            raise
        print(error, file=sys.stderr)
        last = str(error).strip().splitlines()[-1]
        ending.code, ending.reason = 1, f"after {len(done)} {unit} a process failed: {last}"
