"""The sections of a report that show results of `load`."""

from collections.abc import Sequence

from benchmarks.questions.load import rates as load
from benchmarks.reporting import pictures
from benchmarks.reporting.lines import Lines, by_round_trip
from benchmarks.reporting.page import Field, Grid, Picture, Section, doubts
from benchmarks.reporting.wording import interval, number, ratio
from benchmarks.results.records.load import Load, Loaded
from benchmarks.stats.intervals import Interval


def section(found: Load) -> Section:
    """Return the section of a result without distances."""
    return _loaded("load", "Requests per second, and how long they take", found)


def far(found: Load) -> Section:
    """Return the section of a result of `load --distance`."""
    return _loaded("load-distance", "Requests per second, by the database's distance", found)


def _loaded(anchor: str, title: str, found: Load) -> Section:
    groups: dict[tuple[str, float | None], list[Loaded]] = {}
    for each in (one for one in found.contenders if not one.again):
        groups.setdefault((each.server, each.distance_ms), []).append(each)
    bound = f"{found.plan.bound_us / 1000:g} ms"
    shown = [
        _saturation(f"{anchor}-{index}", server, away, contenders, found)
        for index, ((server, away), contenders) in enumerate(groups.items())
    ]
    return Section(
        anchor,
        title,
        f"GET {found.plan.url}, from one server process, on {found.plan.connections} connections. Read the table of "
        "rates first, then how response times rise towards the limit. Requests are offered at a fixed rate, however "
        "slow the answers are, and times count from when a request was due. Each turn has a line, with a fresh "
        "server. A cross: some answers were not 200. At saturation: in a closed loop. Within the bound: the highest "
        f"rate tried at which the 99th percentile was at most {bound} and every answer was 200. The generator sends "
        f"at most {number(found.ceiling_per_second)} requests per second.",
        (*_rates_away(anchor, found), *shown),
        (_rates(found, bound),),
        doubts=doubts(found.verdict),
    )


def _saturation(name: str, server: str, away: float | None, contenders: Sequence[Loaded], found: Load) -> Picture:
    title = f"On {server}" + ("" if away is None else f", the database {away:g} ms away")
    bound_us = found.plan.bound_us
    alt = (
        f"{title}: median and 99th percentile in milliseconds, against the offered requests per second, with a "
        f"bound of {bound_us / 1000:g} ms. "
        + "; ".join(f"{each.scheme} at saturation {_spread(each, load.at_saturation)}" for each in contenders)
    )
    grid = Grid(
        f"{title}: ms from when a request was due",
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
    """Return the picture of rates by distance, of a run with several distances."""
    took_ms = {trip.asked_ms: trip.median_us / 1000 for trip in found.round_trips}
    if len({each.distance_ms for each in found.contenders}) < 2:
        return []
    lines: Lines = {}
    for each in (one for one in found.contenders if not one.again):
        rates = [load.at_saturation(series) for series in each.turns]
        value = Interval(load.median(rates), min(rates), max(rates))
        lines.setdefault(f"{each.scheme} on {each.server}", []).append((took_ms[each.distance_ms], value))
    return [
        by_round_trip(
            f"{anchor}-rates",
            "Requests per second at saturation",
            lines,
            "requests per second",
            "The median of the turns, with their minimum and maximum.",
        )
    ]


def _rates(found: Load, bound: str) -> Grid:
    turns = len(found.contenders[0].turns)

    def times(each: Loaded, figure: load.Figure) -> str:
        if each.name == load.stock(each.distance_ms).name:
            return "stock"
        times = load.ratio_to_stock(each, found.contenders, figure)
        return "–" if times is None else ratio(times)

    return Grid(
        f"Requests per second: the median of {turns} turns, minimum and maximum in parentheses; times: ratio to "
        f"{load.STOCK.name} in the same turn, the mean over the turns",
        ("contender", "at saturation", "times (95 %)", f"within {bound}", "times (95 %)", "server's use of its core"),
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


def _spread(contender: Loaded, figure: load.Figure) -> str:
    rates = [figure(series) for series in contender.turns]
    # A turn without a rate was below all that were tried.
    return "–" if None in rates else interval(Interval(load.median(rates), min(rates), max(rates)))


def _share(contender: Loaded) -> str:
    shares = [series.server_share for series in contender.turns if series.server_share is not None]
    return f"{load.median(shares):.0%}" if shares else "–"
