"""Results as the lab's commands write them. `mark` is appended to every free text."""

import json
from dataclasses import replace
from typing import Any

from benchmarks.messages import ANONYMOUS, CONTROL, Blocks, Entry, Facts
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
    return Instructions(valgrind=f"3.19.0{mark}", url="/whoami/", rows=(counted,))


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
