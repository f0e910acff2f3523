"""Records: the results that one machine found on one day, in a folder that others read.

`records/2026-11-30-amd-epyc-2-cores/` has a file for each result, and `record.json`, its index. A
stranger may have written both, so reading one refuses what this module would not have written.
"""

import json
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.results import files, judging, private
from benchmarks.results.files import ResultError
from benchmarks.results.records import RESULTS
from benchmarks.results.records.common import Head, Record
from benchmarks.stats.verdicts import Verdict

FORMAT = 1  # of an index; raised when a reader of the older format would be misled
INDEX = "record.json"
LARGEST = 1_000_000  # bytes of a result
LARGEST_RECORD = 3_000_000
NAME = re.compile(r"\d{4}-\d{2}-\d{2}-[a-z0-9]+(?:[.-][a-z0-9]+)*")
WORD = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
FILE = re.compile(WORD.pattern + r"\.json")

_BLOCKS = ("processes", "turns")  # fields that hold what each process measured


@dataclass(frozen=True, slots=True)
class Kept:
    """A result in a record.

    `blocks`      False: what each process measured was left out, because it is large
    `conclusive`  None: such a result needs no verdict
    `reasons`     why it is inconclusive
    """

    file: str
    command: str
    date: str
    bytes: int
    blocks: bool
    conclusive: bool | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Index:
    """What a record holds, and the conditions that all of its results share. None: unknown.

    `label`  tells records of one machine and day apart; may be empty
    """

    format: int
    date: str
    machine: str
    label: str
    processor: str
    cores: int | None
    kernel: str
    python: str
    packages: dict[str, str]
    database: str | None
    database_version: str | None
    connection: str | None
    connection_policy: dict[str, Any] | None
    switches: dict[str, Any] | None
    commit: str | None
    uncommitted_changes: bool
    results: tuple[Kept, ...]

    @property
    def name(self) -> str:
        """Return the name of the record's folder."""
        return "-".join(filter(None, (self.date, self.machine, self.label)))


@dataclass(frozen=True, slots=True)
class Shared:
    """A record as it was read: its index, and file name -> result.

    Both have the verdicts of today's judge (see judging.py), not those in the files.
    """

    index: Index
    results: Mapping[str, tuple[Head, Record]]

    def part(self, command: str) -> tuple[Head, Record]:
        """Return the first result of a command. Raises ResultError if there is none."""
        for head, record in self.results.values():
            if record.command == command:
                return head, record
        raise ResultError(f"{self.index.name}: no result of {command} in this record")


# --- making one ---------------------------------------------------------------------------------


def slug(text: str) -> str:
    """Return a word for a folder's name: small letters, digits and hyphens."""
    text = re.sub(r"\((?:R|TM|C)\)|\bCPU\b|\bprocessor\b|@.*", " ", text, flags=re.IGNORECASE)
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "unknown"


def machine_of(head: Head) -> str:
    """Return the name of a machine that nobody named: its processor and cores."""
    cores = head.environment.cores
    return f"{slug(head.environment.processor)}-{cores or 'unknown'}-core{'s' * (cores != 1)}"


def make(
    paths: Sequence[Path], machine: str | None, label: str, host: str = "", checkout: Path | None = None
) -> tuple[Index, dict[str, str]]:
    """Return the index of a record and the text of each of its files, made of result files.

    The index has today's verdicts, and its text those of the files.

    `machine`           None: named after its processor and cores
    `host`, `checkout`  as private.left_out() takes them

    Raises ResultError for a file that is no result, and for results that are too unlike or large.
    """
    loaded: dict[str, tuple[Head, Record]] = {}
    texts: dict[str, str] = {}
    today: dict[str, Record] = {}
    read = {path: files.load(path, RESULTS) for path in dict.fromkeys(paths)}
    _check_alike({str(path): each for path, each in read.items()})
    for path, (head, record) in read.items():
        name = _file_name(record.command, loaded)
        today[name] = judging.judged(path, record)
        document = private.left_out(_document(head, record), host, checkout)
        text = to_text(document)
        if len(text) > LARGEST:
            text = to_text({key: [] if key in _BLOCKS else value for key, value in document.items()})
        if len(text) > LARGEST:
            raise ResultError(f"{path}: {len(text):,} bytes in a record, above {LARGEST:,}: measure less in one run")
        loaded[name], texts[name] = files.parse(path, json.loads(text)), text
    index = _index(loaded, {name: len(text) for name, text in texts.items()}, machine, label)
    _check_size(index.name, index)
    return _with_verdicts(index, today), {INDEX: json.dumps(asdict(index), indent=1) + "\n", **texts}


