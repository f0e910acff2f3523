"""What commands print to, and the bar that says how long it will still take."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

WIDTH = 100  # columns, where there is no terminal to ask

INCONCLUSIVE = 3  # exit code of a command whose run cannot be trusted


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who wants to know how far a run is, in seconds: what is `expected` in all, and what has `passed`."""

    expected: Callable[[float], None]
    passed: Callable[[float], None]


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
        yield Watcher(
            expected=lambda seconds: bar.update(task, total=seconds, description=then),
            passed=lambda seconds: bar.advance(task, seconds),
        )
