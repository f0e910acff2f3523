"""Results of the questions beyond `overhead`, as their commands write them; see results.py."""

from dataclasses import replace
from typing import Any

from benchmarks.messages import Facts, RoundTrip, Stored, StoredTable
from benchmarks.reporting import frontier
from benchmarks.results.records.distance import Away, Distance
from benchmarks.results.records.flows import Costs, Crossing, Curve, Flow, Flows, Hasher, PasswordHash
from benchmarks.results.records.load import Load, Loaded, LoadPlan, Series, Step
from benchmarks.results.records.plan import Crowd, Plan, Planned
from benchmarks.results.records.refreshes import Library, Refreshes, RowsWritten, Written
from benchmarks.results.records.revocation import Cell, Delay, End, Ends, Event, Revocation
from benchmarks.results.records.scale import Growth, LoginCosts, Scale, Size
from benchmarks.results.records.scale_tracks import Catalogue, Query, ScaleTracks, TracksTurn
from benchmarks.results.records.selftest import Selftest
from benchmarks.results.records.versus import Added, Revision, Versus
from benchmarks.results.records.wire import Beside, Wire
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import Verdict
from tests.support.proposal_results import proposals
from tests.support.results import (
    compare,
    document,
    instructions,
    interval,
    ladder,
    overhead,
    overhead_record,
    row,
    service,
)

LOAD_AVERAGE = (0.5, 0.4, 0.3)


def measured(mark: str = "", doubt: str = "") -> dict[str, Any]:
    """Return the fields of every timed run."""
    verdict = Verdict.of([f"{doubt}{mark}"] if doubt else ())
    return {"seconds": 60.0, "service": service(mark), "steal": 0.01, "verdict": verdict}


def by_turns(mark: str = "", doubt: str = "") -> dict[str, Any]:
    """Return the fields of every run by turns."""
    return {
        **measured(mark, doubt),
        "waited": 0.02,
        "load_average_after": LOAD_AVERAGE,
        "plan": {"turns": 10},
        "turns": (),
    }


# --- revocation -----------------------------------------------------------------------------------


def revocation_of(*rows: Ends, **others: Any) -> Revocation:
    """Return a result with these rows. The report looks for the names of the three events."""
    fixed = {"seconds": 60.0, "service": service(), "asked_until_seconds": 34_560_000}
    events = tuple(Event(name, "user.save()") for name in frontier.EVENTS)
    return Revocation(**{**fixed, "events": events, "rows": rows, **others})


def revocation(mark: str = "") -> dict[str, Any]:
    now, gone, never = Cell("at once", 0, 401), Cell("-"), Cell("never")
    expiry = Cell("at access expiry", 300, 401, refresh=End("at once", 0, 500))
    within = Cell("within", 30, 401, how=f"by hand{mark}")
    cells = {
        "drf-token": (now, never, now),
        "simplejwt": (gone, expiry, now),
        "simplejwt-stateless": (expiry, expiry, expiry),
        "token": (now, now, now),
        "jwt": (now, now, within),
    }
    rows = (
        Ends(
            name + mark,
            access_seconds=300 if "jwt" in name else None,
            refresh_seconds=86_400 if "jwt" in name else None,
            cells=dict(zip(frontier.EVENTS, each, strict=True)),
        )
        for name, each in cells.items()
    )
    record = revocation_of(
        *rows,
        service=service(mark),
        events=tuple(Event(name, f"user.save(){mark}") for name in frontier.EVENTS),
        elsewhere=(Delay(f"token{mark}", "logout", End("within", 20, 401), (1.5, 3.2)),),
    )
    return document(record, mark)


# --- flows ----------------------------------------------------------------------------------------


