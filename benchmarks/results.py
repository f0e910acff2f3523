"""Result files: what a command measured, as one JSON document, and reading it back."""

import json
import sys
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import environment

FORMAT = 3  # raised when a reader of the older format would be misled
LARGEST = 1e15


class ResultError(Exception):
    """A file that is no result, or of a format that this version does not read; the message names it."""


def default_path(command: str) -> Path:
    return Path("results") / f"{command}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"


def write(path: Path, command: str, body: dict[str, Any], *, hidden: str | None = None):
    """Write `body` under the head that all results have. `hidden` is a word of the command line to leave out."""
    document = {
        "format": FORMAT,
        "command": command,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command_line": [word.replace(hidden or "\0", "(not shown)") for word in sys.argv],
        "environment": environment.describe(),
        **body,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, default=_plain) + "\n", "utf-8")


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
