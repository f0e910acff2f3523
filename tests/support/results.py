"""Results as the lab's commands write them; `mark` stands behind every word that is free."""

import json
from dataclasses import replace
from typing import Any

from benchmarks.messages import ANONYMOUS, CONTROL, Blocks, Entry, Facts
from benchmarks.reporting import frontier
from benchmarks.results import files
from benchmarks.results.records.common import Environment, Record
from benchmarks.results.records.compare import Change, Comparison, Run
from benchmarks.results.records.instructions import Counted, Instructions
from benchmarks.results.records.ladder import Counts, Ladder, OneLadder, Rung, Whole
from benchmarks.results.records.overhead import Overhead, Process
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Row, Table
from benchmarks.stats.verdicts import Contest, Verdict

SCHEMES = ("drf-token", "simplejwt", "simplejwt-stateless", "token", "jwt")
SCATTER = (-2, -1, 0, 1, 2)  # µs, of the processes of a run


def document(record: Record, mark: str = "") -> dict[str, Any]:
    """Return what the file of a result holds."""
    head = {
        "date": f"2026-11-24T03:51:49+00:00{mark}",
        "command_line": ["benchmarks", record.command, f"--budget{mark}"],
        "environment": environment(mark),
    }
    return json.loads(files.to_json(files.document(record, head)))


def environment(mark: str = "") -> Environment:
    return Environment(
        python=f"CPython 3.11.7{mark}",
        packages={f"Django{mark}": f"5.2.19{mark}"},
        processor=f"AMD EPYC{mark}",
        cores=2,
        kernel=f"Linux 6.1{mark}",
        load_average=(0.5, 0.4, 0.3),
        commit=f"9ebc36ced171e7926f2af04fdfbe030876c0c050{mark}",
    )


def service(mark: str = "") -> dict[str, Any]:
    return {
        "database": f"SQLite{mark}",
        "database_version": f"3.40.1{mark}",
        "connection_policy": {f"CONN_MAX_AGE{mark}": None},
    }


def head(name: str, mark: str = "") -> dict[str, Any]:
    """Return the head of a result that is written by hand."""
    record = instructions_record(mark)
    found = document(record, mark)
    kept = ("format", "date", "environment")
    return {
        **{key: found[key] for key in kept},
        "command": name,
        "command_line": ["benchmarks", name, f"--budget{mark}"],
        "service": service(mark),
    }


def interval(estimate: float, half: float = 10.0) -> Interval:
    return Interval(estimate, estimate - half, estimate + half)


def around(estimate: float, half: float = 10.0) -> dict[str, float]:
    """Return an interval as it is written."""
    return {"estimate": estimate, "low": estimate - half, "high": estimate + half}


# --- overhead -------------------------------------------------------------------------------------


def row(name: str, overhead: float, mark: str = "") -> Row:
    return Row(
        name=name + mark,
        overhead=interval(overhead),
        request=184.0 + overhead,
        median=190.0 + overhead,
        least=169.0 + overhead,
        reference=("drf-token" if "token" in name else "simplejwt") + mark,
        ratio=None if name in ("drf-token", "simplejwt") else Interval(1.01, 0.98, 1.04),
        facts=Facts(1, 63, 49),
    )


def row_of(name: str, overhead: float, mark: str = "") -> dict[str, Any]:
    """Return a row as it is written."""
    return json.loads(files.to_json({"row": row(name, overhead, mark)}))["row"]


def overhead_record(mark: str = "") -> Overhead:
    adds = dict(zip(SCHEMES, (366.0, 389.0, 104.0, 372.0, 595.0), strict=True))

    def contest(first: str, second: str) -> Contest:
        difference = adds[second] - adds[first]
        verdict = "equivalent" if abs(difference) < 8 else "faster" if difference > 0 else "slower"
        return Contest(first + mark, second + mark, interval(difference), verdict)

    tables = tuple(
        Table(
            url=url + mark,
            rounds=21,
            anonymous=row("anonymous", 0.0, mark),
            rows=tuple(row(name, added + extra, mark) for name, added in adds.items()),
            control=interval(3.2, 7.0),
            control_level=0.995,
            switching=interval(141.0),
            margin_us=5,
            contests=tuple(contest(a, b) for i, a in enumerate(SCHEMES) for b in SCHEMES[i + 1 :]),
            champions=(),
        )
        for url, extra in (("/whoami/", 0.0), ("/tracks/", 70.0))
    )
    return Overhead(
        seconds=60.0,
        service=service(mark),
        steal=0.01,
        waited=0.02,
        load_average_after=(0.5, 0.4, 0.3),
        plan={"processes": 10, f"rounds{mark}": {f"/whoami/{mark}": 21}},
        widest_us=10.0,
        tables=tables,
        verdict=Verdict.of(()),
        answer=f"Token or JWT: jwt costs 223 µs more.{mark}",
        contenders=tuple(Entry(name + mark, is_stock=name not in ("token", "jwt")) for name in SCHEMES),
        processes=(),
    )


