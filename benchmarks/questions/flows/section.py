"""The section of a report that shows a result of `flows`."""

from benchmarks.questions.flows import hashing
from benchmarks.questions.flows.tables import by_cookie
from benchmarks.reporting import pictures
from benchmarks.reporting.page import Field, Grid, Picture, Section, doubts
from benchmarks.reporting.wording import count, duration, interval, listed, number, ratio
from benchmarks.results.records.flows import Crossing, Flows
from benchmarks.stats.intervals import Interval


def section(flows: Flows) -> Section:
    """Return the section with the curve, its crossings and the flows."""
    lifetimes = ", ".join(f"{name} {duration(seconds)}" for name, seconds in flows.lifetimes_seconds.items())
    lead = (
        "Read the curve at your number of requests per access lifetime: it is the cost of a request with its share of "
        "logins and refreshes. If requests are few, logins and refreshes decide; if many, the request itself."
    )
    if lifetimes:
        lead += f" Lifetimes: {lifetimes}."
    if (password := flows.password_hash) is not None:
        iterations = "" if password.iterations is None else f" of {password.iterations:,} iterations"
        lead += (
            f" Hashing the password takes {interval(password.time_us)} µs of a login: {password.algorithm}{iterations}."
        )
    lead = " ".join(filter(None, [lead, *hashing.sentences(flows), by_cookie(flows)]))
    return Section(
        "flows",
        "Logging in, refreshing, logging out",
        lead,
        (_curve(flows),),
        (
            *((_crossings(flows),) if flows.crossings else ()),
            _costs(flows),
            *((_hashers(flows),) if flows.hashers else ()),
        ),
        doubts=doubts(flows.verdict),
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
        f"Cost per request of {listed(names)}, in microseconds, against requests per access lifetime, from "
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
        (
            "scheme",
            "flow",
            "takes (95 %)",
            "without the password hash",
            "to stock (95 %)",
            "SQL",
            "fsyncs",
            "rows written",
            "bytes written",
        ),
        tuple(
            (
                Field(each.scheme),
                Field(each.flow),
                Field(interval(each.time_us)),
                Field("–" if each.besides_hash_us is None else interval(each.besides_hash_us)),
                Field("–" if each.ratio is None else ratio(each.ratio)),
                *(
                    Field(count(number))
                    for number in (each.statements, each.fsyncs, each.rows_written, each.bytes_written)
                ),
            )
            for each in flows.flows
        ),
    )


def _hashers(flows: Flows) -> Grid:
    return Grid(
        "A login with each password hasher, times in ms",
        ("hasher", "rounds", "default of", "hash (95 %)", "to this service's own (95 %)", "login", "hash's share, %"),
        tuple(
            (
                Field(row.hasher.algorithm),
                Field(count(row.hasher.iterations)),
                Field(row.hasher.default_of or "–"),
                Field(hashing.milliseconds(row.hasher.time_us)),
                Field(row.to_own),
                Field(row.login),
                Field(row.share),
            )
            for row in hashing.rows(flows)
        ),
    )
