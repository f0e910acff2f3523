"""What commands print to, and the bar that says how long it will still take."""

import codecs
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

WIDTH = 100  # columns, where there is no terminal to ask

INCONCLUSIVE = 3  # exit code of a command whose run cannot be trusted

# What stands for a character of ours in an encoding that lacks it.
PLAIN = {"µ": "u", "±": "+-", "≈": "~", "…": "...", "–": "-", "·": "-", "λ": "lambda", "−": "-"}


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who wants to know how far a run is: how many seconds are `expected` in all, since that was first said,
    and that it goes on."""

    expected: Callable[[float], None]
    tick: Callable[[], None]


def _in_plain(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(PLAIN.get(character, "?") for character in error.object[error.start : error.end]), error.end


codecs.register_error("benchmarks.plain", _in_plain)


def show_anywhere():
    """Let standard output take every character, in whatever encoding it is: ASCII gets `us` for `µs`."""
    sys.stdout.reconfigure(errors="benchmarks.plain")


def console() -> Console:
    return Console() if sys.stdout.isatty() else Console(width=WIDTH)


@contextmanager
def progress(first: str = "proving", then: str = "timing") -> Iterator[Watcher]:
    """A bar on standard error, on a terminal only: `first` until it is known what to expect, `then` after."""
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
