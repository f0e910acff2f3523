"""Result files: what a command measured, as one JSON document, and reading it back."""

import json
import os
import sys
from dataclasses import asdict, dataclass, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from benchmarks.processes import environment

FORMAT = 3  # raised when a reader of the older format would be misled
LARGEST = 1e15


class ResultError(Exception):
    """A file that is no result, or of a format that this version does not read; the message names it."""


def destination(path: Path | None, command: str) -> Path:
    """Return where to write the result of `command`: `path`, or a file in results/ named by the time.

    The file is tried before anything is measured. Raises click.ClickException where it cannot be written.
    """
    path = path or Path("results") / f"{command}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    try_file(path)
    return path


def try_file(path: Path):
    """Make the folder of `path`, and open the file as if to write it; a new one is removed again, another is kept.

    Raises click.ClickException, which names the path and the reason.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(path):
            path.touch()
            path.unlink()
        elif not path.exists() or path.is_file():  # to open a pipe would take a reader from it
            path.open("a").close()
    except OSError as error:
        raise click.ClickException(_not_written(path, error)) from None


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a result's file. `failure` says why it could not be written; None: it was."""

    path: Path
    failure: str | None

    def told(self, what: str) -> str:
        return f"Not written: {self.path}" if self.failure else f"{what}: {self.path}"

    def end(self):
        """Raise click.ClickException where the file was not written: the command's last step but its exit code."""
        if self.failure:
            raise click.ClickException(self.failure)


def write_file(path: Path, content: bytes) -> Written:
    """Write a file and its folder; whoever calls shows what was found, and calls Written.end."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        return Written(path, _not_written(path, error))
    return Written(path, None)


def _not_written(path: Path, error: OSError) -> str:
    return f"cannot write {path}: {error}"


def write(path: Path, command: str, body: dict[str, Any], *, hidden: str | None = None) -> Written:
    """Write `body` under the head that all results have. `hidden` is a word of the command line to leave out."""
    document = {
        "format": FORMAT,
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command_line": [word.replace(hidden or "\0", "(not shown)") for word in sys.argv],
        "environment": environment.describe(),
        **body,
    }
    return write_file(path, (json.dumps(document, indent=1, default=_plain) + "\n").encode())


def read(path: Path) -> dict[str, Any]:
    """Raises ResultError."""
    try:
        document = json.loads(
            path.read_text("utf-8"),
            parse_float=lambda text: _measurement(text, float),
            parse_int=lambda text: _measurement(text, int),
            parse_constant=lambda text: _measurement(text, float),
        )
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{path}: {error}") from None
    if not isinstance(document, dict) or "command" not in document:
        raise ResultError(f"{path}: no result of python -m benchmarks")
    if document.get("format") != FORMAT:
        raise ResultError(f"{path}: format {document.get('format')!r}; this version reads {FORMAT}")
    return document


def _measurement(text: str, kind: type) -> float:
    """The number, where it can be one that was measured: not NaN, not infinite, not beyond any axis."""
    number = float(text)
    if not -LARGEST <= number <= LARGEST:
        raise ValueError(
            f"{text if len(text) <= 30 else text[:29] + '…'} is no measurement: allowed within ±{LARGEST:g}"
        )
    return kind(text)


def _plain(value):
    if is_dataclass(value):
        return asdict(value)
    raise TypeError(f"{value!r} has no place in a result")
