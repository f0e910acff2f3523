"""A result of `proposals`, as the command writes it; see results.py."""

from typing import Any

from benchmarks.messages import Facts
from benchmarks.results.records.proposals import (
    MLDSA,
    DPoP,
    ListBytes,
    Proposals,
    Served,
    Staleness,
    StatusList,
    Timed,
    Timing,
    TokenBytes,
)
from benchmarks.stats.verdicts import Verdict
from tests.support.results import document, interval, service


def timing(part: str, *rows: Timed) -> Timing:
    return Timing(part, rows, interval(0.1, 1.0), 0.99, 92.0, 4, 15, 5, 0.02, ())


def step(name: str, over: str | None = None, facts: Facts | None = None) -> Timed:
    return Timed(name, interval(300.0), interval(310.0), over, over and interval(160.0), facts)


def proposals_record(mark: str = "") -> Proposals:
    answers = {"ES256": "200", f"ML-DSA-44{mark}": f"431{mark}"}
    signatures = [step(f"ML-DSA-44 {what}{mark}") for what in ("signs", "verifies")]
    return Proposals(
        seconds=60.0,
        service=service(mark),
        steal=0.01,
        verdict=Verdict.of([f"dpop: steal{mark}"]),
        plan={"processes": {"dpop": 10}},
        dpop=DPoP(timing("dpop", step("jwt"), step(f"proof{mark}", f"jwt{mark}", Facts(1, 939, 47))), f"Valkey{mark}"),
        ml_dsa=MLDSA(
            library=f"cryptography 50{mark}",
            missing="",
            tokens=(TokenBytes("HS256", 390, 366, 43, 0), TokenBytes(f"ML-DSA-44{mark}", 3579, 3555, 3227, 1750)),
            servers=(
                Served(f"nginx{mark}", f"1.22{mark}", f"4 8k{mark}", answers, 8192, 8194, f"400{mark}"),
                Served("uvicorn", "0.54", "none", answers, 2_097_000, None, None),
            ),
            not_tried=(f"caddy: not installed{mark}",),
            timing=timing("signatures", *signatures),
        ),
        status_list=StatusList(
            logins=1_000_000,
            sizes=(ListBytes(0.01, 125_000, interval(13_957.0), interval(18_610.0), interval(25_120.0)),),
            list_bytes=125_033,
            login_bytes=387.0,
            requests=timing("status-list requests", step("jwt-stateless"), step(f"list{mark}", "jwt-stateless")),
            work=timing("status-list work", step(f"build{mark}")),
            staleness=(Staleness(300, 60, 200, 173.0, 358.0),),
        ),
    )


def proposals(mark: str = "") -> dict[str, Any]:
    return document(proposals_record(mark), mark)