def overhead(mark: str = "") -> dict[str, Any]:
    return document(overhead_record(mark), mark)


def run_of(adds: dict[str, float], anonymous: float = 200.0) -> Overhead:
    """Return a run of which every figure is known. Contender -> what it adds, in µs."""

    def blocks(scatter: float) -> Blocks:
        request = {ANONYMOUS: anonymous, CONTROL: anonymous, **{who: anonymous + us for who, us in adds.items()}}
        nanoseconds = {who: [1000 * (us + scatter * (who != ANONYMOUS))] * 4 for who, us in request.items()}
        return Blocks([], nanoseconds, nanoseconds, nanoseconds, nanoseconds)

    table = replace(
        overhead_record().tables[0],
        anonymous=row(ANONYMOUS, anonymous - 184.0),
        rows=tuple(row(who, us) for who, us in adds.items()),
    )
    return replace(
        overhead_record(),
        service={
            "database": "SQLite",
            "database_version": "3.40.1",
            "transport": "in process",
            "connection": "kept",
            "connection_policy": {},
            "garbage_collection": "",
            "switches": {},
        },
        plan={"block": 15, "drop": 5},
        contenders=tuple(map(Entry, (ANONYMOUS, CONTROL, *adds))),
        tables=(table,),
        processes=tuple(Process(seed, seed, {}, {"/whoami/": blocks(scatter)}) for seed, scatter in enumerate(SCATTER)),
    )


def overhead_of(adds: dict[str, float], anonymous: float = 200.0) -> dict[str, Any]:
    return document(run_of(adds, anonymous))


# --- ladder, instructions, compare ----------------------------------------------------------------


def ladder(mark: str = "") -> dict[str, Any]:
    whole = {"url": f"/whoami/{mark}", "rounds": 4, "request": 184.0, "facts": Counts(1, 35.9, 343, 1)}
    record = Ladder(
        seconds=60.0,
        service=service(mark),
        steal=None,
        plan={"processes": 10},
        ladders=(
            OneLadder(
                scheme=f"jwt{mark}",
                **whole,
                whole=interval(501.0),
                rungs=(
                    Rung(f"parse{mark}", interval(4.0), 0, 0),
                    Rung(f"load{mark}", interval(490.0), 1, 1),
                ),
                sum=interval(494.0),
                rest=interval(7.0),
                rest_level=0.99,
                adds_up=False,
                why_not="do not add up",
            ),
        ),
        without_steps=(Whole(scheme=f"knox{mark}", **whole, whole=interval(570.0)),),
        verdict=Verdict.of([f"the rungs of jwt do not add up{mark}"]),
        processes=(),
    )
    return document(record, mark)


def instructions_record(mark: str = "") -> Instructions:
    counted = Counted(f"jwt{mark}", 2_834_561.0, 1_635_002.0, 0.001)
    return Instructions(valgrind=f"valgrind-3.19.0{mark}", url="/whoami/", rows=(counted,))


def instructions(mark: str = "") -> dict[str, Any]:
    return document(instructions_record(mark), mark)


def compare(mark: str = "") -> dict[str, Any]:
    changed = (("token", 372.0, 30.0, "faster"), ("jwt", 595.0, 1.0, "equivalent"))
    record = Comparison(
        before=Run(f"monday.json{mark}", f"2026-11-23{mark}", environment(mark)),
        after=Run(f"tuesday.json{mark}", f"2026-11-24{mark}", environment(mark)),
        unlike=(),
        versions=(f"Django: 5.2.18 and 5.2.19{mark}",),
        margin_us=5.0,
        inconclusive=(f"monday.json: steal{mark}",),
        changes=tuple(
            Change(
                f"/whoami/{mark}",
                f"{name}{mark}",
                interval(before),
                interval(before + change),
                interval(change),
                verdict,
            )
            for name, before, change, verdict in changed
        ),
    )
    return document(record, mark)


# --- the others -----------------------------------------------------------------------------------


