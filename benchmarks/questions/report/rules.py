"""The rules of choice that a report begins with: which scheme for which need, from its results."""

import math
from collections.abc import Iterator, Sequence, Set
from itertools import groupby, pairwise

from benchmarks.questions.flows import meeting
from benchmarks.reporting import frontier
from benchmarks.reporting.frontier import Standing
from benchmarks.reporting.page import Choice, Report, Rule
from benchmarks.reporting.wording import duration, interval, listed, number
from benchmarks.results.records.flows import Flows
from benchmarks.results.records.revocation import Revocation
from benchmarks.results.records.wire import Wire
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Table
from benchmarks.stats.verdicts import EQUIVALENT, Verdict


def choice(report: Report) -> Choice | None:
    """Return the rules that the results bear out; None if there is nothing to choose from."""
    table, verdict = report.overhead.tables[0], report.overhead.verdict
    if len(table.rows) < 2:
        return None
    doubt = "" if verdict.conclusive else "Estimates of a run that cannot tell: do not decide by them. "
    return Choice(
        f"{doubt}What a scheme adds to a request of {number(table.anonymous.request)} µs on {table.url}, with its 95 % "
        "interval. A scheme is left out if another one is refused as soon and costs less.",
        tuple(_rules(report, table)),
    )


def _rules(report: Report, table: Table) -> list[Rule]:
    revocation = report.part(Revocation)
    if revocation is None:
        best = _cheapest(table)
        made = [Rule("Cheapest request", f"{_choice(best, table)}. How soon each is revoked is not in this report.")]
        names = {name for name, _ in best}
    else:
        events = [event.name for event in revocation.events if event.name in report.events]
        made = list(_everywhere(table, revocation, events))
        made[1:1] = _in_one_process(table, revocation, events)
        names = {one.name for one in frontier.standings(table, revocation, events) if not one.dominated_by}
    if (flows := report.part(Flows)) is not None:
        made += _by_requests(flows, revocation, report.events)
    if (wire := report.part(Wire)) is not None:
        made += _over_http(wire, table.url, names)
    return made


# --- by the time to revoke ------------------------------------------------------------------------


def _cheapest(table: Table) -> list[tuple[str, Interval]]:
    """Return the cheapest row, and those that are not shown to cost more."""
    first, *others = sorted(table.rows, key=lambda row: row.overhead.estimate)
    contests = frontier.verdicts(table)
    same = [row for row in others if (each := contests.get((first.name, row.name))) and each.verdict != "faster"]
    return [(row.name, row.overhead) for row in (first, *same)]


def _everywhere(table: Table, revocation: Revocation, events: Sequence[str]) -> Iterator[Rule]:
    """Yield a rule for each time to revoke at which waiting longer saves something."""
    best = [one for one in frontier.standings(table, revocation, events) if not one.dominated_by]
    best.sort(key=lambda one: (one.seconds, one.delay, one.overhead.estimate))
    for (seconds, delay), group in groupby(best, key=lambda one: (one.seconds, one.delay)):
        yield Rule(_need(seconds, delay, events), f"{_of(list(group), table)}.")


def _need(seconds: float, delay: str, events: Sequence[str]) -> str:
    if not seconds:
        return f"Refused at once in every process, after {listed(events, 'or')}"
    if seconds == math.inf:
        return "It need never be refused"
    return f"Refused {delay} is soon enough"


def _in_one_process(table: Table, revocation: Revocation, events: Sequence[str]) -> Iterator[Rule]:
    """Yield the rule for one process, if others than everywhere are the cheapest at once there."""
    at_once = [one for one in frontier.standings(table, revocation, events, elsewhere=False) if not one.seconds]
    best = [one for one in at_once if not one.dominated_by]
    if {one.name for one in best} - _at_once_everywhere(revocation, events):
        yield Rule("Refused at once where one process serves the API", f"{_of(best, table)}.")


def _at_once_everywhere(revocation: Revocation, events: Sequence[str]) -> set[str]:
    return {name for name, end in frontier.worst(revocation, events).items() if not end.seconds}


def _of(standings: Sequence[Standing], table: Table) -> str:
    return _choice([(one.name, one.overhead) for one in standings], table)


def _choice(figures: Sequence[tuple[str, Interval]], table: Table) -> str:
    """Return the schemes, cheapest first, with what each adds and whether they differ."""
    (first, adds), *others = figures
    text = f"{first} adds {interval(adds)} µs"
    contests = frontier.verdicts(table)
    for name, each in others:
        contest = contests.get((first, name))
        if contest is None or contest.verdict not in ("faster", EQUIVALENT):
            how = "no difference is shown"
        elif contest.verdict == EQUIVALENT:
            how = f"the same within {table.margin_us:g} µs"
        else:
            how = "which is more"
        text += f"; {name} {interval(each)} µs, {how}"
    return text


# --- by the number of requests, and over HTTP -----------------------------------------------------


def _by_requests(flows: Flows, revocation: Revocation | None, events: Sequence[str]) -> Iterator[Rule]:
    """Yield which scheme costs least with few and with many requests for each login or refresh."""
    access = flows.lifetimes_seconds.get("access")
    per = f" ({duration(access)})" if access else ""
    need = f"Cheapest with logins and refreshes, by requests per access lifetime{per}"
    groups = {need: list(flows.curve.schemes)}
    if revocation is not None:
        at_once = _at_once_everywhere(revocation, events)
        groups["The same, among those refused at once in every process"] = [
            name for name in flows.curve.schemes if name in at_once
        ]
    for title, names in groups.items():
        if len(names) > 1:
            yield Rule(title, f"{_doubt(flows.verdict)}{_least(flows, names)}.")


def _least(flows: Flows, names: Sequence[str]) -> str:
    """Return the schemes that are cheapest from the fewest to the most requests."""
    curve = flows.curve
    cheapest = [min(names, key=lambda name: curve.schemes[name].cost_us[place]) for place in range(len(curve.requests))]
    steps = list(dict.fromkeys(cheapest))
    crossings = {frozenset((each.first, each.second)): each for each in flows.crossings}
    few = curve.schemes[steps[0]].cost_us[0]
    text = f"{steps[0]}, {number(few)} µs a request at {curve.requests[0]:,g}"
    for before, name in pairwise(steps):
        each = crossings.get(frozenset((before, name)))
        if each is None:
            text += f"; with many, no difference is shown to {name}"
        else:
            text += f"; {name} from {meeting.requests(each)} on"
    many = curve.schemes[cheapest[-1]].cost_us[-1]
    return f"{text}; {number(many)} µs with {cheapest[-1]} at {curve.requests[-1]:,g}"


def _over_http(wire: Wire, url: str, names: Set[str]) -> Iterator[Rule]:
    """Yield what the schemes of the other rules add over HTTP."""
    found = sorted(
        (each for each in wire.beside if each.url == url and each.name in names), key=lambda each: each.wire.estimate
    )
    if found:
        figures = "; ".join(f"{each.name} {interval(each.wire)} µs" for each in found)
        yield Rule("The same schemes over HTTP add", f"{_doubt(wire.verdict)}{figures}.")


def _doubt(verdict: Verdict) -> str:
    return "" if verdict.conclusive else "Inconclusive: "
