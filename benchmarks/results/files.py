"""Result files: a command's record as one JSON document, and reading it back."""

import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from benchmarks.results.records import RESULTS
from benchmarks.results.records.common import Environment, Head, Record

FORMAT = 3  # raised when a reader of the older format would be misled
LARGEST = 1e15


class ResultError(Exception):
    """A file that is no result, or that this version cannot read; the message names it."""


# --- writing ------------------------------------------------------------------------------------


def destination(path: Path | None, command: str) -> Path:
    """Return `path`, or a file in results/ that is named after the command and the time.

    Try to write the file before anything is measured. Raises click.ClickException if that fails.
    """
    path = path or Path("results") / f"{command}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"
    try_file(path)
    return path


def try_file(path: Path) -> None:
    """Make the folder of `path`, open the file for writing, and remove it again if it is new.

    Raises click.ClickException, which names the path and the reason.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(path):
            path.touch()
            path.unlink()
        elif not path.exists() or path.is_file():  # opening a pipe would take a reader from it
            path.open("a").close()
    except OSError as error:
        raise click.ClickException(_not_written(path, error)) from None


@dataclass(frozen=True, slots=True)
class Written:
    """A result's file after the attempt to write it. `failure`: why that failed, if it did."""

    path: Path
    failure: str | None

    def line(self, what: str) -> str:
        """Return the line that names the file."""
        return f"Not written: {self.path}" if self.failure else f"{what}: {self.path}"

    def end(self) -> None:
        """Raise click.ClickException if the file was not written: a command's last step but one."""
        if self.failure:
            raise click.ClickException(self.failure)


def write_file(path: Path, content: bytes) -> Written:
    """Write a file and its folder; the caller shows what it found, then calls Written.end."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        return Written(path, _not_written(path, error))
    return Written(path, None)


def _not_written(path: Path, error: OSError) -> str:
    return f"cannot write {path}: {error}"


def save(path: Path, record: Record, environment: Environment, *, hidden: str | None = None) -> Written:
    """Write `record` below its head. `hidden`: a word of the command line to leave out."""
    head = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command_line": [word.replace(hidden or "\0", "(not shown)") for word in sys.argv],
        "environment": environment,
    }
    return write_file(path, (to_json(document(record, head)) + "\n").encode())


def document(record: Record, head: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result file holds."""
    body = {field.name: getattr(record, field.name) for field in fields(record)}
    return {"format": FORMAT, "command": record.command, **head, **body}


def to_json(document: Mapping[str, Any]) -> str:
    """Return a result as it is written."""
    return json.dumps(document, indent=1, default=_plain)


def _plain(value: object) -> dict[str, Any]:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{value!r} has no place in a result")


# --- reading ------------------------------------------------------------------------------------


def read(path: Path) -> dict[str, Any]:
    """Return the document that a result file holds. Raises ResultError."""
    try:
        found = json.loads(
            path.read_text("utf-8"),
            parse_float=lambda text: _measurement(text, float),
            parse_int=lambda text: _measurement(text, int),
            parse_constant=lambda text: _measurement(text, float),
        )
    except (OSError, ValueError, RecursionError) as error:
        raise ResultError(f"{path}: {error}") from None
    if not isinstance(found, dict) or "command" not in found:
        index = ", but the index of a record" if isinstance(found, dict) and "results" in found else ""
        raise ResultError(f"{path}: no result of python -m benchmarks{index}")
    if found.get("format") != FORMAT:
        raise ResultError(f"{path}: format {found.get('format')!r}; this version reads {FORMAT}")
    return found


def load(path: Path, allowed: Iterable[str]) -> tuple[Head, Record]:
    """Return a result of one of the `allowed` commands. Raises ResultError."""
    found, allowed = read(path), list(allowed)
    command = found["command"]
    if command not in allowed:  # it may be anything that JSON can be
        raise ResultError(f"{path}: a result of {command!r}; allowed: {', '.join(allowed)}")
    return parse(path, found)


def parse(path: Path, document: dict[str, Any]) -> tuple[Head, Record]:
    """Return the result that a document of a known command holds. Raises ResultError."""
    try:
        return msgspec.convert(document, Head), msgspec.convert(document, RESULTS[document["command"]])
    except (msgspec.ValidationError, ValueError) as error:  # ValueError: half of a pair of surrogates
        raise ResultError(f"{path}: {error}") from None


def _measurement(text: str, kind: type[float]) -> float:
    """Return the number. Raises ValueError for NaN, infinity and what no axis reaches."""
    number = float(text)
    if not -LARGEST <= number <= LARGEST:
        shown = text if len(text) <= 30 else text[:29] + "…"
        raise ValueError(f"{shown} is no measurement: allowed within ±{LARGEST:g}")
    return kind(text)
