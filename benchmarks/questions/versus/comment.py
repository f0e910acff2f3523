"""The text of a comment on a pull request: what `versus` found, in Markdown.

Names come from somebody's repository, so none of them acts as markup, mentions anybody or links.
"""

import html
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from benchmarks.questions.versus import verdict
from benchmarks.questions.versus.run import AFTER, BEFORE
from benchmarks.reporting import tables
from benchmarks.reporting.markdown import code, text
from benchmarks.reporting.wording import interval
from benchmarks.results import files
from benchmarks.results.records.versus import Versus
from benchmarks.stats.intervals import Interval

LONGEST = 4000  # characters of a refusal: GitHub takes 65,536 in a comment
SHOWN = ("Django", "djangorestframework")  # versions in the line below the table


# --- text that is no markup -----------------------------------------------------------------------


def lines(words: str) -> str:
    """Return several lines as they are."""
    shown = "".join(sign if sign.isprintable() or sign == "\n" else " " for sign in words)
    return f"<pre>\n{html.escape(shown[:LONGEST])}\n</pre>"


def page(parts: list[str], verdict: str, contender: str, url: str) -> str:
    """Return the comment, with two lines at its end that GitHub does not show.

    The first is the same for each run of a contender at a URL, so that a later run can find the
    comment and replace it.
    """
    marker = f"<!-- token-or-jwt versus {quote(contender, safe=':')} {quote(url, safe='/')} -->"
    return "\n\n".join([*parts, f"{marker}\n<!-- verdict: {verdict} -->"]) + "\n"


# --- the comment ----------------------------------------------------------------------------------


def of(record: Versus, machine: dict[str, Any], most_us: float | None = None) -> str:
    """Return the comment on a run. `most_us`: what --fail-above allows."""
    parts = [
        headline(record, most_us),
        *_doubts(record, most_us),
        _table(record),
        _where(record, machine),
        _how(record),
    ]
    return page(parts, verdict.word(record), record.of.scheme if record.of else record.contender, record.url)


def refused(reason: str, contender: str, url: str) -> str:
    """Return the comment on a run in which nothing was timed."""
    return page(
        [f"**Not timed: {code(contender)} on {code(url)} was refused.**", lines(reason)],
        verdict.REFUSED,
        contender,
        url,
    )


@contextmanager
def on_refusal(path: Path | None, contender: str, url: str) -> Iterator[None]:
    """Write the comment on a refusal into the file, and pass the refusal on."""
    try:
        yield
    except click.ClickException as error:
        if path and not isinstance(error, click.UsageError):
            files.write_file(path, refused(error.message, contender, url).encode()).end()
        raise


def headline(record: Versus, most_us: float | None = None) -> str:
    """Return the first line: the verdict."""
    found, difference = verdict.word(record), verdict.difference(record)
    if difference is None:
        doubt = ", and what it adds is uncertain" if found == verdict.CANNOT_TELL else ""
        said = f"Only the head was measured{doubt}: it adds {interval(record.adds.after)} µs"
    elif found == verdict.CANNOT_TELL:
        said = "Cannot tell whether this costs more"
    elif found == verdict.SAME:
        said = f"The same within {record.margin_us:g} µs"
    else:
        allowed = f", more than the {most_us:g} µs allowed" if verdict.is_too_slow(record, most_us) else ""
        size = difference if difference.estimate >= 0 else difference.negated()
        said = f"{found.capitalize()} by {interval(size)} µs{allowed}"
    compared = "without" if difference is None else "compared with"
    base = f"{code(record.revision.name)} ({record.revision.commit[:12]})"
    return f"**{said}**: {code(record.contender)} on {code(record.url)}, {compared} {base}."


def _doubts(record: Versus, most_us: float | None) -> list[str]:
    """Return why the verdict is not a plain one, if so, and what would make it one."""
    doubts = []
    if record.of and record.of.no_base:
        doubts.append(f"The base was not measured:\n\n{lines(record.of.no_base)}")
    judgement = verdict.judged(record, most_us)
    if not record.verdict.conclusive:
        doubts.append("Warning: this run cannot be trusted, so the figures below are estimates.")
    if judgement.reasons:
        reasons = text("; ".join(judgement.reasons), 1000)
        doubts.append(f"{reasons[0].upper()}{reasons[1:]}.")
    return [*doubts, *(text(remark, 1000) for remark in judgement.remarks)]


def _table(record: Versus) -> str:
    """Return the figures: what is added first, because that is what the verdict is on."""
    before, after = record.facts.get(BEFORE), record.facts[AFTER]
    more = "–" if before is None else f"{after.sql_statements - before.sql_statements:+d}".replace("+0", "0")
    request = (record.before, record.after, record.difference)
    adds = record.adds and (record.adds.before, record.adds.after, record.adds.difference)
    rows = [
        *([("adds to the request without it, µs", *_cells(*adds))] if adds else []),
        ("the whole request, µs", *_cells(*request)),
        ("SQL statements", str(before.sql_statements) if before else "–", str(after.sql_statements), more),
        ("control (99 %): a copy of the head, µs", "", "", interval(record.control, signed=True)),
    ]
    base = f"base {record.revision.commit[:12]}"
    heads = ["95 % intervals", base, f"head {record.of.words}" if record.of else "this checkout", "difference"]
    return "\n".join(f"| {' | '.join(row)} |" for row in [heads, ["---", "--:", "--:", "--:"], *rows])


def _cells(before: Interval | None, after: Interval, difference: Interval | None) -> tuple[str, str, str]:
    if before is None or difference is None:
        return "–", interval(after), "–"
    return interval(before), interval(after), interval(difference, signed=True)


def _where(record: Versus, machine: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {machine['packages'][name]}" for name in SHOWN if name in machine["packages"])
    service = f"{record.service['database']} {record.service['database_version']}"
    return text(f"{machine['cores']} x {machine['processor']}, {machine['python']}, {versions}, {service}", 300)


def _how(record: Versus) -> str:
    """Return what is collapsed at first: how the run was made."""
    steal = "unknown" if record.steal is None else f"{record.steal:.1%}"
    sentences = [
        f"{len(record.turns)} turns of fresh processes in balanced order, {record.seconds:.0f} s; differences are "
        "paired by turn. Each scheme was proved first: 200 with its credential, refused without one, with garbage and "
        "with a forged one.",
        "Both sides ran the same service in the same environment, so a change of an installed package is in neither "
        "difference."
        if record.of
        else "The service's code is what differs.",
        f"While it was timed, the processes waited {record.waited:.0%} of the time for a processor; steal {steal}.",
        f"The bodies differ: {code(record.unlike, 1000)}." if record.unlike else "",
        *(text(line, 1000) for line in tables.measured(record.service)),
    ]
    listed = "\n".join(f"- {sentence}" for sentence in sentences if sentence)
    return f"<details><summary>How it was measured</summary>\n\n{listed}\n\n</details>"
