"""Results as the lab's commands write them; `mark` stands behind every word that is free."""

from benchmarks.messages import ANONYMOUS, CONTROL
from benchmarks.reporting import frontier
from benchmarks.results import files as results
from benchmarks.results.files import FORMAT

SCHEMES = ("drf-token", "simplejwt", "simplejwt-stateless", "token", "jwt")


def around(estimate, half=10.0):
    return {"estimate": estimate, "low": estimate - half, "high": estimate + half}


def head(name, mark=""):
    return {
        "format": results.FORMAT,
        "command": name,
        "date": f"2026-11-24T03:51:49+00:00{mark}",
        "command_line": ["benchmarks", name, f"--budget{mark}"],
        "environment": {
            "python": f"CPython 3.11.7{mark}",
            "packages": {f"Django{mark}": f"5.2.19{mark}"},
            "processor": f"AMD EPYC{mark}",
            "cores": 2,
            "kernel": f"Linux 6.1{mark}",
            "load_average": [0.5, 0.4, 0.3],
            "commit": f"9ebc36ced171e7926f2af04fdfbe030876c0c050{mark}",
            "uncommitted_changes": False,
        },
        "service": {
            "database": f"SQLite{mark}",
            "database_version": f"3.40.1{mark}",
            "connection_policy": {f"CONN_MAX_AGE{mark}": None},
        },
    }


def row_of(name, overhead, mark=""):
    return {
        "name": name + mark,
        "overhead": around(overhead),
        "request": 184.0 + overhead,
        "median": 190.0 + overhead,
        "least": 169.0 + overhead,
        "reference": ("drf-token" if "token" in name else "simplejwt") + mark,
        "ratio": None if name in ("drf-token", "simplejwt") else {"estimate": 1.01, "low": 0.98, "high": 1.04},
        "facts": {"sql_statements": 1, "header_bytes": 63, "response_bytes": 49},
    }


def overhead(mark=""):
    adds = dict(zip(SCHEMES, (366.0, 389.0, 104.0, 372.0, 595.0), strict=True))

    def contest(first, second):
        difference = adds[second] - adds[first]
        verdict = "equivalent" if abs(difference) < 8 else "faster" if difference > 0 else "slower"
        return {"first": first + mark, "second": second + mark, "difference": around(difference), "verdict": verdict}

    return {
        **head("overhead", mark),
        "tables": [
            {
                "url": url + mark,
                "rounds": 21,
                "anonymous": row_of("anonymous", 0.0, mark),
                "rows": [row_of(name, added + extra, mark) for name, added in adds.items()],
                "control": around(3.2, 7.0),
                "control_level": 0.995,
                "contests": [contest(a, b) for i, a in enumerate(SCHEMES) for b in SCHEMES[i + 1 :]],
                "switching": around(141.0),
            }
            for url, extra in (("/whoami/", 0.0), ("/tracks/", 70.0))
        ],
        "verdict": {"conclusive": True, "reasons": []},
        "answer": f"Token or JWT: jwt costs 223 µs more.{mark}",
        "contenders": [{"name": name + mark, "is_stock": name not in ("token", "jwt")} for name in SCHEMES],
        "plan": {"processes": 10, f"rounds{mark}": {f"/whoami/{mark}": 21}},
        "steal": 0.01,
    }


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


SCATTER = (-2, -1, 0, 1, 2)  # µs, of the processes of a run


def overhead_of(adds: dict[str, float], anonymous: float = 200.0) -> dict:
    """As `overhead` writes one, with what compare and csv read. Contender -> what it adds, in µs."""

    def blocks(scatter: float) -> dict:
        request = {ANONYMOUS: anonymous, CONTROL: anonymous, **{who: anonymous + us for who, us in adds.items()}}
        nanoseconds = {who: [1000 * (us + scatter * (who != ANONYMOUS))] * 4 for who, us in request.items()}
        return {
            "orders": [],
            "p25_ns": nanoseconds,
            "median_ns": nanoseconds,
            "min_ns": nanoseconds,
            "position_ns": nanoseconds,
        }

    return {
        "format": FORMAT,
        "command": "overhead",
        "date": "2026-01-01T00:00:00+00:00",
        "environment": {
            "processor": "a processor",
            "cores": 2,
            "python": "CPython 3.11.7",
            "packages": {"Django": "5.2.19"},
            "commit": "abc",
        },
        "service": {
            "database": "SQLite",
            "database_version": "3.40.1",
            "transport": "in process",
            "connection": "kept",
            "connection_policy": {},
            "garbage_collection": "",
            "switches": {},
        },
        "plan": {"block": 15, "drop": 5},
        "verdict": {"conclusive": True, "reasons": []},
        "contenders": [{"name": who} for who in (ANONYMOUS, CONTROL, *adds)],
        "tables": [
            {
                "url": "/whoami/",
                "anonymous": {"name": ANONYMOUS, "request": anonymous},
                "rows": [{"name": who, "overhead": {"estimate": us, "low": us - 1}} for who, us in adds.items()],
            }
        ],
        "processes": [
            {"hash_seed": seed, "blocks": {"/whoami/": blocks(scatter)}} for seed, scatter in enumerate(SCATTER)
        ],
    }
