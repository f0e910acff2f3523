"""The page over records: what stands on it, and the one HTML file that shows it.

Everything in a record may come from a stranger. The template escapes it; `text` shows what cannot
be printed as an escape and shortens it; and the page's policy runs no script but its own.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from django.template import Context, Engine
from django.utils.safestring import mark_safe

from benchmarks.reporting import frontier, overheads
from benchmarks.reporting.page import Field, Grid
from benchmarks.reporting.wording import count, interval
from benchmarks.results.files import ResultError
from benchmarks.results.records.common import Record
from benchmarks.results.records.distance import Distance
from benchmarks.results.records.flows import Flows
from benchmarks.results.records.overhead import Tabulated
from benchmarks.results.records.revocation import Revocation
from benchmarks.results.records.wire import Wire
from benchmarks.results.shared import Index, Kept, Shared, printable
from benchmarks.stats.overhead import Table
from benchmarks.stats.verdicts import EQUIVALENT, FASTER, SLOWER, Contest

LARGEST = 1_000_000  # bytes
LONGEST = 60  # characters of a name from a record
LONGEST_SENTENCE = 400
TEMPLATES = Path(__file__).parents[2] / "reporting/templates"

# What a reader can filter by: the name in the page, and its label.
FILTERS = {
    "database": "Database",
    "connection": "Connection policy",
    "machine": "Machine",
    "python": "Python",
    "django": "Django",
    "drf": "DRF",
}


@dataclass(frozen=True, slots=True)
class Bout:
    """A contest as a line: `anchor` is its permalink, `outcome` one of verdicts.Outcome."""

    anchor: str
    first: str
    second: str
    outcome: str
    words: str
    difference: str


@dataclass(frozen=True, slots=True)
class Panel:
    """A table of contenders, and its contests."""

    grid: Grid
    bouts: tuple[Bout, ...] = ()

    @property
    def summary(self) -> str:
        """Return the line that unfolds the contests."""
        return f"Scheme against scheme: {len(self.bouts)} contest{'s' * (len(self.bouts) != 1)}"


@dataclass(frozen=True, slots=True)
class Part:
    """A result of a record. `state`: conclusive, inconclusive, or empty where none is needed."""

    anchor: str
    title: str
    state: str
    reasons: tuple[str, ...]
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A record: its line in the overview, and its section.

    `filters`  a value for each of FILTERS
    """

    name: str
    anchor: str
    filters: dict[str, str]
    overview: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    is_doubtful: bool
    parts: tuple[Part, ...]


def html(records: Sequence[Shared]) -> bytes:
    """Return the page, in UTF-8, the newest day first. Raises ResultError if it is too large."""
    by_name = sorted(records, key=lambda each: each.index.name)
    newest = sorted(by_name, key=lambda each: each.index.date, reverse=True)
    entries = [_entry(each) for each in newest]
    # Both are the page's own: their hashes are what its policy allows.
    style, script = ((TEMPLATES / name).read_text("utf-8") for name in ("site.css", "site.js"))
    context = Context(
        {
            "entries": entries,
            "filters": [
                (name, label, sorted({each.filters[name] for each in entries}, key=_by_number))
                for name, label in FILTERS.items()
            ],
            "style": mark_safe(style),  # noqa: S308
            "script": mark_safe(script),  # noqa: S308
            "policy": f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
            "img-src data:; base-uri 'none'; form-action 'none'",
        }
    )
    page = Engine(dirs=[TEMPLATES]).get_template("site.html").render(context).encode("utf-8", "replace")
    if len(page) >= LARGEST:
        raise ResultError(
            f"the page of {len(records)} records would have {len(page):,} bytes, above {LARGEST:,}: name fewer records"
        )
    return page


