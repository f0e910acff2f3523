"""The processes that the tests start: how they end, and how the tests find one left running."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

MARK = "TESTS_MARK"  # in the environment of each process that this run starts


@contextmanager
def group(command, **options) -> Iterator[subprocess.Popen]:
    """Start a process, with the options of subprocess.Popen.

    Kill it at the end with all that it started.
    """
    with subprocess.Popen(command, start_new_session=True, **options) as process:
        try:
            yield process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def skip_if_ignored(number: signal.Signals):
    """Skip the test if this process ignores the signal, as under nohup.

    All that it starts ignores it too.
    """
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip(f"{number.name} is ignored here")


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """Stop processes without their noticing until the block ends: they neither answer nor end.

    One of several may have ended by itself before.
    """
    _send(pids, signal.SIGSTOP)
    try:
        yield
    finally:
        _send(pids, signal.SIGCONT)


def _send(pids: tuple[int, ...], number: signal.Signals):
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


@dataclass(frozen=True, slots=True)
class Running:
    pid: int
    parent: int
    command: str
    environment: dict[str, str]

    def __str__(self):
        return f"{self.pid} {self.command} [{self.environment.get('PYTEST_CURRENT_TEST', 'of an unknown test')}]"


def marked(name: str, value: str) -> list[Running]:
    """Return the processes that were started with this in their environment."""
    return [each for each in _all() if each.environment.get(name) == value]


def left() -> list[Running]:
    """Return the running processes that the tests started, without their descendants.

    Each is a child of this process, or has the mark of this run. Without /proc nothing is found.
    """
    running = list(_all())
    ours = [each for each in running if each.parent == os.getpid() or each.environment.get(MARK) == os.environ[MARK]]
    return [each for each in ours if each.parent not in {other.pid for other in ours}]


def _all() -> Iterator[Running]:
    """Yield every process that has not ended, as far as the system shows it (proc(5))."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The name before these is in parentheses and may contain blanks.
            state, parent = (folder / "stat").read_text(errors="replace").rpartition(") ")[2].split()[:2]
            words, variables = (
                (folder / name).read_bytes().decode(errors="replace").split("\0") for name in ("cmdline", "environ")
            )
        except OSError:  # it has ended, or is another user's
            continue
        if state != "Z":
            environment = {name: text for name, _, text in (each.partition("=") for each in variables)}
            yield Running(int(folder.name), int(parent), " ".join(words).strip(), environment)
