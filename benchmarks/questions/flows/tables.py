"""What the command `flows` shows: rich renderables and sentences, made here and printed there."""

from collections.abc import Iterable, Sequence

from rich import box
from rich.table import Table

from benchmarks.databases.scratch import CONNECTIONS
from benchmarks.questions.flows.run import Answer, Run
from benchmarks.reporting import tables
from benchmarks.stats.break_even import REQUESTS, Crossing, Lifetimes
from benchmarks.stats.intervals import Interval

SHOWN = (1, 10, 100, 1000, 10_000)  # requests per access lifetime


def flows_of(answer: Answer, run: Run) -> Table:
    """Rows that share their endpoints stand in one line."""
    shown = _table(f"Flows ({len(run.processes)} processes, rounds in each: {run.rounds}; times in ms)")
    shown.add_column("scheme")
    shown.add_column("flow", no_wrap=True)
    for heading in ("takes [95 %]", "without hash", "SQL", "rows", "bytes"):
        shown.add_column(heading, justify="right", no_wrap=True)
    endpoints = run.rehearsal.endpoints
    for each in answer.flows:
        if endpoints[each.scheme] != each.scheme:
            continue
        shown.add_row(
            ", ".join(name for name, timed in endpoints.items() if timed == each.scheme),
            each.flow,
            _milliseconds(each.time_us),
            "" if each.besides_hash_us is None else f"{each.besides_hash_us.estimate / 1000:.2f}",
            str(each.statements),
            str(each.rows_written),
            f"{each.bytes_written:,}",
        )
    return shown


def curve_of(answer: Answer, lifetimes: Lifetimes) -> Table:
    shown = _table(f"Cost of a request at N requests per {duration(lifetimes.access)} (times in µs)")
    shown.add_column("scheme", no_wrap=True)
    for requests in SHOWN:
        shown.add_column(f"N = {requests:,}", justify="right", no_wrap=True)
    for scheme, costs in answer.curves.items():
        shown.add_row(scheme, *(_give_or_take(costs[REQUESTS.index(requests)]) for requests in SHOWN))
    return shown


def sentences(crossings: Sequence[Crossing], lifetimes: Lifetimes) -> list[str]:
    """Where any two curves cross, or that they do not."""
    told = []
    for each in crossings:
        if each.requests is not None:
            told.append(
                f"From {_count(each.requests.estimate)} requests per {duration(lifetimes.access)} "
                f"({_count(each.requests.low)} to {_count(each.requests.high)}) {each.cheaper_above} is cheaper than "
                f"{each.cheaper_below}, with fewer it is dearer."
            )
    beaten: dict[str, list[str]] = {}
    unknown = []
    for each in crossings:
        if None in (each.cheaper_below, each.cheaper_above):
            unknown.append(_unknown(each))
        elif each.requests is None:
            loser = each.second if each.cheaper_below == each.first else each.first
            beaten.setdefault(each.cheaper_below, []).append(loser)
    told += [f"At every N {winner} is cheaper than {_listed(losers)}." for winner, losers in beaten.items()]
    return told + unknown


def remarks(answer: Answer, run: Run, lifetimes: Lifetimes, machine: dict, seconds: float) -> list[str]:
    """What must be known to read the tables, a paragraph each."""
    found = run.rehearsal
    service = found.service
    iterations = "" if found.password_hash.iterations is None else f", {found.password_hash.iterations:,} iterations"
    switches = ", ".join(f"{name}={value}" for name, value in service["switches"].items())
    steal = "unknown" if run.steal is None else f"{run.steal:.1%}"
    control = answer.control
    return [
        "Obtain: a login of a user who holds no credential, again: of one who holds one. Both take the password's "
        f"hash ({found.password_hash.algorithm}{iterations}), {_milliseconds(answer.hash_us)} ms, verified once in "
        "each process apart; the rest is timed with a fast hasher. SQL: statements, BEGIN and COMMIT not among them. "
        f"Rows: inserted, updated, deleted. Bytes: {found.bytes_meaning}.",
        "Cost of a request: what authentication adds to GET /whoami/, and its share of logins and refreshes. A session "
        f"of {duration(lifetimes.session)} begins with a login; with a pair, each further {duration(lifetimes.access)} "
        "begins with a refresh.",
        f"A/A control: anonymous's request of {answer.anonymous_us:.0f} µs differs from its copy by "
        f"{control.estimate:.1f} µs ({control.low:.1f} to {control.high:.1f}, 99 % interval).",
        f"Connection policy: {service['connection']}: {CONNECTIONS[service['connection']]} ({tables.policy(service)})",
        f"Database: {service['database']} {service['database_version']}, {service['transport']}. "
        f"Switches: {switches or 'defaults'}. Garbage: {service['garbage_collection']}.",
        f"Machine: {machine['cores']} x {machine['processor']}, {machine['python']}, "
        f"{', '.join(f'{name} {version}' for name, version in list(machine['packages'].items())[:4])}; "
        f"load {machine['load_average'][0]:.1f} before, steal {steal}; {seconds:.0f} s.",
    ]


def duration(seconds: float) -> str:
    """As a switch has it: 5m, 30d."""
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds // length:.0f}{unit}"
    return f"{seconds:g}s"


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE, padding=(0, 1, 0, 0))


def _milliseconds(us: Interval) -> str:
    digits = 0 if us.estimate >= 100_000 else 2
    return "{:.{d}f} [{:.{d}f}, {:.{d}f}]".format(us.estimate / 1000, us.low / 1000, us.high / 1000, d=digits)


def _give_or_take(us: Interval) -> str:
    return f"{us.estimate:,.0f} ±{us.half_width:,.0f}"


def _count(requests: float) -> str:
    return f"{requests:,.1f}" if requests < 100 else f"{requests:,.0f}"


def _unknown(crossing: Crossing) -> str:
    if crossing.cheaper_below == crossing.cheaper_above:
        return f"No difference is shown between {crossing.first} and {crossing.second}."
    with_one, with_many = (
        f"{who} is cheaper" if who else "no difference is shown"
        for who in (crossing.cheaper_below, crossing.cheaper_above)
    )
    return f"Of {crossing.first} and {crossing.second}: at N = 1 {with_one}, with ever more {with_many}."


def _listed(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last