def flows_record(mark: str = "") -> Flows:
    def costs(request: float, fixed: float) -> Costs:
        values = tuple(request + fixed / requests for requests in (1, 10, 100, 1000))
        return Costs(values, tuple(0.9 * v for v in values), tuple(1.1 * v for v in values))

    token, jwt = f"token{mark}", f"jwt{mark}"

    def hasher(part: float, iterations: int | None, release: str) -> Hasher:
        taken, own = 97_000.0 * part, part == 1
        return Hasher(
            f"argon2{mark}",
            iterations,
            release,
            is_own=own,
            time_us=interval(taken, 1000.0),
            ratio=None if own else interval(part, 0.01),
            renewal_us=None if own else interval(97_000.0 + taken, 1000.0),
            logins_us={token: interval(taken + 1000), jwt: interval(taken + 3000)},
        )

    return Flows(
        **measured(mark),
        plan={"processes": 10},
        lifetimes_seconds={f"access{mark}": 300, f"session{mark}": 86_400},
        flows=tuple(
            Flow(name, f"obtain{mark}", interval(98_000.0, 400.0), None, 4, 1, 212, {}) for name in (token, jwt)
        ),
        bytes_written=f"growth{mark}",
        endpoints={token: token, jwt: jwt},
        password_hash=PasswordHash(f"argon2{mark}", 2, interval(97_000.0)),
        hashers=(
            hasher(1, 2, f"Django 5.2{mark}"),
            hasher(1.5, 3, f"Django 6.1{mark}"),
            hasher(0.7, None, ""),
        ),
        curve=Curve((1, 10, 100, 1000), {token: costs(372.0, 900.0), jwt: costs(40.0, 5200.0)}),
        crossings=(Crossing(token, jwt, 12.95, 12.1, 13.8, token, jwt),),
        without_crossing=(),
        control=interval(0.1),
        processes=(),
    )


def flows(mark: str = "") -> dict[str, Any]:
    return document(flows_record(mark), mark)


# --- plan -----------------------------------------------------------------------------------------


def plan(mark: str = "") -> dict[str, Any]:
    record = Plan(
        runs=(f"overhead.json{mark}",),
        crowd=Crowd(50_000_000, 50, 0.05, 30, 300, 3, 0.6, 0.5, 6),
        url=f"/whoami/{mark}",
        service_cores=25.1,
        hash_cores=interval(45.1),
        schemes=(
            Planned(
                f"jwt{mark}",
                cores=interval(39.3),
                statements_per_second=107_899,
                rows_written_per_second=10_503,
                connections_busy=interval(77.5),
                latency_ms={"request": 0.5, "login": 1.5, "refresh": 1},
                rows_per_day={f"jwt_auth_refreshfamily{mark}": 2_500_000},
                bytes_per_day=810_500_000,
                revoked=f"at once{mark}",
                revoked_seconds=0,
            ),
            Planned(f"knox{mark}", interval(80), 200_000, None, interval(90), {"request": 1}),
        ),
        bytes_per_row={f"jwt_auth_refreshfamily{mark}": 324.2},
        formulae=(f"R = users x requests / 86,400 s{mark}",),
        remarks=(f"At the peak, 3 times the mean of the day{mark}",),
        verdict=Verdict.of([f"flows: steal{mark}"]),
    )
    return document(record, mark)


# --- scale ----------------------------------------------------------------------------------------


def scale(mark: str = "") -> dict[str, Any]:
    def size(users: int) -> Size:
        adds = {"token": 372.0, "jwt": 595.0 + users / 1000}
        rows = tuple(row(name, added, mark) for name, added in adds.items())
        return Size(
            users,
            Stored([StoredTable(f"auth_user{mark}", users, 190 * users, None)], 400_000 + 900 * users, 1.5),
            replace(overhead_record(mark).tables[0], rows=rows),
            LoginCosts(
                {
                    f"token{mark}": {"obtain": interval(1500.0)},
                    f"jwt{mark}": {"obtain": interval(1900.0), "refresh": interval(1200.0)},
                },
                {f"flushexpiredtokens{mark}": interval(30.0 + users / 100)},
                {f"jwt{mark}": 324.0, f"simplejwt{mark}": 900.0},
            ),
        )

    record = Scale(
        **by_turns(mark, "steal"),
        refreshes=1,
        tracks=False,
        sizes=(size(1000), size(100_000)),
        changes=(Growth(f"jwt{mark}", 100_000, interval(695.0), interval(99.0), None, "slower"),),
        margin_us=5.0,
        controls={"100000": interval(0.1)},
        control_level=0.99,
    )
    return document(record, mark)


