"""The tables, sentences and remarks that the command `flows` shows."""

from typing import Any

from rich import box
from rich.table import Table

from benchmarks.questions.flows import hashing, meeting
from benchmarks.reporting import tables
from benchmarks.reporting.wording import interval, ratio
from benchmarks.results.records.flows import Flow, Flows

SHOWN = (1, 10, 100, 1000, 10_000)  # requests per access lifetime


def of(record: Flows) -> list[Table | str]:
    """Return the tables of flows, hashers and the curve, and what they say in sentences."""
    hashers = [_hashers(record), *hashing.sentences(record), ""] if record.hashers else []
    cookies = [cost, ""] if (cost := by_cookie(record)) else []
    meetings = [_meetings(record), *sentences(record)] if len(record.curve.schemes) > 1 else []
    return [_flows(record), *cookies, *hashers, _curve(record), *meetings, ""]


def by_cookie(record: Flows) -> str:
    """Return what the cookie costs against the same flows with the refresh token in the body."""
    costs = [
        f"{each.scheme}'s {each.flow} {ratio(each.to_body)} times"
        for each in record.flows
        if each.to_body is not None and record.endpoints[each.scheme] == each.scheme
    ]
    return (
        f"By cookie, and without the password's hash: {', '.join(costs)} the same flow by body (95 %)." if costs else ""
    )


def _flows(record: Flows) -> Table:
    """Return a table of flows; schemes that share their endpoints share the lines of the first."""
    processes, rounds = len(record.processes), record.plan["rounds"]
    shown = _table(f"Flows ({processes} processes, rounds in each: {rounds}; times in ms)", padding=0)
    shown.add_column("scheme", no_wrap=True)
    shown.add_column("flow", no_wrap=True)
    for heading in ("takes (95 %)", "no hash", "to stock (95 %)", "SQL", "fsyncs", "rows", "bytes"):
        shown.add_column(heading, justify="right", overflow="fold", no_wrap="95 %" not in heading)
    for each in record.flows:
        if record.endpoints[each.scheme] != each.scheme:
            continue
        shown.add_row(
            each.scheme,
            each.flow,
            hashing.milliseconds(each.time_us),
            "" if each.besides_hash_us is None else f"{each.besides_hash_us.estimate / 1000:.2f}",
            _to_stock(record, each),
            str(each.statements),
            "-" if each.fsyncs is None else str(each.fsyncs),
            str(each.rows_written),
            f"{each.bytes_written:,}",
        )
    return shown


def _to_stock(record: Flows, flow: Flow) -> str:
    if flow.reference == record.endpoints[flow.scheme]:
        return "stock"
    return "-" if flow.ratio is None else ratio(flow.ratio)


def _hashers(record: Flows) -> Table:
    shown = tables.empty(
        "A login with each password hasher (times in ms)",
        "hasher",
        *("rounds", "default of", "hash (95 %)", "to own (95 %)", "login", "share %"),
    )
    for row in hashing.rows(record):
        shown.add_row(
            row.hasher.algorithm,
            "-" if row.hasher.iterations is None else f"{row.hasher.iterations:,}",
            row.hasher.default_of or "-",
            hashing.milliseconds(row.hasher.time_us),
            row.to_own,
            row.login,
            row.share,
        )
    return shown


def _curve(record: Flows) -> Table:
    shown = _table(f"Cost of a request at N requests per {_access(record)} (times in µs)")
    shown.add_column("scheme", no_wrap=True)
    for requests in SHOWN:
        shown.add_column(f"N = {requests:,}", justify="right", no_wrap=True)
    places = [record.curve.requests.index(requests) for requests in SHOWN]
    for scheme, costs in record.curve.schemes.items():
        halves = [(high - low) / 2 for low, high in zip(costs.low, costs.high, strict=True)]
        shown.add_row(scheme, *(f"{costs.cost_us[place]:,.0f} ±{halves[place]:,.0f}" for place in places))
    return shown


def _meetings(record: Flows) -> Table:
    """Return where each row is cheaper than each column. Numbers stand for names."""
    shown = _table(f"Requests per {_access(record)} at which the row is cheaper than the column")
    names, marks = list(record.curve.schemes), meeting.marks(record)
    shown.add_column("", justify="right")
    shown.add_column("", no_wrap=True)
    for place in range(1, len(names) + 1):
        shown.add_column(str(place), justify="right", no_wrap=True)
    for place, name in enumerate(names, 1):
        cells = ("·" if other == name else marks[name, other].text for other in names)
        shown.add_row(str(place), name, *cells)
    return shown


def sentences(record: Flows) -> list[str]:
    """Return how to read the matrix, and the intervals of its crossings."""
    crossings = meeting.intervals(record.crossings)
    return [
        f"Read along a row. {meeting.LEGEND}",
        *([f"Where two cost the same (95 %): {crossings}."] if crossings else []),
    ]


def remarks(record: Flows, machine: dict[str, Any]) -> list[str]:
    """Return what a reader must know to read the tables, a paragraph each."""
    hashed, control = record.password_hash, record.control
    iterations = "" if hashed.iterations is None else f", {hashed.iterations:,} iterations"
    session = duration(record.lifetimes_seconds["session"])
    shared = ", ".join(f"{name} those of {timed}" for name, timed in record.endpoints.items() if timed != name)
    return [
        *([f"Shared endpoints: {shared}."] if shared else []),
        "Read first: the cost of a request at your N, how many requests a client makes per access lifetime. It is what "
        "authentication adds to GET /whoami/, and the request's share of logins and refreshes. "
        f"A session of {session} begins with a login; with a pair, each further {_access(record)} begins with a "
        "refresh.",
        "Obtain: a login of a user without a credential; again: of a user with one. Both take the time of the "
        f"password's hash ({hashed.algorithm}{iterations}), {hashing.milliseconds(hashed.time_us)} ms, which is "
        "timed apart; the rest (no hash) is timed with a fast hasher. To stock: that time, or of a flow without a "
        "password all of it, divided by the library's of the same keyword. Fsyncs: how often the call waited until the "
        "write-ahead log was on the disk; SQLite does not tell. Login: from the cheapest scheme to the dearest. "
        "Share: the hash's part of it. SQL: statements, without BEGIN and COMMIT. Rows: "
        f"inserted, updated, deleted. Bytes: {record.bytes_written}.",
        f"A/A control: anonymous's request of {record.anonymous_us:.0f} µs differs from its copy by "
        f"{interval(control)} µs (99 % interval).",
        *tables.measured(record.service),
        *tables.on(machine, record.steal, None, record.seconds),
    ]


def duration(seconds: float) -> str:
    """Return a duration in the form of a switch: 5m, 30d."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length:.0f}{unit}"
    return f"{seconds:g}s"


def _access(record: Flows) -> str:
    return duration(record.lifetimes_seconds["access"])


def _table(title: str, padding: int | tuple[int, ...] = (0, 1, 0, 0)) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE, padding=padding)