def to_text(document: Mapping[str, Any]) -> str:
    """Return a result as a record holds it: a line for each field, in ASCII."""
    fields = (f" {json.dumps(name)}: {json.dumps(value, separators=(',', ':'))}" for name, value in document.items())
    return "{\n" + ",\n".join(fields) + "\n}\n"


def _document(head: Head, record: Record) -> dict[str, Any]:
    """Return a result with the fields of the schema and no others."""
    parts = {"date": head.date, "command_line": head.command_line, "environment": head.environment}
    found: dict[str, Any] = json.loads(files.to_json(files.document(record, parts)))
    return found


def _file_name(command: str, taken: Container[str]) -> str:
    """Return the command's name, with a number where another result has it."""
    word = command.replace(" ", "-")
    names = (f"{word}{'' if number == 1 else f'.{number}'}.json" for number in count(1))
    return next(name for name in names if name not in taken)


# --- what its results share ---------------------------------------------------------------------


def _conditions(head: Head, record: Record) -> dict[str, Any]:
    """Return the conditions that results of one record share. None: this result does not say."""
    environment = head.environment
    service: Mapping[str, Any] = getattr(record, "service", head.service)

    def text(name: str) -> str | None:
        found = service.get(name)
        return found if isinstance(found, str) else None

    def mapping(name: str) -> dict[str, Any] | None:
        found = service.get(name)
        return found if isinstance(found, dict) else None

    return {
        "processor": environment.processor,
        "cores": environment.cores,
        "kernel": environment.kernel,
        "python": environment.python,
        "packages": environment.packages,
        "commit": environment.commit,
        "database": text("database"),
        "database_version": text("database_version"),
        "connection": text("connection"),
        "connection_policy": mapping("connection_policy"),
        "switches": mapping("switches"),
    }


def _check_alike(loaded: Mapping[str, tuple[Head, Record]]) -> None:
    """Raise ResultError unless the results belong together. It names two files and what differs."""
    first: dict[str, tuple[str, Any]] = {}
    for name, (head, record) in loaded.items():
        for condition, value in _conditions(head, record).items():
            if value is None:
                continue
            other, known = first.setdefault(condition, (name, value))
            if known != value:
                one, two = _unlike(known, value)
                raise ResultError(
                    f"{other} and {name} differ in {condition.replace('_', ' ')}: {one} and {two}; a record has one "
                    "machine, commit, Python, set of packages, database, connection policy and set of switches"
                )


def _unlike(one: Any, two: Any) -> tuple[str, str]:
    """Return two values as text; from two dictionaries, only what differs."""
    if not (isinstance(one, dict) and isinstance(two, dict)):
        return str(one), str(two)
    names = [name for name in sorted(one.keys() | two.keys()) if one.get(name) != two.get(name)]
    return tuple(", ".join(f"{name} {each.get(name, 'absent')}" for name in names) for each in (one, two))  # type: ignore[return-value]


def _index(
    loaded: Mapping[str, tuple[Head, Record]], sizes: Mapping[str, int], machine: str | None, label: str
) -> Index:
    """Return the index of these results. Raises ResultError if one has no date."""
    shared: dict[str, Any] = {}
    for head, record in loaded.values():
        for condition, value in _conditions(head, record).items():
            shared[condition] = value if shared.get(condition) is None else shared[condition]
    return Index(
        format=FORMAT,
        date=max(_day(name, head) for name, (head, _) in loaded.items()),
        machine=machine or machine_of(next(iter(loaded.values()))[0]),
        label=label,
        **shared,
        uncommitted_changes=any(head.environment.uncommitted_changes for head, _ in loaded.values()),
        results=tuple(_kept(name, sizes[name], *each) for name, each in loaded.items()),
    )


def _day(name: str, head: Head) -> str:
    try:
        return date.fromisoformat(head.date[:10]).isoformat()
    except ValueError:
        raise ResultError(f"{name}: {head.date[:30]!r} is no date") from None