def revocation(mark=""):
    now, gone = {"kind": "at once", "seconds": 0, "status": 401, "refresh": None}, {"kind": "-", "refresh": None}
    never = {"kind": "never", "seconds": None, "refresh": None}
    expiry = {"kind": "at access expiry", "seconds": 300, "refresh": {"kind": "at once", "seconds": 0, "status": 500}}
    lives = {
        "drf-token": (now, never, now),
        "simplejwt": (gone, expiry, now),
        "simplejwt-stateless": (expiry, expiry, expiry),
        "token": (now, now, now),
        "jwt": (now, now, {"kind": "within", "seconds": 30, "how": f"by hand{mark}", "refresh": None}),
    }
    # The names of the three events are words of the lab, which the report looks for.
    return {
        **head("revocation", mark),
        "events": [{"name": name, "how": f"user.save(){mark}"} for name in frontier.EVENTS],
        "rows": [
            {
                "scheme": name + mark,
                "access_seconds": 300 if "jwt" in name else None,
                "refresh_seconds": 86400 if "jwt" in name else None,
                "cells": dict(zip(frontier.EVENTS, cells, strict=True)),
            }
            for name, cells in lives.items()
        ],
        "elsewhere": [
            {
                "scheme": f"token{mark}",
                "event": "logout",
                "alone": {"kind": "within", "seconds": 20, "status": 401},
                "with_valkey_ms": [1.5, 3.2],
            }
        ],
    }


def flows(mark=""):
    def costs(request, fixed):
        values = [request + fixed / requests for requests in (1, 10, 100, 1000)]
        return {"cost_us": values, "low": [0.9 * v for v in values], "high": [1.1 * v for v in values]}

    return {
        **head("flows", mark),
        "lifetimes_seconds": {f"access{mark}": 300, f"session{mark}": None},
        "password_hash": {"algorithm": f"argon2{mark}", "iterations": 2, "time_us": around(97_000.0)},
        "flows": [
            {
                "scheme": name + mark,
                "flow": f"obtain{mark}",
                "time_us": around(98_000.0, 400.0),
                "statements": 4,
                "rows_written": 1,
                "bytes_written": 212,
            }
            for name in ("token", "jwt")
        ],
        "curve": {
            "requests": [1, 10, 100, 1000],
            "schemes": {f"token{mark}": costs(372.0, 900.0), f"jwt{mark}": costs(40.0, 5200.0)},
        },
        "crossings": [
            {
                "first": f"token{mark}",
                "second": f"jwt{mark}",
                "requests": 12.95,
                "low": 12.1,
                "high": 13.8,
                "cheaper_below": f"token{mark}",
                "cheaper_above": f"jwt{mark}",
            }
        ],
    }


def plan(mark=""):
    return {
        **head("plan", mark),
        "crowd": {
            "users": 50_000_000,
            "requests_per_user_per_day": 50,
            "logins_per_user_per_day": 0.05,
            "active_minutes_per_day": 30,
            "access_lifetime_seconds": 300,
            "peak": 3,
            "utilisation": 0.6,
            "database_rtt_ms": 0.5,
            "refreshes_per_user_per_day": 6,
        },
        "url": f"/whoami/{mark}",
        "service_cores": 25.1,
        "hash_cores": around(45.1),
        "schemes": [
            {
                "scheme": f"jwt{mark}",
                "cores": around(39.3),
                "statements_per_second": 107_899,
                "rows_written_per_second": 10_503,
                "connections_busy": around(77.5),
                "latency_ms": {"request": 0.5, "login": 1.5, "refresh": 1},
                "rows_per_day": {f"jwt_auth_refreshfamily{mark}": 2_500_000},
                "bytes_per_day": 810_500_000,
                "revoked": f"at once{mark}",
                "revoked_seconds": 0,
            },
            {
                "scheme": f"knox{mark}",
                "cores": around(80),
                "statements_per_second": 200_000,
                "rows_written_per_second": None,
                "connections_busy": around(90),
                "latency_ms": {"request": 1},
            },
        ],
        "bytes_per_row": {f"jwt_auth_refreshfamily{mark}": 324.2},
        "formulae": [f"R = users x requests / 86,400 s{mark}"],
        "remarks": [f"At the peak, 3 times the mean of the day{mark}"],
        "verdict": {"conclusive": False, "reasons": [f"flows: steal{mark}"]},
    }


