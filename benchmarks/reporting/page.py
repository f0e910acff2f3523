"""The page of a report: what sections are made of, and the one HTML file that shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

from django.template import Context, Engine
from django.utils.safestring import SafeString

from benchmarks.reporting.wording import number
from benchmarks.results.records.common import Head, Record
from benchmarks.results.records.overhead import Overhead
from benchmarks.stats.verdicts import Verdict

LARGEST = 1_000_000  # bytes: a page that a mail takes

Kind = TypeVar("Kind", bound=Record)


class ReportError(Exception):
    """Files that make no report; the message names them and says what would."""


# --- what a section is made of --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A table's cell.

    `kind`  only colours it: good, mixed, bad or none
    `said`  what a screen reader says instead of a mark such as ≈; empty: the text itself
    """

    text: str
    kind: str = ""
    said: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the first field of a row is its heading.

    `prose`   fields break into lines
    `matrix`  names against names: heads are turned, and fields hold short marks
    """

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Field, ...], ...]
    prose: bool = False
    matrix: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, and the table of its numbers."""

    title: str
    svg: SafeString
    grid: Grid
    notes: tuple[str, ...] = ()
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page.

    `doubts`  why its result cannot be trusted
    `notes`   paragraphs below the pictures
    """

    anchor: str
    title: str
    lead: str
    pictures: tuple[Picture, ...] = ()
    grids: tuple[Grid, ...] = ()
    folded: tuple[Grid, ...] = ()
    doubts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of choice: a reader's need, and the schemes that meet it with their figures."""

    need: str
    choice: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The rules of choice that the page's results bear out. `lead`: what their figures mean."""

    lead: str
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The results on a page, by name: the command, and FAR for a load at several distances.

    `events`  those whose slowest is the time to revoke
    """

    heads: Mapping[str, Head]
    parts: Mapping[str, Record]
    paths: Mapping[str, Path]
    events: tuple[str, ...]

    def part(self, kind: type[Kind]) -> Kind | None:
        """Return the result of that kind. None: the report has none."""
        found = self.parts.get(kind.command)
        return found if isinstance(found, kind) else None

    @property
    def overhead(self) -> Overhead:
        """Return the result with which every report begins."""
        return cast(Overhead, self.parts[Overhead.command])


def doubts(verdict: Verdict | None) -> tuple[str, ...]:
    """Return why a result cannot be trusted; nothing if it is conclusive or needs no verdict."""
    if verdict is None or verdict.conclusive:
        return ()
    return verdict.reasons or ("no reason is given",)


# --- the page -------------------------------------------------------------------------------------


def html(report: Report, choice: Choice | None, sections: Sequence[Section], absent: Mapping[str, str]) -> bytes:
    """Return the page, in UTF-8. `absent`: command -> what its result would show.

    Raises ReportError.
    """
    context = Context(
        {
            "answer": report.overhead.answer,
            "doubts": doubts(report.overhead.verdict),
            "made": _where(report.heads[Overhead.command]),
            "choice": choice,
            "sections": sections,
            "absent": list(absent.items()),
            "differences": _differences(report),
            "method": [_made(name, head, report) for name, head in report.heads.items()],
        }
    )
    engine = Engine(dirs=[Path(__file__).parent / "templates"])
    # JSON can spell half a surrogate pair, which UTF-8 cannot.
    page = engine.get_template("report.html").render(context).encode("utf-8", "replace")
    if len(page) >= LARGEST:
        raise ReportError(f"the page would have {len(page):,} bytes, above {LARGEST:,}: give it fewer contenders")
    return page


def _where(head: Head) -> str:
    """Return the line without which no figure means anything."""
    environment = head.environment
    facts = [
        head.date,
        _database(head),
        f"connection {plain(head.service['connection'])}" if "connection" in head.service else "",
        f"{environment.cores} x {environment.processor}",
        environment.python,
        *(f"{name} {version}" for name, version in list(environment.packages.items())[:3]),
    ]
    return "Measured " + ", ".join(filter(None, facts)) + "."


def _differences(report: Report) -> list[str]:
    """Return the conditions in which the results differ, though they stand on one page."""
    facts = {
        "commit": lambda head: (head.environment.commit or "unknown")[:12],
        "processor": lambda head: head.environment.processor,
        "Python": lambda head: head.environment.python,
        "database": lambda head: _database(head) or None,
    }
    lines = []
    for name, fact in facts.items():
        values = {command: fact(head) for command, head in report.heads.items()}
        values = {command: value for command, value in values.items() if value is not None}
        if len(set(values.values())) > 1:
            lines.append(f"{name}: {', '.join(f'{command} {value}' for command, value in values.items())}")
    return lines


def _made(name: str, head: Head, report: Report) -> Grid:
    """Return how a result was made, and on what."""
    environment = head.environment
    facts = {
        "file": report.paths[name].name,
        "date": head.date,
        "command": " ".join(["python -m benchmarks", *head.command_line[1:]]),
        "machine": f"{environment.cores} x {environment.processor}, {environment.kernel}",
        "Python": environment.python,
        "packages": ", ".join(f"{package} {version}" for package, version in environment.packages.items()),
        "load average": ", ".join(f"{load:.1f}" for load in environment.load_average),
        "commit": (environment.commit or "unknown") + (", changed since" if environment.uncommitted_changes else ""),
        **{key.replace("_", " "): plain(value) for key, value in head.service.items()},
    }
    if name == Overhead.command:
        facts.update({f"plan: {key}": plain(value) for key, value in report.overhead.plan.items()})
        if report.overhead.steal is not None:
            facts["steal"] = f"{report.overhead.steal:.1%}"
    return Grid(name, ("fact", "value"), tuple((Field(key), Field(value)) for key, value in facts.items()))


def _database(head: Head) -> str:
    return " ".join(str(head.service[key]) for key in ("database", "database_version") if key in head.service)


def plain(value: Any) -> str:
    """Return a value of a result as text."""
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items()) or "defaults"
    return str(value)
