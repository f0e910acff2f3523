"""README's figures and its picture, made from one record.

Each part stands between two comments, which no reader sees, and the first names the record.
"""

import io
import re
import textwrap
from collections.abc import Iterable
from datetime import date
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console

from benchmarks import terminal
from benchmarks.messages import ANONYMOUS
from benchmarks.reporting import frontier, markdown, pictures, tables
from benchmarks.reporting.wording import interval, listed
from benchmarks.results.files import ResultError
from benchmarks.results.records.overhead import Overhead
from benchmarks.results.records.revocation import Revocation
from benchmarks.results.shared import Index, Shared
from benchmarks.stats.overhead import Row
from benchmarks.stats.verdicts import EQUIVALENT, FASTER, INCONCLUSIVE, Contest

SHOWN = (ANONYMOUS, "drf-token", "simplejwt", "token", "jwt")  # rows of README's table
LITTLE = 0.1  # of a request: a difference that decides nothing

_PART = re.compile(
    r"(?P<begin><!-- (?P<part>answer|table) of (?P<record>\S+) -->\n)(?P<text>.*?)(?P<end>\n<!-- end -->\n)", re.DOTALL
)
_SHOWABLE = re.compile(r"[\w./?&=:%+-]{1,60}", re.ASCII)  # a contender's name and a URL: neither Markdown nor Rich acts
_SVG = "http://www.w3.org/2000/svg"
_COLOURS = {  # light and dark, as the report has them; the paper is that of GitHub's pages
    "paper": ("#ffffff", "#0d1117"),
    "ink": ("#1b1b1f", "#e7e9ed"),
    "faint": ("#5f6670", "#a3abb8"),
    "rule": ("#c9ced6", "#434a55"),
    "band": ("#e3e6eb", "#2c3139"),
    "series-0": ("#0072b2", "#4da9e0"),
}


def named(text: str) -> str:
    """Return the record that a README names. Raises ResultError unless it names one, twice."""
    found = {match["part"]: match["record"] for match in _PART.finditer(text)}
    if found.keys() != {"answer", "table"} or len(set(found.values())) != 1:
        raise ResultError(
            "README.md: between <!-- answer of RECORD --> and <!-- end --> stands the answer, between "
            "<!-- table of RECORD --> and <!-- end --> the table, both of one record"
        )
    return found["answer"]


def spliced(text: str, record: Shared) -> str:
    """Return a README with the figures of a record. Raises ResultError."""
    named(text)
    made = {"answer": answer(record), "table": table(record)}
    return _PART.sub(
        lambda match: f"<!-- {match['part']} of {record.index.name} -->\n{made[match['part']]}{match['end']}", text
    )


# --- the answer ---------------------------------------------------------------------------------


def overhead_of(record: Shared) -> Overhead:
    """Return the result with README's figures. Raises ResultError if it is missing or in doubt."""
    found = record.part(Overhead.command)[1]
    assert isinstance(found, Overhead)  # noqa: S101 (by its command)
    if not found.verdict.conclusive:
        raise ResultError(f"{record.index.name}: overhead is inconclusive: {'; '.join(found.verdict.reasons)}")
    missing = [name for name in SHOWN[1:] if name not in {row.name for row in found.tables[0].rows}]
    if missing:
        raise ResultError(f"{record.index.name}: overhead was measured without {listed(missing)}")
    table = found.tables[0]
    known = frontier.verdicts(table)
    for pair in combinations([row.name for row in table.rows], 2):
        if pair not in known:
            raise ResultError(f"{record.index.name}: overhead lacks the contest of {' and '.join(pair)}")
    if "Django" not in record.index.packages:
        raise ResultError(f"{record.index.name}: it does not name its version of Django")
    for name in (table.url, *(row.name for row in table.rows)):
        if not _SHOWABLE.fullmatch(name):
            raise ResultError(f"{record.index.name}: {name!r} cannot stand in README; allowed: {_SHOWABLE.pattern}")
    return found


def answer(record: Shared) -> str:
    """Return README's paragraph of figures."""
    found = overhead_of(record).tables[0]
    rows = {row.name: row for row in found.rows}
    contest = frontier.verdicts(found)["token", "jwt"]
    difference = contest.difference
    reach = max(abs(difference.low), abs(difference.high))
    decides = "does not decide" if reach <= LITTLE * found.anonymous.request else "can decide"
    words = [
        f"**Cost {decides} it.** To a request of {found.anonymous.request:,.0f} µs, `token` (DRF's table) adds "
        f"{_adds(rows['token'])} and `jwt` adds {_adds(rows['jwt'])}: {_compared(contest, found.margin_us)}.",
        f"`token-hashed` adds {_adds(rows['token-hashed'])}, and the" if "token-hashed" in rows else "The",
        f"libraries' own classes add {rows['drf-token'].overhead.estimate:,.0f} µs (`drf-token`) and "
        f"{rows['simplejwt'].overhead.estimate:,.0f} µs (`simplejwt`).",
        f"Measured on {_day(record.index)}: {_where(record.index)}, in process; 95 % intervals "
        f"([record](records/{record.index.name}/)).",
    ]
    return textwrap.fill(" ".join(words), terminal.WIDTH, break_long_words=False, break_on_hyphens=False)