def scale(mark=""):
    def table(users):
        adds = {"token": 372.0, "jwt": 595.0 + users / 1000}
        return {**overhead(mark)["tables"][0], "rows": [row_of(name, added, mark) for name, added in adds.items()]}

    def size(users):
        return {
            "population": users,
            "stored": {
                "tables": [
                    {"table": f"auth_user{mark}", "rows": users, "table_bytes": 190 * users, "index_bytes": None}
                ],
                "database_bytes": 400_000 + 900 * users,
                "seconds": 1.5,
            },
            "table": table(users),
            "upkeep": {
                "flows_us": {
                    f"token{mark}": {"obtain": around(1500.0)},
                    f"jwt{mark}": {"obtain": around(1900.0), "refresh": around(1200.0)},
                },
                "flush_us": {f"flushexpiredtokens{mark}": around(30.0 + users / 100)},
                "bytes_per_login": {f"jwt{mark}": 324.0, f"simplejwt{mark}": 900.0},
            },
        }

    return {
        **head("scale", mark),
        "sizes": [size(1000), size(100_000)],
        "changes": [
            {
                "scheme": f"jwt{mark}",
                "population": 100_000,
                "adds": around(695.0),
                "difference": around(99.0),
                "ratio": None,
                "verdict": "slower",
            }
        ],
        "controls": {"100000": around(0.1)},
        "control_level": 0.99,
        "margin_us": 5.0,
        "verdict": {"conclusive": False, "reasons": [f"steal{mark}"]},
        "refreshes": 1,
    }


def load(mark="", distances=(None,)):
    """Return two turns: `token` answers twice as much as the stock row, and half as much at 5 ms;
    the stock is never within the bound in the second.
    """

    def step(rate, mean, part=1.0, **others):
        return {
            "offered_per_second": rate,
            "per_second": 0.99 * (rate or mean),
            "answered": 100,
            "unanswered": 0,
            "statuses": {"200": 100},
            "p50_us": 2000.0 * part,
            "p99_us": 9000.0 * part,
            "sent_p99_us": 7000.0 * part,
            "late_p99_us": 40.0,
            "generator_share": 0.1,
            "from_intended": "HISTFAAA",
            "from_sent": "HISTFAAA",
            **others,
        }

    def series(rate, highest):
        missed = {"unanswered": 7, "statuses": {"200": 90, "503": 3}}
        steps = [step(0.2 * rate, rate), step(1.0 * rate, rate, 5.0, **missed), step(0.9 * rate, rate, 2.0)]
        return {
            "saturation": {**step(None, rate), "per_second": rate},
            "server_share": 0.97,
            "steps": steps,
            "highest_per_second": highest,
        }

    contenders = []
    for away in distances:
        near = 0.5 if away == 5 else 1.0
        for scheme, server, rates, highest in (
            ("drf-token", "gunicorn", (500.0, 400.0), (450.0, None)),
            ("token", "granian", (1000.0, 900.0), (900.0, 810.0)),
        ):
            contenders.append(
                {
                    "name": f"{scheme} on {server}" + ("" if away is None else f", {away:g} ms away"),
                    "scheme": scheme + mark,
                    "server": server + mark,
                    "distance_ms": away,
                    "turns": [series(near * rate, most) for rate, most in zip(rates, highest, strict=True)],
                }
            )
    return {
        **head("load", mark),
        "plan": {"url": f"/whoami/{mark}", "connections": 64, "seconds": 3, "bound_us": 25_000.0},
        "contenders": contenders,
        "ceiling_per_second": 9000.0,
        "verdict": {"conclusive": False, "reasons": [f"the generator was late{mark}"]},
        "round_trips": [] if None in distances else round_trips(distances),
    }


def load_away(mark=""):
    return load(mark, (0.0, 5.0))


def round_trips(distances):
    direct = {"asked_ms": None, "median_us": 80.0, "adds_us": None}
    return [direct, *({"asked_ms": ms, "median_us": 1000 * ms + 300, "adds_us": 1000 * ms + 220} for ms in distances)]


def distance(mark=""):
    def table(away_ms):
        rows = [row_of(name, adds + 1000 * away_ms * waits, mark) for name, adds, waits in SEEN]
        return {**overhead(mark)["tables"][0], "rows": rows}

    return {
        **head("distance", mark),
        "distances": [{"distance_ms": each, "table": table(each)} for each in (0.0, 1.0, 5.0)],
        "round_trips": round_trips((0.0, 1.0, 5.0)),
        "waits": {name + mark: around(waits - 0.01, 0.03) for name, _, waits in SEEN},
        "controls": {"5.0": around(0.1)},
        "control_level": 0.99,
        "verdict": {"conclusive": False, "reasons": [f"anonymous noticed{mark}"]},
    }


SEEN = (("token", 372.0, 1), ("simplejwt-stateless", 104.0, 0))  # what each adds, and how often it asks

WRITERS = {
    "overhead": overhead,
    "revocation": revocation,
    "flows": flows,
    "ladder": ladder,
    "instructions": instructions,
    "load": load,
    "distance": distance,
    "load --distance": load_away,
    "scale": scale,
    "plan": plan,
    "compare": compare,
}
