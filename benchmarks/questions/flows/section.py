"""The section of a report that shows a result of `flows`."""

from benchmarks.questions.flows import hashing, meeting
from benchmarks.questions.flows.tables import by_cookie
from benchmarks.reporting import pictures
from benchmarks.reporting.page import Field, Grid, Picture, Section, doubts
from benchmarks.reporting.wording import count, duration, interval, ratio
from benchmarks.results.records.flows import Costs, Flows
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
    hashed = ""
    if (password := flows.password_hash) is not None:
        iterations = "" if password.iterations is None else f" of {password.iterations:,} iterations"
        hashed = (
            f"Hashing the password takes {interval(password.time_us)} µs of a login: {password.algorithm}{iterations}."
        )
    return Section(
        "flows",
        "Logging in, refreshing, logging out",
        lead,
        (_curves(flows), _panels(flows)),
        (
            *((_meetings(flows),) if len(flows.curve.schemes) > 1 else ()),
            _costs(flows),
            *((_hashers(flows),) if flows.hashers else ()),
        ),
        ((_crossings(flows),) if flows.crossings else ()),
        doubts=doubts(flows.verdict),
        notes=tuple(filter(None, [" ".join(filter(None, [hashed, *hashing.sentences(flows)])), by_cookie(flows)])),
    )


def _curves(flows: Flows) -> Picture:
    curve, names = flows.curve, list(flows.curve.schemes)
    grid = Grid(
        "µs per request, by requests per access lifetime",
        ("requests", *names),
        tuple(
            (Field(f"{requests:,g}"), *(Field(interval(_at(each, index))) for each in curve.schemes.values()))
            for index, requests in enumerate(curve.requests)
        ),
    )
    alt = (
        "Cost per request in microseconds against requests per access lifetime, both scales logarithmic, from "
        f"{curve.requests[0]:,g} to {curve.requests[-1]:,g} requests. " + _in_words(flows)
    )
    return Picture("Cost per request", pictures.curves("curves", curve, alt), grid)


def _panels(flows: Flows) -> Picture:
    curve = flows.curve
    first, last = curve.requests[0], curve.requests[-1]
    grid = Grid(
        "µs per request, at both ends",
        ("scheme", f"{first:,g} per access lifetime", f"{last:,g}"),
        tuple(
            (Field(name), Field(interval(_at(each, 0))), Field(interval(_at(each, -1))))
            for name, each in curve.schemes.items()
        ),
    )
    alt = "The same curves, each in a panel of its own among the others. " + _in_words(flows)
    notes = (
        f"Thick: the scheme and its interval, with its µs at {first:,g} and at {last:,g} requests. Thin: the others.",
    )
    return Picture("Each scheme among the others", pictures.panels("panels", curve, alt), grid, notes)


def _in_words(flows: Flows) -> str:
    curve = flows.curve
    places = sorted({0, len(curve.requests) // 2, len(curve.requests) - 1})
    return "; ".join(
        f"{name} "
        + ", ".join(f"{interval(_at(each, place))} at {curve.requests[place]:,g} requests" for place in places)
        for name, each in curve.schemes.items()
    )


def _at(costs: Costs, place: int) -> Interval:
    return Interval(costs.cost_us[place], costs.low[place], costs.high[place])


def _meetings(flows: Flows) -> Grid:
    names, marks = list(flows.curve.schemes), meeting.marks(flows)

    def field(one: str, other: str) -> Field:
        if (mark := marks.get((one, other))) is None:
            return Field("·" if one == other else "–")
        return Field(mark.text, mark.kind, mark.said)

    return Grid(
        f"At how many requests per access lifetime the row's scheme is cheaper than the column's. {meeting.LEGEND}",
        ("", *names),
        tuple((Field(one), *(field(one, other) for other in names)) for one in names),
        matrix=True,
    )


def _crossings(flows: Flows) -> Grid:
    return Grid(
        "Where two schemes cost the same, with intervals",
        ("schemes", "at requests (95 %)", "cheaper below", "cheaper above"),
        tuple(
            (
                Field(f"{each.first}, {each.second}"),
                Field(meeting.requests(each)),
                Field(each.cheaper_below),
                Field(each.cheaper_above),
            )
            for each in flows.crossings
        ),
    )


def _costs(flows: Flows) -> Grid:
    shared = ", ".join(f"{name} has those of {timed}" for name, timed in flows.endpoints.items() if timed != name)
    return Grid(
        f"What a flow costs, times in µs, sizes in bytes{f'; {shared}' if shared else ''}",
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
            if flows.endpoints.get(each.scheme, each.scheme) == each.scheme
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
