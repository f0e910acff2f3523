"""Result files to one HTML page: each file is shown by the section of its command."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from django.template import Context, Engine
from django.utils.safestring import SafeString

from benchmarks.questions.flows.messages import OBTAIN, REFRESH
from benchmarks.questions.load import run as load
from benchmarks.questions.plan import tables as plan_tables
from benchmarks.reporting import frontier, pictures
from benchmarks.reporting.wording import MINUS, duration, interval, number
from benchmarks.results import files
from benchmarks.results.records import (
    KINDS,
    Cell,
    Comparison,
    Contest,
    Crossing,
    Distance,
    End,
    Event,
    Flows,
    Head,
    Instructions,
    Ladder,
    Life,
    Load,
    Loaded,
    OneLadder,
    Overhead,
    Plan,
    Revocation,
    Row,
    Scale,
    Series,
    Table,
    Upkeep,
    Verdict,
)
from benchmarks.stats.intervals import Interval

LARGEST = 1_000_000  # bytes: a page that a mail takes


FAR = "load --distance"  # the name of such a result: a report shows it beside one of a database that is near


class ReportError(Exception):
    """Files that make no report; the message names them and says what would."""


# --- what a page is made of -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Field:
    """A table's cell. `kind`, which only colours it: good, mixed, bad or none."""

    text: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table; the first field of a row is its heading. Only the fields of `prose` are broken into lines."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Field, ...], ...]
    prose: bool = False