def _adds(row: Row) -> str:
    low, high = (f"{each:,.0f}" for each in (row.overhead.low, row.overhead.high))
    return f"{row.overhead.estimate:,.0f} µs ({low} to {high})"


def _compared(contest: Contest, margin_us: float) -> str:
    """Say what the contest of token and jwt showed: the same only if that is proven."""
    difference = contest.difference
    if contest.verdict == EQUIVALENT:
        return f"the same within {margin_us:g} µs"
    if contest.verdict == INCONCLUSIVE:
        return f"no difference is shown ({difference.low:.1f} to {difference.high:.1f} µs)"
    dearer, ends = ("jwt", difference) if contest.verdict == FASTER else ("token", difference.negated())
    return f"`{dearer}` costs {interval(ends)} µs more"


def _day(index: Index) -> str:
    day = date.fromisoformat(index.date)
    return f"{day.day} {day:%B %Y}"


def _where(index: Index) -> str:
    python, django = markdown.text(index.python), markdown.text(index.packages["Django"])
    database = markdown.text(f"{index.database} {index.database_version}")
    return f"{index.cores} cores ({markdown.text(index.processor)}), {python}, Django {django}, {database}"


# --- the table ----------------------------------------------------------------------------------


def table(record: Shared) -> str:
    """Return README's transcript of `make bench`: the lab's own table without some of its rows."""
    found = overhead_of(record)
    console = Console(file=io.StringIO(), width=terminal.WIDTH, color_system=None)
    console.print(tables.table_of(found.tables[0], len(found.processes) or found.plan["processes"]))
    others = {row.name for row in found.tables[0].rows} - set(SHOWN)
    lines = console.file.getvalue().rstrip().splitlines()  # type: ignore[attr-defined]
    shown = [line.rstrip() for line in lines if not set(line.split()[:1]) & others]
    return "\n".join(["```console", "$ make bench", *shown, "…", "```"])


# --- the picture --------------------------------------------------------------------------------


def picture(record: Shared) -> str:
    """Return README's picture as an SVG file. Raises ResultError."""
    found, revocation = overhead_of(record), record.part(Revocation.command)[1]
    assert isinstance(revocation, Revocation)  # noqa: S101 (by its command)
    url = found.tables[0].url
    standings = frontier.standings(found.tables[0], revocation)
    alt = f"Overhead on {url}, in microseconds, against time to revoke. " + "; ".join(
        f"{one.name} {interval(one.overhead)}, {one.delay}{', dominated' if one.dominated_by else ''}"
        for one in standings
    )
    return standalone(pictures.frontier("frontier-0", standings, alt), f"Cost on {url} against time to revoke")


def standalone(inline: str, title: str) -> str:
    """Return a picture of a page as a file of its own, with a title, colours and a background."""
    root = ElementTree.fromstring(inline)  # noqa: S314 (matplotlib wrote it)
    root.attrib = {"xmlns": _SVG, **root.attrib}
    _, _, width, height = root.attrib["viewBox"].split()
    light, dark = (" ".join(f"--{name}: {pair[n]};" for name, pair in _COLOURS.items()) for n in (0, 1))
    style = (
        f"\nsvg {{ {light} }}\n@media (prefers-color-scheme: dark) {{ svg {{ {dark} }} }}\n"
        "rect.paper { fill: var(--paper); }\n"
        "text { font-family: system-ui, sans-serif; paint-order: stroke; stroke: var(--paper); stroke-width: 3px; }\n"
    )
    parts = (("title", {}, title), ("style", {}, style))
    for place, (tag, attributes, text) in enumerate(parts):
        element = ElementTree.Element(tag, attributes)
        element.text = text
        root.insert(place, element)
    root.insert(len(parts), ElementTree.Element("rect", {"class": "paper", "width": width, "height": height}))
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def says(svg: str) -> list[str]:
    """Return every text of a picture, for a comparison that does not hang on a font's metrics."""
    try:
        root = ElementTree.fromstring(svg)  # noqa: S314 (a file of this repository)
    except ElementTree.ParseError as error:
        raise ResultError(f"frontier.svg: {error}") from None
    return [root.get("aria-label", ""), *filter(None, map(_text, root.iter()))]


def _text(element: ElementTree.Element) -> str:
    return (element.text or "").strip()


def stale(text: str, svg: str, record: Shared) -> list[str]:
    """Return which of README and its picture differ from the record."""
    differs: Iterable[tuple[str, bool]] = (
        ("README.md", spliced(text, record) != text),
        (str(Path("docs/explanation/frontier.svg")), says(picture(record)) != says(svg)),
    )
    return [name for name, is_stale in differs if is_stale]