def _hash(source: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()


def _by_number(text: str) -> list[tuple[int, str]]:
    """Return a key by which 3.9 comes before 3.10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


def text(value: object, most: int = LONGEST) -> str:
    """Return a stranger's text as the page shows it."""
    shown = printable(str(value))
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def sentence(value: object) -> str:
    """Return a stranger's sentence or list as the page shows it."""
    return text(value, LONGEST_SENTENCE)


def anchor(*parts: object) -> str:
    """Return a permalink's fragment, which is an id too: RECORD/RESULT/URL/FIRST/SECOND."""
    return "/".join(quote(text(part).strip("/"), safe="").replace("%2F", "/") or "-" for part in parts)


# --- a record -----------------------------------------------------------------------------------


def _entry(record: Shared) -> Entry:
    index = record.index
    minor = {name: ".".join(index.packages.get(name, "unknown").split(".")[:2]) for name in index.packages}
    filters = {
        "database": index.database or "none",
        "connection": index.connection or "none",
        "machine": index.machine,
        "python": _minor(index.python),
        "django": minor.get("Django", "unknown"),
        "drf": minor.get("djangorestframework", "unknown"),
    }
    tabulated = [found for _, found in record.results.values() if isinstance(found, Tabulated)]
    return Entry(
        name=index.name,
        anchor=anchor(index.name),
        filters={name: text(value) for name, value in filters.items()},
        overview=tuple(
            map(
                text,
                (
                    f"{index.database or '–'} {index.database_version or ''}".strip(),
                    index.connection or "–",
                    f"{index.cores} x {index.processor}",
                    index.python,
                    index.packages.get("Django", "–"),
                    *_champions(tabulated),
                ),
            )
        ),
        facts=tuple((name, sentence(value)) for name, value in _facts(index)),
        is_doubtful=any(each.conclusive is False for each in index.results),
        parts=tuple(_part(index, kept, record.results[kept.file][1], record) for kept in index.results),
    )


def _minor(python: str) -> str:
    """Return an interpreter without its patch release: CPython 3.11."""
    return re.sub(r"(\d+\.\d+)\..*", r"\1", python)


def _champions(tabulated: Sequence[Tabulated]) -> tuple[str, str, str]:
    """Return what `token` and `jwt` add and where, in process if that was measured."""
    for record in sorted(tabulated, key=_is_wire):
        adds = {row.name: interval(row.overhead) for row in record.tables[0].rows}
        return adds.get("token", "–"), adds.get("jwt", "–"), _where(record)
    return "–", "–", "–"


def _is_wire(record: Record) -> bool:
    return record.command == Wire.command


def _where(record: Record) -> str:
    return "over HTTP" if _is_wire(record) else "in process"


def _facts(index: Index) -> Iterator[tuple[str, object]]:
    policy = ", ".join(f"{name}={value}" for name, value in (index.connection_policy or {}).items())
    yield "date", index.date
    yield "machine", f"{index.machine}: {index.cores} x {index.processor}, {index.kernel}"
    yield "versions", ", ".join([index.python, *(f"{name} {each}" for name, each in index.packages.items())])
    yield "database", f"{index.database or 'none'} {index.database_version or ''}".strip()
    yield "connection policy", f"{index.connection or 'none'}{f' ({policy})' if policy else ''}"
    if index.switches:
        yield "switches", ", ".join(f"{name}={value}" for name, value in index.switches.items())
    yield "commit", f"{index.commit or 'unknown'}{', with uncommitted changes' * index.uncommitted_changes}"
    yield "results", ", ".join(f"{each.file} ({each.bytes / 1000:,.0f} kB)" for each in index.results)


# --- a result -----------------------------------------------------------------------------------


def _part(index: Index, kept: Kept, record: Record, whole: Shared) -> Part:
    place = (index.name, kept.file.removesuffix(".json"))
    panels: Iterable[Panel] = ()
    if isinstance(record, Tabulated):
        panels = [_panel(table, f"{table.url} {_where(record)}", (*place, table.url)) for table in record.tables]
    elif isinstance(record, Distance):
        panels = [
            _panel(
                away.table,
                f"{away.table.url}, the database {away.distance_ms:g} ms away",
                (*place, away.table.url, f"{away.distance_ms:g}"),
            )
            for away in record.distances
        ]
    elif isinstance(record, Flows):
        panels = [Panel(_flows(record))]
    elif isinstance(record, Revocation):
        panels = [Panel(_ends(record))]
    return Part(
        anchor=anchor(*place),
        title=text(kept.file.removesuffix(".json")),
        state={None: "", True: "conclusive", False: "inconclusive"}[kept.conclusive],
        reasons=tuple(map(sentence, kept.reasons)),
        panels=tuple(panels),
    )


def _panel(table: Table, title: str, place: Sequence[object]) -> Panel:
    grid = overheads.grid(f"{text(title)}: what each contender adds, in µs", table, text)
    return Panel(grid, tuple(_bout(each, table.margin_us, place) for each in table.contests))


def _bout(contest: Contest, margin_us: float, place: Sequence[object]) -> Bout:
    if contest.verdict == SLOWER:
        contest = contest.reversed()  # a line always begins with who is faster
    words = {FASTER: "is faster than", EQUIVALENT: "costs the same as"}
    reach = interval(contest.difference, signed=contest.verdict != FASTER)
    shown = {FASTER: f"by {reach} µs", EQUIVALENT: f"{reach} µs, within {margin_us:g}"}
    return Bout(
        anchor(*place, *sorted((contest.first, contest.second))),
        text(contest.first),
        text(contest.second),
        contest.verdict,
        words.get(contest.verdict, "is not told apart from"),
        shown.get(contest.verdict, f"{reach} µs"),
    )


def _flows(record: Flows) -> Grid:
    return Grid(
        "What a login, a refresh and a logout cost",
        ("scheme", "flow", "takes, µs (95 %)", "SQL", "rows", "bytes"),
        tuple(
            tuple(
                map(
                    Field,
                    (
                        text(each.scheme),
                        text(each.flow),
                        interval(each.time_us),
                        str(each.statements),
                        count(each.rows_written),
                        count(each.bytes_written),
                    ),
                )
            )
            for each in record.flows
        ),
    )


def _ends(record: Revocation) -> Grid:
    return Grid(
        "When a credential stops working, after the slowest of logout, password change and deactivation",
        ("scheme", "revoked", "longest after"),
        tuple(
            (
                Field(text(scheme)),
                Field(text(each.delay), frontier.kind(each.seconds)),
                Field(sentence(", ".join(each.events) or "–")),
            )
            for scheme, each in frontier.worst(record).items()
        ),
    )