def scale_tracks(mark: str = "", deep: float = 13.0) -> dict[str, Any]:
    """Return a result among 3,503 and 1,050,900 tracks, compared with a revision.

    `deep`  how many ms the page 40000 takes
    """

    def query(text: str, before: float, now: float) -> Query:
        ratio = Interval(now / before, 0.9 * now / before, 1.1 * now / before)
        plan, old = (f"SCAN tracks_track USING COVERING INDEX by_duration{mark}",), (f"SCAN tracks_track{mark}",)
        return Query(f"{text}{mark}", 2, plan, interval(now, 0.5), interval(before, 5.0), 2, old, ratio)

    def size(tracks: int, missing: tuple[str, ...], *queries: Query) -> Catalogue:
        return Catalogue(tracks, 370 * tracks, 0.0, queries, missing, (), interval(0.01, 0.1))

    deepest = "ordering=-duration_ms&page=40000"
    medians = {
        "3,503 tracks": {mark: 1.0},
        "1,050,900 tracks": {f"{deepest}{mark}": deep},
        "1,050,900 tracks, before": {f"{deepest}{mark}": 1300.0},
    }
    record = ScaleTracks(
        **{**by_turns(mark, "steal"), "turns": tuple(TracksTurn(seed, seed, medians) for seed in (1, 2))},
        revision=Revision(f"v1{mark}", f"9ebc36ced171{mark}"),
        analyzed=False,
        sizes=(
            size(3503, (f"{deepest}{mark}",), query("", 1.2, 1.0)),
            size(1_050_900, (), query("", 5.0, 4.0), query(deepest, 1300.0, deep)),
        ),
        control_level=0.995,
    )
    return document(record, mark)


# --- load, distance -------------------------------------------------------------------------------


def round_trips(distances: tuple[float, ...]) -> tuple[RoundTrip, ...]:
    return (RoundTrip(None, 80.0, None), *(RoundTrip(ms, 1000 * ms + 300, 1000 * ms + 220) for ms in distances))


def load(mark: str = "", distances: tuple[float | None, ...] = (None,)) -> dict[str, Any]:
    """Return a result of two turns.

    `token` answers twice as many requests as the stock row, and half as many at 5 ms. In the second
    turn the stock row exceeds the bound.
    """

    def step(rate: float | None, mean: float, part: float = 1.0, **others: Any) -> Step:
        fixed = {"answered": 100, "unanswered": 0, "statuses": {"200": 100}, "resent": 0}
        times = {"p50_us": 2000.0 * part, "p99_us": 9000.0 * part, "sent_p99_us": 7000.0 * part, "late_p99_us": 40.0}
        histograms = {"from_intended": "HISTFAAA", "from_sent": "HISTFAAA"}
        made = {**fixed, **times, **histograms, "generator_share": 0.1, **others}
        return Step(offered_per_second=rate, per_second=0.99 * (rate or mean), **made)

    def series(rate: float, most: float | None) -> Series:
        missed = {"unanswered": 7, "statuses": {"200": 90, "503": 3}}
        steps = (step(0.2 * rate, rate), step(1.0 * rate, rate, 5.0, **missed), step(0.9 * rate, rate, 2.0))
        return Series(replace(step(None, rate), per_second=rate), 0.97, steps, most)

    contenders = tuple(
        Loaded(
            name=f"{scheme} on {server}" + ("" if away is None else f", {away:g} ms away"),
            scheme=scheme + mark,
            server=server + mark,
            distance_ms=away,
            turns=tuple(
                series((0.5 if away == 5 else 1.0) * rate, most) for rate, most in zip(rates, highest, strict=True)
            ),
        )
        for away in distances
        for scheme, server, rates, highest in (
            ("drf-token", "gunicorn", (500.0, 400.0), (450.0, None)),
            ("token", "granian", (1000.0, 900.0), (900.0, 810.0)),
        )
    )
    record = Load(
        **measured(mark, "the generator was late"),
        load_average_after=LOAD_AVERAGE,
        population=0,
        stored=None,
        plan=LoadPlan(f"/whoami/{mark}", 64, 3, 25_000.0),
        threads=8,
        server_core=1,
        ceiling_per_second=9000.0,
        round_trips=() if None in distances else round_trips(distances),
        contenders=contenders,
    )
    return document(record, mark)


def load_away(mark: str = "") -> dict[str, Any]:
    return load(mark, (0.0, 5.0))


SEEN = (("token", 372.0, 1), ("simplejwt-stateless", 104.0, 0))  # scheme, what it adds, its statements


