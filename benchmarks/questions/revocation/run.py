"""The run behind `python -m benchmarks revocation`: its processes and their answers."""

import json
import os
import secrets
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import msgspec

from benchmarks.databases.scratch import Database
from benchmarks.processes import start
from benchmarks.questions.revocation.keys import new_signing_key
from benchmarks.questions.revocation.messages import KEY_REMOVED, Assignment
from benchmarks.results.records.revocation import Cell, End, Ends
from benchmarks.stats.search import AT_ONCE, NO_EVENT, WITHIN
from benchmarks.terminal import Watcher
from config.schemes import SCHEMES
from config.switches import SWITCHES

PROCESS_SECONDS = 2.0  # about, for the progress bar


def run(schemes: Sequence[str], database: Database, watcher: Watcher) -> tuple[list[Ends], list[str], dict[str, Any]]:
    """Return the Ends of each scheme, the names of those that answer from memory, and the service.

    Each scheme has a process of its own, with AUTH_SCHEMES naming it alone. Then two more processes
    start where the last ones stopped, as after a restart: one with the same signing key, one with
    another. Schemes share the database but no user. Nothing is timed, so that as many processes run
    at a time as there are processors.

    Raises start.WorkerRefusedError or start.WorkerFailedError.
    """
    algorithm = os.environ.get("JWT_ALGORITHM") or SWITCHES["JWT_ALGORITHM"].default
    switches = {
        # The same in every process: a restart must change the signing key and nothing else.
        "SECRET_KEY": secrets.token_urlsafe(50),
        "JWT_SIGNING_KEY": new_signing_key(algorithm),
        # Other runs pin these to outlast their timing; this one measures the service's own.
        **{name: SWITCHES[name].default for name in ("JWT_ACCESS_LIFETIME", "JWT_REFRESH_LIFETIME")},
    }
    another_key = {"JWT_SIGNING_KEY": new_signing_key(algorithm)}

    def ask(*assignments: Assignment, **others: str) -> list[dict[str, Any]]:
        argument = json.dumps([asdict(assignment) for assignment in assignments])
        answer = start.ask(
            "benchmarks.questions.revocation.worker",
            argument,
            database,
            schemes,
            hash_seed=0,
            switches=switches | others,
        )
        watcher.tick()
        return answer["answers"]

    def alone(scheme: str) -> dict[str, Any]:
        (answer,) = ask(Assignment(scheme), **({"AUTH_SCHEMES": scheme} if scheme in SCHEMES else {}))
        return answer

    watcher.expected(PROCESS_SECONDS * (len(schemes) + 2) / (os.cpu_count() or 1))
    start.fill(database, schemes)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            answers = dict(zip(schemes, pool.map(alone, schemes), strict=True))
            signed = [Assignment.after(scheme, answer) for scheme, answer in answers.items() if answer["login"]]
            restarts = [pool.submit(ask, *signed, **others) for others in ({}, another_key)] if signed else []
            same_key, removed = [restart.result() for restart in restarts] or ([], [])
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    for assignment, cell in zip(signed, same_key, strict=True):
        _check_survival(assignment, msgspec.convert(cell, Cell))
    for answer in answers.values():
        answer["cells"][KEY_REMOVED] = asdict(Cell(NO_EVENT))
    for assignment, cell in zip(signed, removed, strict=True):
        answers[assignment.scheme]["cells"][KEY_REMOVED] = cell
    from_memory = [scheme for scheme, answer in answers.items() if answer["from_memory"]]
    return [msgspec.convert(answer, Ends) for answer in answers.values()], from_memory, answers[schemes[0]]["service"]


def ends_at_once(end: End | None) -> bool:
    """Return whether a credential ended before its lifetime did."""
    return end is not None and end.kind in (AT_ONCE, WITHIN)


def _check_survival(assignment: Assignment, cell: Cell):
    """Raise start.WorkerRefusedError if a restart with the same signing key ended a credential."""
    if ends_at_once(cell) or ends_at_once(cell.refresh):
        raise start.WorkerRefusedError(f"{assignment.scheme}: a restart ends its credentials, whatever the signing key")
