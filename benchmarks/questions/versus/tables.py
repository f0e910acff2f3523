"""The table, the remarks and the answer that the command `versus` shows."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from benchmarks.processes.turns import Run
from benchmarks.questions.versus import verdict
from benchmarks.questions.versus.run import AFTER, BEFORE
from benchmarks.reporting import tables
from benchmarks.reporting.wording import interval
from benchmarks.results.records.versus import Versus
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import EQUIVALENT, INCONCLUSIVE, Outcome


def of(record: Versus) -> Table:
    """Return a table with a line for the revision and one for this checkout."""
    shown = tables.empty(
        f"{record.contender} on {record.url} ({len(record.turns)} processes of each; times in µs, sizes in bytes)",
        "service",
        "request (95 %)",
        *(["adds (95 %)"] if record.adds else []),
        "SQL",
        "body",
    )
    adds = record.adds and {BEFORE: record.adds.before, AFTER: record.adds.after}
    then, now = f"{record.revision.name} ({record.revision.commit[:12]})", "this checkout"
    if record.of:
        then = f"base: {then}"
        now = f"head: {record.of.words}"
    for name, times, place in ((then, record.before, BEFORE), (now, record.after, AFTER)):
        if times is None:
            continue
        facts = record.facts[place]
        added = [interval(adds[place])] if adds else []
        shown.add_row(name, interval(times), *added, str(facts.sql_statements), str(facts.response_bytes))
    return shown


def remarks(record: Versus, run: Run) -> list[str]:
    """Return what a reader must know to read the table, a paragraph each."""
    before = run.rehearsals.get(BEFORE, run.rehearsals[AFTER])
    control = f"{interval(record.control)} µs (99 % interval)"
    return [
        *([f"Only the head was measured. {record.of.no_base}"] if record.of and record.of.no_base else []),
        *([f"The bodies differ: {record.unlike}."] if record.unlike else []),
        *(["The bodies are equal, byte for byte."] if record.difference and not record.unlike else []),
        *(["Adds: microseconds on top of `anonymous`, in the same processes."] if record.adds else []),
        f"A/A control: a copy of the head adds {control} more than the head."
        if record.of
        else f"A/A control: this checkout differs from its copy by {control}.",
        *policy_before(before.service, record.service, record.revision.name),
    ]


def policy_before(before: Mapping[str, Any], after: Mapping[str, Any], revision: str) -> list[str]:
    """Return a line with the revision's connection policy, if it was another one."""
    if before["connection_policy"] == after["connection_policy"]:
        return []
    return [f"{revision} was served with another connection policy: {tables.policy(before)}"]


def answer(record: Versus) -> str:
    """Return the run's answer in a sentence."""
    what, revision = f"{record.contender} on {record.url}", record.revision.name
    if not record.verdict.conclusive:
        unsure = f"{what}: this run cannot tell whether {revision} was faster or slower."
        difference = verdict.difference(record)
        estimate = difference and f"{difference.estimate:+.1f} µs ({difference.low:+.1f} to {difference.high:+.1f})"
        return f"{unsure} Its estimate, not to be relied on: {estimate}." if estimate else unsure
    if record.of:
        return f"{what}: {_answer_of(record)}"
    ratio = record.ratio
    times = f" {ratio.estimate:.3f} times ({ratio.low:.3f} to {ratio.high:.3f})" if ratio else ""
    text = (
        f"{what}: a request costs{times} what it cost at {revision}, a difference of "
        f"{_difference(record.difference, record.now, record.margin_us)}."
    )
    if record.adds:
        added = _difference(record.adds.difference, record.adds.now, record.margin_us)
        text += f" On top of anonymous, the difference is {added}."
    return text


def _answer_of(record: Versus) -> str:
    added, difference = f"the head adds {interval(record.adds.after)} µs to a request", record.adds.difference
    if difference is None:
        return f"{added}; the base was not measured."
    compared = _difference(difference, record.adds.now, record.margin_us)
    return f"{added}, compared with the base {record.revision.name} {compared}."


def _difference(difference: Interval, now: Outcome, margin_us: float) -> str:
    verdict = {EQUIVALENT: f"the same within {margin_us:g} µs", INCONCLUSIVE: "no difference shown"}
    return f"{difference.estimate:+.1f} µs ({difference.low:+.1f} to {difference.high:+.1f}): {verdict.get(now, now)}"