def distance(mark: str = "") -> dict[str, Any]:
    def away(ms: float) -> Away:
        rows = tuple(row(name, adds + 1000 * ms * waits, mark) for name, adds, waits in SEEN)
        return Away(ms, replace(overhead_record(mark).tables[0], rows=rows))

    record = Distance(
        **by_turns(mark, "anonymous noticed"),
        distances=tuple(map(away, (0.0, 1.0, 5.0))),
        round_trips=round_trips((0.0, 1.0, 5.0)),
        waits={name + mark: interval(waits - 0.01, 0.03) for name, _, waits in SEEN},
        controls={"5.0": interval(0.1)},
        control_level=0.99,
    )
    return document(record, mark)


# --- wire, versus, selftest -----------------------------------------------------------------------


def wire_record(mark: str = "") -> Wire:
    """Return a result in which each row adds 20 µs more over HTTP than in process."""
    inside = overhead_record(mark)
    tables = tuple(
        replace(table, rows=tuple(row(each.name, each.overhead.estimate + 20) for each in table.rows))
        for table in inside.tables[:1]
    )
    beside = tuple(
        Beside(
            tables[0].url,
            each.name,
            each.overhead,
            interval(each.overhead.estimate + 20),
            interval(20.0),
            "faster",
        )
        for each in inside.tables[0].rows
    )
    kept = {field: getattr(inside, field) for field in ("steal", "waited", "load_average_after", "verdict")}
    return Wire(
        **kept,
        seconds=60.0,
        service=service(mark) | {"server": f"granian 2.8{mark}"},
        plan={"turns": 10},
        widest_us=10.0,
        tables=tables,
        answer=f"Over HTTP: jwt costs 223 µs more.{mark}",
        contenders=inside.contenders,
        beside=beside,
        beside_file=f"overhead.json{mark}",
        unlike=(f"processor: AMD and Intel{mark}",),
        turns=(),
    )


def wire(mark: str = "") -> dict[str, Any]:
    return document(wire_record(mark), mark)


def versus(mark: str = "") -> dict[str, Any]:
    record = Versus(
        **by_turns(mark),
        revision=Revision(f"v1{mark}", f"9ebc36ced171{mark}"),
        url=f"/whoami/{mark}",
        contender=f"token{mark}",
        unlike=f"at byte 3{mark}",
        margin_us=5.0,
        before=interval(500.0),
        after=interval(400.0),
        difference=interval(-100.0),
        ratio=Interval(0.8, 0.78, 0.82),
        now="faster",
        adds=Added(interval(300.0), interval(302.0), interval(2.0, 1.0), "equivalent"),
        control=interval(0.1),
        facts={"before": Facts(1, 63, 49), "after": Facts(1, 63, 49)},
    )
    return document(record, mark)


def selftest(mark: str = "") -> dict[str, Any]:
    line = {"question": f"called different{mark}", "contests": 200, "rate": 0.005, "low": 0.0, "high": 0.03}
    record = Selftest(
        seconds=60.0,
        plan={"processes": 2000},
        refusals={f"lets everybody in{mark}": f"200 without a credential{mark}"},
        lines=({**line, "passed": True},),
        records=(),
    )
    return document(record, mark)


def refreshes(mark: str = "") -> dict[str, Any]:
    """Return a result with one library and one event."""
    library = Library(
        f"jwt{mark}",
        f"a-package{mark}",
        f"1.2{mark}",
        f"defaults{mark}",
        Written(2, {f"families{mark}": RowsWritten(1, 2, 3)}, 8272, 164.5),
        300,
        86_400,
        {f"logout{mark}": Cell.of(End("at once", 0, 500), End("never"))},
    )
    record = Refreshes(
        seconds=60.0,
        service=service(mark),
        refreshes=1000,
        asked_until_seconds=34_560_000,
        events=(Event(f"logout{mark}", f"by hand{mark}"),),
        libraries=(library,),
    )
    return document(record, mark)


WRITERS = {
    "overhead": overhead,
    "revocation": revocation,
    "flows": flows,
    "ladder": ladder,
    "instructions": instructions,
    "load": load,
    "distance": distance,
    "scale tracks": scale_tracks,
    "load --distance": load_away,
    "scale": scale,
    "plan": plan,
    "compare": compare,
    "wire": wire,
    "versus": versus,
    "proposals": proposals,
    "selftest": selftest,
    "refreshes": refreshes,
}