@dataclass(frozen=True, slots=True)
class Picture:
    title: str
    svg: SafeString
    grid: Grid
    notes: tuple[str, ...] = ()
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    anchor: str
    title: str
    lead: str
    pictures: tuple[Picture, ...] = ()
    grids: tuple[Grid, ...] = ()
    folded: tuple[Grid, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """What the files hold, each by its command, or FAR. `events`: those whose worst is the time to revoke."""

    heads: dict[str, Head]
    parts: dict[str, Any]
    paths: dict[str, Path]
    events: tuple[str, ...]

    @property
    def overhead(self) -> Overhead:
        return self.parts["overhead"]

    def doubts(self, command: str) -> tuple[str, ...]:
        """Why not to trust a result, a sentence each; none: it is conclusive, or needs no verdict."""
        verdict: Verdict | None = getattr(self.parts.get(command), "verdict", None)
        if verdict is None or verdict.conclusive:
            return ()
        return verdict.reasons or ("no reason is given",)

    @property
    def absent(self) -> list[str]:
        return [name for name in _PURPOSES if name not in self.parts]


def read(paths: Sequence[Path], events: Sequence[str] = frontier.EVENTS) -> Report:
    """Raises ReportError, and results.ResultError of a file that is no result."""
    heads, parts, found = {}, {}, {}
    for path in paths:
        document = files.read(path)
        command = document["command"]
        if command not in list(KINDS):  # which may be anything that JSON can be
            raise ReportError(f"{path}: a result of {command!r}; a report shows those of {', '.join(KINDS)}")
        try:
            head, part = msgspec.convert(document, Head), msgspec.convert(document, KINDS[command])
        except msgspec.ValidationError as error:
            raise ReportError(f"{path}: {error}") from None
        name = FAR if command == "load" and part.contenders[0].distance_ms is not None else command
        if name in parts:
            raise ReportError(f"{found[name]} and {path} are both results of {name}: a report shows one of each")
        heads[name], parts[name], found[name] = head, part, path
    if "overhead" not in parts:
        raise ReportError(f"no result of overhead among {', '.join(map(str, paths))}: a report begins with one")
    if "revocation" in parts:
        known = [event.name for event in parts["revocation"].events]
        if not set(events) & set(known):
            raise ReportError(f"{found['revocation']}: no event {_listed(events, 'or')}; it has {_listed(known)}")
    return Report(heads, parts, found, tuple(events))


def html(report: Report) -> bytes:
    """The page, in UTF-8. Raises ReportError."""
    engine = Engine(dirs=[Path(__file__).parent / "templates"])
    sections = [section for make in _SECTIONS if (section := make(report)) is not None]
    context = Context(
        {
            "answer": report.overhead.answer,
            "doubts": report.doubts("overhead"),
            "made": _where(report.heads["overhead"]),
            "sections": sections,
            "absent": [(command, _PURPOSES[command]) for command in report.absent],
            "differences": _differences(report),
            "method": _method(report),
        }
    )
    # JSON can spell half a surrogate pair, which UTF-8 cannot.
    page = engine.get_template("report.html").render(context).encode("utf-8", "replace")
    if len(page) >= LARGEST:
        raise ReportError(f"the page would have {len(page):,} bytes, above {LARGEST:,}: give it fewer contenders")
    return page


# --- sections -------------------------------------------------------------------------------------


def _overhead(report: Report) -> Section:
    stock = frozenset(contender.name for contender in report.overhead.contenders if contender.is_stock)
    shown = [_forest(index, table, stock) for index, table in enumerate(report.overhead.tables)]
    return Section(
        "overhead",
        "What each scheme adds to a request",
        "More than anonymous, which lets everybody in: estimate and 95 % interval. Square and hollow: a library's own "
        "class. The grey band is the noise, the A/A control's interval: what a copy of anonymous differs from "
        "anonymous by.",
        tuple(shown),
    )


def _forest(index: int, table: Table, stock: frozenset[str]) -> Picture:
    rows = sorted(table.rows, key=lambda row: row.overhead.estimate)
    alt = f"Forest plot for {table.url}, in microseconds more than anonymous. " + "; ".join(
        f"{row.name} {interval(row.overhead)}" for row in rows
    )
    notes = [
        f"A/A control: {interval(table.control)} µs, a {100 * table.control_level:.4g} % interval. "
        f"Anonymous request: {number(table.anonymous.request)} µs."
    ]
    if table.switching is not None:
        notes.append(f"A switch from one contender to another costs {interval(table.switching)} µs; it is not counted.")
    grid = Grid(
        f"Overhead on {table.url}, times in µs, sizes in bytes",
        ("contender", "adds (95 %)", "request", "to stock (95 %)", "SQL", "header", "body"),
        (
            _row(table.anonymous, "–"),
            *(_row(row, interval(row.overhead)) for row in rows),
            (Field("A/A control"), Field(interval(table.control)), *[Field("–")] * 5),
        ),
    )
    return Picture(table.url, pictures.forest(f"forest-{index}", table, stock, alt), grid, tuple(notes))


def _row(row: Row, adds: str) -> tuple[Field, ...]:
    ratio = "–" if row.ratio is None else _ratio(row.ratio)
    facts = row.facts
    counted = (facts.sql_statements, facts.header_bytes, facts.response_bytes)
    return (
        Field(row.name),
        Field(adds),
        Field(number(row.request)),
        Field("stock" if row.reference == row.name else ratio),
        *(Field(str(each)) for each in counted),
    )


def _frontier(report: Report) -> Section | None:
    revocation: Revocation | None = report.parts.get("revocation")
    if revocation is None:
        return None
    counted = [event.name for event in revocation.events if event.name in report.events]
    shown = []
    for index, table in enumerate(report.overhead.tables):
        standings = frontier.standings(table, revocation, counted)
        if standings:
            shown.append(_trade(index, table, standings))
    standing = {life.scheme for life in revocation.rows}
    missing = dict.fromkeys(
        row.name for table in report.overhead.tables for row in table.rows if row.name not in standing
    )
    silent = f" {_listed(missing)}: not in the result of revocation." if missing else ""
    return Section(
        "frontier",
        "Cost against time to revoke",
        f"From {_listed(counted, 'or')}, whichever takes longest, until neither the credential nor its refresh "
        "token is answered, in whichever process, without Valkey. Down and to the left is better. Filled: no other "
        "scheme is better; hollow: another is revoked as soon and costs less, or sooner and costs no more."
        f"{silent}",
        tuple(shown),
    )


def _trade(index: int, table: Table, standings: Sequence[frontier.Standing]) -> Picture:
    alt = f"Overhead on {table.url}, in microseconds, against time to revoke. " + "; ".join(
        f"{one.name} {interval(one.overhead)}, {one.delay}{', dominated' if one.dominated_by else ''}"
        for one in standings
    )
    grid = Grid(
        f"Overhead on {table.url}, in µs, and time to revoke",
        ("scheme", "adds (95 %)", "revoked", "longest after", "standing"),
        tuple(
            (
                Field(one.name),
                Field(interval(one.overhead)),
                Field(one.delay, _kind_of(one.seconds)),
                Field(_listed(one.worst) or "–"),
                Field(f"dominated by {_listed(one.dominated_by, 'and')}" if one.dominated_by else "on the frontier"),
            )
            for one in standings
        ),
    )
    return Picture(table.url, pictures.frontier(f"frontier-{index}", standings, alt), grid)


def _revocation(report: Report) -> Section | None:
    revocation: Revocation | None = report.parts.get("revocation")
    if revocation is None:
        return None
    names = [event.name for event in revocation.events]
    matrix = Grid(
        "When the old credential stops to work",
        ("scheme", *names),
        tuple((Field(life.scheme), *(_end(life.cells.get(name), life) for name in names)) for life in revocation.rows),
        prose=True,
    )
    done = Grid(
        "What was done",
        ("event", "how"),
        tuple((Field(event.name), Field(_how(event, revocation))) for event in revocation.events),
        prose=True,
    )
    return Section(
        "revocation",
        "When a credential dies",
        "Tried, not read off the code: after each event the old credential was presented again, and the refresh "
        "token where there is one; it is named where it does not end together with the credential. A dash: the "
        "scheme has no such event. A number in parentheses: the status of the refusal, if neither 401 nor 403.",
        grids=(matrix, *_elsewhere(revocation)),
        folded=(done,),
    )


def _elsewhere(revocation: Revocation) -> list[Grid]:
    if not revocation.elsewhere:
        return []
    lives = {life.scheme: life for life in revocation.rows}
    rows = []
    for each in revocation.elsewhere:
        life = lives.get(each.scheme, Life(each.scheme, {}))
        measured = (
            f"{max(each.with_valkey_ms):.1f} ms, worst of {len(each.with_valkey_ms)}" if each.with_valkey_ms else "–"
        )
        alone = Field(_refusal(each.alone, life), _kind_of(frontier.seconds(each.alone, life)))
        rows.append((Field(each.scheme), Field(each.event), alone, Field(measured)))
    title = "In another process than the one in which it happened, of schemes that answer from memory"
    return [Grid(title, ("scheme", "event", "without Valkey", "with Valkey"), tuple(rows), prose=True)]


def _end(cell: Cell | None, life: Life) -> Field:
    worst = None if cell is None else frontier.last(cell, life)
    if worst is None:
        return Field("–")
    text = _refusal(cell, life)
    if cell.refresh is not None and _refusal(cell.refresh, life) != text:
        text += f"; refresh token: {_refusal(cell.refresh, life)}"
    return Field(text, _kind_of(frontier.seconds(worst, life)))


def _refusal(end: End, life: Life) -> str:
    text = frontier.delay(end, life)
    return text if end.status in (None, 401, 403) else f"{text} ({end.status})"


def _how(event: Event, revocation: Revocation) -> str:
    ways: dict[str, list[str]] = {}
    for life in revocation.rows:
        if event.name in life.cells and (how := life.cells[event.name].how):
            ways.setdefault(how, []).append(life.scheme)
    return "; ".join([event.how, *(f"{', '.join(schemes)}: {how}" for how, schemes in ways.items())])


def _contests(report: Report) -> Section | None:
    grids = tuple(_matrix(table) for table in report.overhead.tables if table.contests)
    if not grids:
        return None
    return Section(
        "contests",
        "Scheme against scheme",
        "Read along a row: the scheme at its head is faster or slower than the one above the column, by so many µs; "
        "equivalent: shown to differ by less than would matter; inconclusive: the run cannot tell.",
        grids=grids,
    )


def _matrix(table: Table) -> Grid:
    names = [row.name for row in table.rows]
    verdicts = frontier.verdicts(table)

    def field(first: str, second: str) -> Field:
        contest: Contest | None = verdicts.get((first, second))
        if contest is None:
            return Field("·" if first == second else "–")
        difference = number(abs(contest.difference.estimate))
        by = f" by {difference}" if contest.verdict in ("faster", "slower") else ""
        return Field(f"{contest.verdict}{by}", _VERDICT_KINDS[contest.verdict])

    margin = "" if table.margin_us is None else f"; equivalent: within {table.margin_us:g} µs"
    return Grid(
        f"{table.url}: row against column, in µs{margin}",
        ("", *names),
        tuple((Field(first), *(field(first, second) for second in names)) for first in names),
    )


def _flows(report: Report) -> Section | None:
    flows: Flows | None = report.parts.get("flows")
    if flows is None:
        return None
    lifetimes = ", ".join(
        f"{name} {'none' if seconds is None else duration(seconds)}"
        for name, seconds in flows.lifetimes_seconds.items()
    )
    lead = (
        "What a login and its refreshes cost, spread over the requests made with them: with few requests the flows "
        "decide, with many what is added to each."
    )
    if lifetimes:
        lead += f" Lifetimes: {lifetimes}."
    if (password := flows.password_hash) is not None:
        iterations = "" if password.iterations is None else f" of {password.iterations:,} iterations"
        lead += (
            f" Of a login, {interval(password.time_us)} µs are the password's hash: {password.algorithm}{iterations}."
        )
    return Section(
        "flows",
        "Logging in, refreshing, logging out",
        lead,
        (_curve(flows),),
        (*((_crossings(flows),) if flows.crossings else ()), _costs(flows)),
        doubts=report.doubts("flows"),
    )


def _curve(flows: Flows) -> Picture:
    names, curve, crossings = list(flows.curve.schemes), flows.curve, flows.crossings
    grid = Grid(
        "µs per request, by requests per access lifetime",
        ("requests", *names),
        tuple(
            (
                Field(f"{requests:,g}"),
                *(
                    Field(interval(Interval(each.cost_us[index], each.low[index], each.high[index])))
                    for each in curve.schemes.values()
                ),
            )
            for index, requests in enumerate(curve.requests)
        ),
    )
    alt = (
        f"Cost per request of {_listed(names)}, in microseconds, against requests per access lifetime, from "
        f"{curve.requests[0]:,g} to {curve.requests[-1]:,g}; {len(crossings)} crossings are marked."
    )
    notes = ("A number marks where two curves cross: see the table below.",) if crossings else ()
    return Picture("Cost per request", pictures.curve("curve", curve, crossings, alt), grid, notes)


def _crossings(flows: Flows) -> Grid:
    return Grid(
        "Where two schemes cost the same",
        ("mark", "schemes", "at requests", "cheaper below", "cheaper above"),
        tuple(
            (
                Field(str(mark)),
                Field(f"{each.first}, {each.second}"),
                Field(_requests(each)),
                Field(each.cheaper_below),
                Field(each.cheaper_above),
            )
            for mark, each in enumerate(flows.crossings, 1)
        ),
    )


def _requests(crossing: Crossing) -> str:
    if crossing.low is None or crossing.high is None:
        return number(crossing.requests)
    return interval(Interval(crossing.requests, crossing.low, crossing.high))


def _costs(flows: Flows) -> Grid:
    return Grid(
        "What a flow costs, times in µs, sizes in bytes",
        ("scheme", "flow", "takes (95 %)", "besides the password hash", "SQL", "rows written", "bytes written"),
        tuple(
            (
                Field(each.scheme),
                Field(each.flow),
                Field(interval(each.time_us)),
                Field("–" if each.besides_hash_us is None else interval(each.besides_hash_us)),
                *(_count(count) for count in (each.statements, each.rows_written, each.bytes_written)),
            )
            for each in flows.flows
        ),
    )


def _ladder(report: Report) -> Section | None:
    ladder: Ladder | None = report.parts.get("ladder")
    if ladder is None:
        return None
    wholes = Grid(
        "Schemes that do not tell their steps, in µs",
        ("scheme", "URL", "adds (95 %)"),
        tuple((Field(each.scheme), Field(each.url), Field(interval(each.whole))) for each in ladder.without_steps),
    )
    return Section(
        "ladder",
        "Where the time goes",
        "Each rung adds one step to the one before. The whole is the untouched scheme, timed apart; the rest is what "
        "it takes beyond the sum of the rungs.",
        tuple(_waterfall(index, each) for index, each in enumerate(ladder.ladders)),
        (wholes,) if ladder.without_steps else (),
        doubts=report.doubts("ladder"),
    )


def _waterfall(index: int, ladder: OneLadder) -> Picture:
    title = f"{ladder.scheme} on {ladder.url}"
    ends = [("sum", ladder.sum), ("rest", ladder.rest), ("whole", ladder.whole)]
    grid = Grid(
        f"{title}, times in µs",
        ("rung", "adds (95 %)", "SQL", "signatures"),
        (
            *(
                (
                    Field(rung.name),
                    Field(interval(rung.adds)),
                    _count(rung.sql_statements),
                    _count(rung.signature_checks),
                )
                for rung in ladder.rungs
            ),
            *((Field(name), Field(interval(value)), Field("–"), Field("–")) for name, value in ends),
        ),
    )
    steps = [*((rung.name, rung.adds) for rung in ladder.rungs), *ends]
    alt = f"Waterfall of {title}, in microseconds. " + "; ".join(f"{name} {interval(value)}" for name, value in steps)
    facts = ", ".join(_fact(name, value) for name, value in ladder.facts.items())
    return Picture(
        title,
        pictures.waterfall(f"ladder-{index}", ladder, alt),
        grid,
        (f"Of the whole: {facts}.",) if facts else (),
        "" if ladder.adds_up else "The rungs do not add up to the whole.",
    )


def _instructions(report: Report) -> Section | None:
    instructions: Instructions | None = report.parts.get("instructions")
    if instructions is None:
        return None
    if not instructions.rows:
        return Section("instructions", "Instructions counted", "None: valgrind was not installed.")
    grid = Grid(
        f"Instructions per request{f' of {instructions.url}' if instructions.url else ''}",
        ("scheme", "instructions", "over anonymous"),
        tuple(
            (Field(each.scheme), Field(f"{each.instructions_per_request:,.0f}"), Field(f"{each.over_anonymous:,.0f}"))
            for each in instructions.rows
        ),
    )
    return Section(
        "instructions",
        "Instructions counted",
        f"By {instructions.valgrind}: no clock, hardly any noise, but not all instructions take as long.",
        grids=(grid,),
    )


def _load(report: Report) -> Section | None:
    return _loaded("load", "load", "Requests per second, and how long they take", report)


def _load_away(report: Report) -> Section | None:
    return _loaded("load-distance", FAR, "Requests per second, by the database's distance", report)


def _loaded(anchor: str, name: str, title: str, report: Report) -> Section | None:
    found: Load | None = report.parts.get(name)
    if found is None:
        return None
    groups: dict[tuple[str, float | None], list[Loaded]] = {}
    for each in found.contenders:
        groups.setdefault((each.server, each.distance_ms), []).append(each)
    bound = f"{found.plan.bound_us / 1000:g} ms"
    shown = [
        _saturation(f"{anchor}-{index}", server, away, contenders, found)
        for index, ((server, away), contenders) in enumerate(groups.items())
    ]
    return Section(
        anchor,
        title,
        f"GET {found.plan.url}, of one server process, on {found.plan.connections} connections. Requests are offered "
        "at a fixed rate, whatever the answers do, and times count from when a request was to be sent; a line for each "
        "turn, with a fresh server. A cross: not all was answered 200. At saturation: in a closed loop. Within the "
        f"bound: the highest rate tried at which the 99th percentile was at most {bound} and all was answered 200. "
        f"The generator sends {number(found.ceiling_per_second)} requests per second at the most.",
        (*_rates_away(anchor, found), *shown),
        (_rates(found, bound),),
        doubts=report.doubts(name),
    )


def _saturation(name: str, server: str, away: float | None, contenders: Sequence[Loaded], found: Load) -> Picture:
    title = f"On {server}" + ("" if away is None else f", the database {away:g} ms away")
    bound_us = found.plan.bound_us
    alt = (
        f"{title}: median and 99th percentile in milliseconds, against requests per second that were offered, with a "
        f"bound of {bound_us / 1000:g} ms. "
        + "; ".join(f"{each.scheme} at saturation {_spread(each, load.at_saturation)}" for each in contenders)
    )
    grid = Grid(
        f"{title}: ms from when a request was to be sent",
        ("scheme", "turn", "offered", "answered", "median", "99 %", "99 % from sending", "not 200", "no answer"),
        tuple(
            (
                Field(each.scheme),
                Field(str(turn)),
                Field(number(step.offered_per_second)),
                Field(number(step.per_second)),
                *(Field(number(us / 1000)) for us in (step.p50_us, step.p99_us, step.sent_p99_us)),
                Field(f"{sum(count for status, count in step.statuses.items() if status != '200'):,}"),
                Field(f"{step.unanswered:,}"),
            )
            for each in contenders
            for turn, series in enumerate(each.turns, 1)
            for step in sorted(series.steps, key=lambda step: step.offered_per_second)
        ),
    )
    return Picture(title, pictures.saturation(name, contenders, bound_us, found.contenders, alt), grid)


def _rates_away(anchor: str, found: Load) -> list[Picture]:
    """Of a run at several distances."""
    took_ms = {trip.asked_ms: trip.median_us / 1000 for trip in found.round_trips}
    if len({each.distance_ms for each in found.contenders}) < 2:
        return []
    lines: _Lines = {}
    for each in found.contenders:
        rates = [load.at_saturation(series) for series in each.turns]
        value = Interval(load.median(rates), min(rates), max(rates))
        lines.setdefault(f"{each.scheme} on {each.server}", []).append((took_ms[each.distance_ms], value))
    return [
        _away(
            f"{anchor}-rates",
            "Requests per second at saturation",
            lines,
            "requests per second",
            "Median, and the least and the most of the turns.",
        )
    ]


def _away(name: str, title: str, lines: "_Lines", unit: str, note: str) -> Picture:
    """Against the measured round trip, in milliseconds, which all lines have the same."""
    trips = [trip for trip, _ in next(iter(lines.values()))]
    alt = f"{title}, in {unit}, against the round trip to the database. " + "; ".join(
        f"{label} {', '.join(f'{interval(value)} at {trip:.2f} ms' for trip, value in line)}"
        for label, line in lines.items()
    )
    grid = Grid(
        f"{title}, {unit}, by the round trip to the database",
        ("", *(f"{trip:.2f} ms" for trip in trips)),
        tuple((Field(label), *(Field(interval(value)) for _, value in line)) for label, line in lines.items()),
    )
    return Picture(title, pictures.growth(name, lines, "round trip to the database, ms", unit, alt), grid, (note,))


def _rates(found: Load, bound: str) -> Grid:
    turns = len(found.contenders[0].turns)
    contenders = {each.name: each for each in found.contenders}

    def times(each: Loaded, figure: _Figure) -> str:
        stock = contenders.get(load.stock(each.distance_ms).name)
        ratios = [] if stock is None else load.ratios(each.turns, stock.turns, figure)
        if each is stock or len(ratios) < turns:
            return "stock" if each is stock else "–"
        return _ratio(Interval(load.median(ratios), min(ratios), max(ratios)))

    return Grid(
        f"Requests per second: the median of the turns ({turns}), least and most in parentheses; times: those of "
        f"{load.STOCK.name}, turn by turn",
        ("contender", "at saturation", "times", f"within {bound}", "times", "of the server's core"),
        tuple(
            (
                Field(each.name),
                Field(_spread(each, load.at_saturation)),
                Field(times(each, load.at_saturation)),
                Field(_spread(each, load.highest)),
                Field(times(each, load.highest)),
                Field(_share(each)),
            )
            for each in found.contenders
        ),
    )


_Figure = Callable[[Series], float | None]


def _spread(contender: Loaded, figure: _Figure) -> str:
    rates = [figure(series) for series in contender.turns]
    # In a turn without any it was below all that were tried.
    return "–" if None in rates else interval(Interval(load.median(rates), min(rates), max(rates)))


def _share(contender: Loaded) -> str:
    shares = [series.server_share for series in contender.turns if series.server_share is not None]
    return f"{load.median(shares):.0%}" if shares else "–"


def _distance(report: Report) -> Section | None:
    found: Distance | None = report.parts.get("distance")
    if found is None:
        return None
    took_ms = {trip.asked_ms: trip.median_us / 1000 for trip in found.round_trips}
    lines: _Lines = {}
    for away in found.distances:
        for row in away.table.rows:
            lines.setdefault(row.name, []).append((took_ms[away.distance_ms], row.overhead))
    statements = {row.name: row.facts.sql_statements for row in found.distances[0].table.rows}
    waits = Grid(
        "Round trips to the database that a request waits for, more than anonymous's",
        ("scheme", "waits (95 %)", "SQL"),
        tuple((Field(name), Field(_ratio(each)), Field(str(statements[name]))) for name, each in found.waits.items()),
    )
    trips = Grid(
        "What a question to the database took, in ms",
        ("asked for", "median"),
        tuple(
            (
                Field("directly" if trip.asked_ms is None else f"{trip.asked_ms:g}"),
                Field(f"{trip.median_us / 1000:.2f}"),
            )
            for trip in found.round_trips
        ),
    )
    return Section(
        "distance",
        "Where the database is farther away",
        "What each scheme adds to a request, by the measured round trip to the database, behind a proxy that holds "
        "back what it passes on. Waits: what a scheme adds more at the farthest than at the nearest, by how much "
        "longer a round trip takes there: the number of round trips.",
        (_away("distance-adds", "What a request takes more", lines, "µs more than anonymous", "95 % intervals."),),
        (waits, trips),
        doubts=report.doubts("distance"),
    )


def _compare(report: Report) -> Section | None:
    comparison: Comparison | None = report.parts.get("compare")
    if comparison is None:
        return None
    words = {
        "faster": "slower now",
        "slower": "faster now",
        "equivalent": f"the same within {comparison.margin_us:g}",
        "inconclusive": "not shown",
    }
    # What was faster before is worse now.
    kinds = {"faster": "bad", "slower": "good", "equivalent": "mixed", "inconclusive": ""}
    changes = Grid(
        "Anonymous: its request; all others: what they add; in µs",
        ("contender", "URL", "before (95 %)", "after (95 %)", "change (95 %)", "verdict"),
        tuple(
            (
                Field(each.name),
                Field(each.url),
                Field(interval(each.before)),
                Field(interval(each.after)),
                Field(interval(each.difference)),
                Field(words[each.verdict], kinds[each.verdict]),
            )
            for each in comparison.changes
        ),
    )
    versions = f" Other versions: {'; '.join(comparison.versions)}." if comparison.versions else ""
    return Section(
        "compare",
        "What changed",
        f"From {comparison.before.file} ({comparison.before.date}) to {comparison.after.file} "
        f"({comparison.after.date}).{versions}",
        grids=(changes,),
        doubts=report.doubts("compare"),
    )


def _scale(report: Report) -> Section | None:
    scale: Scale | None = report.parts.get("scale")
    if scale is None:
        return None
    first = scale.sizes[0]
    adds = {
        row.name: [
            (size.population, each.overhead)
            for size in scale.sizes
            for each in size.table.rows
            if each.name == row.name
        ]
        for row in first.table.rows
    }
    shown = [_growing("adds", f"What a request takes more on {first.table.url}", adds, "µs more than anonymous")]
    upkeep = {size.population: size.upkeep for size in scale.sizes if size.upkeep is not None}
    for flow in (OBTAIN, REFRESH):
        shown.append(_growing(flow, f"{flow.capitalize()}, without a password's hash", _flow_lines(upkeep, flow), "µs"))
    shown.append(
        _growing("flush", "Cleaning up", _lines_of(upkeep, lambda each: each.flush_us), "µs for each expired login")
    )
    kept = _lines_of(
        upkeep,
        lambda each: {name: Interval(value, value, value) for name, value in each.bytes_per_login.items()},
    )
    shown.append(_growing("bytes", "What a login takes on disk, with indexes", kept, "bytes for each user"))
    return Section(
        "scale",
        "Beside more users",
        f"Each with a credential of every kind, and a login that was refreshed {scale.refreshes:,} times: SimpleJWT "
        "keeps two rows of each refresh, ours one of each login.",
        tuple(picture for picture in shown if picture is not None),
        (_on_disk(scale),),
        doubts=report.doubts("scale"),
    )


def _on_disk(scale: Scale) -> Grid:
    def each(size: float | None, rows: int) -> str:
        return "–" if size is None or not rows else f"{size / rows:,.0f}"

    return Grid(
        "Bytes on disk for each row",
        ("table", "users", "rows", "row", "its indexes"),
        tuple(
            (
                Field(one.table),
                Field(f"{size.population:,}"),
                Field(f"{one.rows:,}"),
                Field(each(one.table_bytes, one.rows)),
                Field(each(one.index_bytes, one.rows)),
            )
            for size in scale.sizes
            for one in size.stored.tables
        ),
    )


_Lines = dict[str, list[tuple[float, Interval]]]


def _flow_lines(upkeep: dict[int, Upkeep], flow: str) -> _Lines:
    return _lines_of(
        upkeep, lambda each: {scheme: flows[flow] for scheme, flows in each.flows_us.items() if flow in flows}
    )


def _lines_of(upkeep: dict[int, Upkeep], values: Callable[[Upkeep], dict[str, Interval]]) -> _Lines:
    lines: _Lines = {}
    for population, each in upkeep.items():
        for name, value in values(each).items():
            lines.setdefault(name, []).append((population, value))
    return lines


def _growing(name: str, title: str, lines: _Lines, unit: str) -> Picture | None:
    """None: there is nothing to draw."""
    if not lines:
        return None
    alt = f"{title}, in {unit}, against users. " + "; ".join(
        f"{label} {', '.join(f'{_figure(value)} beside {users:,}' for users, value in line)}"
        for label, line in lines.items()
    )
    grid = Grid(
        f"{title}: {unit}",
        ("", "users", unit),
        tuple(
            (Field(label), Field(f"{users:,}"), Field(_figure(value)))
            for label, line in lines.items()
            for users, value in line
        ),
    )
    # The one who is timed is a user too, and zero has no logarithm.
    drawn = {label: [(users + 1, value) for users, value in line] for label, line in lines.items()}
    return Picture(title, pictures.growth(f"scale-{name}", drawn, "users", unit, alt), grid)


def _plan(report: Report) -> Section | None:
    plan: Plan | None = report.parts.get("plan")
    if plan is None:
        return None
    crowd = plan.crowd
    described = Grid(
        "The population",
        ("what", "how much"),
        tuple(
            (Field(name), Field(value))
            for name, value in (
                ("users", f"{crowd.users:,.0f}"),
                ("requests of a user in a day", f"{crowd.requests_per_user_per_day:g}"),
                ("logins of a user in a day", f"{crowd.logins_per_user_per_day:g}"),
                ("a user is active in a day", f"{crowd.active_minutes_per_day:g} min"),
                ("refreshes of a user's pair in a day", f"{crowd.refreshes_per_user_per_day:g}"),
                ("life of an access token", duration(crowd.access_lifetime_seconds)),
                ("busiest hour, to the mean", f"{crowd.peak:g}"),
                ("of their time, the cores work then", f"{crowd.utilisation:.0%}"),
                ("round trip to the database", f"{crowd.database_rtt_ms:g} ms"),
            )
        ),
    )
    lines = Grid(
        f"{crowd.users:,.0f} users: authentication on {plan.url}, at the peak",
        plan_tables.HEAD,
        tuple(tuple(Field(text) for text in plan_tables.line(each)) for each in plan.schemes),
    )
    remarks, formulae = (
        Grid(caption, ("",), tuple((Field(each),) for each in told), prose=True)
        for caption, told in (("What it says", plan.remarks), ("How it was reckoned", plan.formulae))
    )
    return Section(
        "plan",
        "A population, on paper",
        "What the measured costs come to for so many users: arithmetic, of which nothing was tried at that size.",
        grids=(lines, described, remarks),
        folded=(formulae,),
        doubts=report.doubts("plan"),
    )


_SECTIONS: tuple[Callable[[Report], Section | None], ...] = (
    _overhead,
    _frontier,
    _revocation,
    _contests,
    _flows,
    _ladder,
    _instructions,
    _load,
    _distance,
    _load_away,
    _scale,
    _plan,
    _compare,
)
_PURPOSES = {
    "revocation": "when a credential dies, and cost against time to revoke",
    "flows": "what logging in and refreshing costs",
    "ladder": "where the time goes",
    "instructions": "instructions counted",
    "load": "requests per second, and how long they take",
    "distance": "what each adds where the database is farther away",
    FAR: "requests per second, by the database's distance",
    "scale": "what changes beside more users",
    "plan": "what a population takes",
    "compare": "what changed since another run",
}
_VERDICT_KINDS = {"faster": "good", "slower": "bad", "equivalent": "mixed", "inconclusive": ""}


# --- below the sections ---------------------------------------------------------------------------


def _where(head: Head) -> str:
    """The line without which no figure means anything."""
    environment = head.environment
    facts = [
        head.date,
        _database(head),
        f"connection {_plain(head.service['connection'])}" if "connection" in head.service else "",
        f"{environment.cores} x {environment.processor}",
        environment.python,
        *(f"{name} {version}" for name, version in list(environment.packages.items())[:3]),
    ]
    return "Measured " + ", ".join(filter(None, facts)) + "."


def _differences(report: Report) -> list[str]:
    """What the results do not have in common, though they stand on one page."""
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


def _method(report: Report) -> list[Grid]:
    """One table for each file: how it was made, on what."""
    return [_made(command, head, report) for command, head in report.heads.items()]


def _made(command: str, head: Head, report: Report) -> Grid:
    environment = head.environment
    facts = {
        "file": report.paths[command].name,
        "date": head.date,
        "command": " ".join(["python -m benchmarks", *head.command_line[1:]]),
        "machine": f"{environment.cores} x {environment.processor}, {environment.kernel}",
        "Python": environment.python,
        "packages": ", ".join(f"{name} {version}" for name, version in environment.packages.items()),
        "load before": ", ".join(f"{load:.1f}" for load in environment.load_average),
        "commit": (environment.commit or "unknown") + (", changed since" if environment.uncommitted_changes else ""),
        **{name.replace("_", " "): _plain(value) for name, value in head.service.items()},
    }
    if command == "overhead":
        facts.update({f"plan: {name}": _plain(value) for name, value in report.overhead.plan.items()})
        if report.overhead.steal is not None:
            facts["steal"] = f"{report.overhead.steal:.1%}"
    return Grid(command, ("fact", "value"), tuple((Field(name), Field(value)) for name, value in facts.items()))


def _database(head: Head) -> str:
    return " ".join(str(head.service[key]) for key in ("database", "database_version") if key in head.service)


def _plain(value: Any) -> str:
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return ", ".join(f"{name}={each}" for name, each in value.items()) or "defaults"
    return str(value)


def _fact(name: str, value: Any) -> str:
    words, unit = (name.removesuffix("_us"), " µs") if name.endswith("_us") else (name, "")
    return f"{words.replace('_', ' ')} {_plain(value)}{unit}"


def _count(count: int | None) -> Field:
    return Field("–" if count is None else f"{count:,}")


# --- words ----------------------------------------------------------------------------------------


def _listed(words: Iterable[str], last: str = "and") -> str:
    words = list(words)
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _figure(value: Interval) -> str:
    """What was counted has no interval."""
    return number(value.estimate) if value.low == value.high else interval(value)


def _ratio(value: Interval) -> str:
    return f"{value.estimate:.2f} ({value.low:.2f} to {value.high:.2f})".replace("-", MINUS)


def _kind_of(seconds: float) -> str:
    return {0.0: "good", float("inf"): "bad"}.get(seconds, "mixed")