def _kept(name: str, size: int, head: Head, record: Record) -> Kept:
    verdict = verdict_of(record)
    measured = [getattr(record, field) for field in _BLOCKS if hasattr(record, field)]
    return Kept(
        file=name,
        command=record.command,
        date=head.date,
        bytes=size,
        blocks=all(map(bool, measured)),
        conclusive=None if verdict is None else verdict.conclusive,
        reasons=() if verdict is None else verdict.reasons,
    )


def _with_verdicts(index: Index, results: Mapping[str, Record]) -> Index:
    """Return the index with the verdicts of these results."""
    found = {name: verdict_of(record) for name, record in results.items()}
    kept = (
        replace(each, conclusive=verdict.conclusive, reasons=verdict.reasons) if (verdict := found[each.file]) else each
        for each in index.results
    )
    return replace(index, results=tuple(kept))


def verdict_of(record: Record) -> Verdict | None:
    """Return whether a result can be trusted; None: such a result needs no verdict."""
    found = getattr(record, "verdict", None)
    doubts = getattr(record, "inconclusive", None)  # of `compare`: what its two runs said of themselves
    if isinstance(found, Verdict):
        return found
    return None if doubts is None else Verdict.of(doubts)


# --- reading one --------------------------------------------------------------------------------


def folders(paths: Sequence[Path]) -> list[Path]:
    """Return the records at these paths: each is a record, or a folder of records.

    What begins with a dot is none: `record` writes into such a folder until it is done. Raises
    ResultError for a folder without a record.
    """
    found = []
    for path in paths:
        inside = [path]
        if not (path / INDEX).exists():
            inside = sorted(each for each in path.iterdir() if each.is_dir() and not each.name.startswith("."))
        if not inside:
            raise ResultError(f"{path}: no record in it")
        found += inside
    return list(dict.fromkeys(found))


def read(folder: Path, name: str = "") -> Shared:
    """Return a record. Raises ResultError, which names the file and what is wrong with it.

    `name`  what the folder will be called; empty: its name as it is
    """
    path, name = folder / INDEX, name or folder.resolve().name
    try:
        _check_file(path)
        index = msgspec.convert(json.loads(path.read_text("utf-8")), Index)
    except (OSError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise ResultError(f"{path}: {error}") from None
    if index.format != FORMAT:
        raise ResultError(f"{path}: format {index.format}; this version reads {FORMAT}")
    if not NAME.fullmatch(name) or index.name != name:
        raise ResultError(f"{folder}: its index is of {index.name!r}; a record's folder is called DATE-MACHINE")
    loaded, sizes = {}, {}
    for each in index.results:
        part = folder / each.file
        if not FILE.fullmatch(each.file) or each.file == INDEX:
            raise ResultError(f"{path}: {each.file!r} is no file of this folder")
        sizes[each.file] = _check_file(part)
        loaded[each.file] = files.load(part, RESULTS)
    if not loaded:
        raise ResultError(f"{path}: a record of no result")
    if unlisted := sorted({each.name for each in folder.iterdir()} - loaded.keys() - {INDEX}):
        raise ResultError(f"{folder / unlisted[0]}: not in {INDEX}")
    _check_alike({str(folder / name): each for name, each in loaded.items()})
    if _index(loaded, sizes, index.machine, index.label) != index:
        raise ResultError(f"{path}: it differs from what its results say; make it again: python -m benchmarks record")
    _check_size(str(folder), index)
    today = {name: judging.judged(folder / name, record) for name, (_, record) in loaded.items()}
    judged = {name: (head, today[name]) for name, (head, _) in loaded.items()}
    return Shared(_with_verdicts(index, today), judged)


def _check_file(path: Path) -> int:
    """Return the size of a record's file. Raises ResultError unless it is a small, plain file."""
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            raise ResultError(f"{path}: no plain file")
        size = path.stat().st_size
    except OSError as error:
        raise ResultError(f"{path}: {error}") from None
    if size > LARGEST:
        raise ResultError(f"{path}: {size:,} bytes, above {LARGEST:,}")
    return size


def _check_size(name: str, index: Index) -> None:
    size = sum(each.bytes for each in index.results)
    if size > LARGEST_RECORD:
        raise ResultError(f"{name}: {size:,} bytes, above {LARGEST_RECORD:,}: make two records, each with a label")


def printable(text: str) -> str:
    """Return a stranger's text on one line, with escapes for what cannot be printed."""
    return "".join(sign if sign.isprintable() else f"\\u{ord(sign):04x}" for sign in text)
