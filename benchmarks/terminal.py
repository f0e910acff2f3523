"""The console that commands print to, and the progress bar."""

import codecs
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

WIDTH = 100  # columns, where there is no terminal to ask

INCONCLUSIVE = 3  # exit code of a command whose run cannot be trusted

# Replacements for characters that an encoding lacks.
PLAIN = {"µ": "u", "±": "+-", "≈": "~", "≥": ">=", "…": "...", "–": "-", "·": "-", "λ": "lambda", "−": "-", "→": "->"}


@dataclass(frozen=True, slots=True)
class Watcher:
    """The progress of a run.

    `expected`  takes how many seconds the run takes in all, since the first call
    `tick`      says that the run goes on
    """

    expected: Callable[[float], None]
    tick: Callable[[], None]


def _in_plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


codecs.register_error("benchmarks.plain", _in_plain)


def show_anywhere():
    """Let standard output take every character in any encoding: ASCII gets `us` for `µs`."""
    sys.stdout.reconfigure(errors="benchmarks.plain")


def end_by_signals():
    """Let Ctrl-C, SIGTERM and SIGHUP raise SystemExit, so that what they end can be kept."""
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup ignores SIGHUP, and a shell without job control SIGINT.
        if signal.getsignal(ending) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(ending, _end)


def ended_by(code: Any) -> str:
    """Return the name of the signal behind an exit code; empty: no signal is behind it."""
    return next((each.name for each in signal.Signals if code == 128 + each), "")


def _end(number: int, frame: Any):
    sys.exit(128 + number)


def console() -> Console:
    """Return a console on standard output, WIDTH columns wide unless that is a terminal."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH)


@contextmanager
def progress(first: str = "proving", then: str = "timing") -> Iterator[Watcher]:
    """Show a bar on standard error if it is a terminal.

    The bar says `first` until the run knows what to expect, and `then` after that.
    """
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        refresh_per_second=2,  # drawing takes time from what is measured
        disable=not sys.stderr.isatty(),
    ) as bar:
        task = bar.add_task(first, total=None)
        start = 0.0

        def expected(seconds: float):
            nonlocal start
            start = start or time.monotonic()
            bar.update(task, total=seconds, description=then)

        yield Watcher(expected, tick=lambda: bar.update(task, completed=time.monotonic() - start))
