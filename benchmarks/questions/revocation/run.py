"""The run behind `python -m benchmarks revocation`: what is asked, how it is searched for, and of which processes.

Knows nothing of Django: the service is asked by benchmarks.questions.revocation.lifecycle, in processes of its own.
"""

import json
import os
import secrets
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from benchmarks.databases.scratch import Database
from benchmarks.processes import start
from benchmarks.terminal import Watcher
from config.schemes import SCHEMES
from config.switches import SWITCHES

DAY = 86_400  # seconds
PROCESS_SECONDS = 2.0  # about, for the progress bar
HORIZON = 400 * DAY  # seconds after an event, and the last moment that is asked about

AT_ONCE = "at once"
WITHIN = "within"
AT_ACCESS_EXPIRY = "at access expiry"
AT_REFRESH_EXPIRY = "at refresh expiry"
NEVER = "never"
NO_EVENT = "-"

OBTAIN = ("/api-token-auth/", "/api/token/")
ROTATE = ("/api-token-auth/new/", "/api/token/refresh/")
REFRESH = "/api/token/refresh/"
LOGOUT = ("/api-token-auth/revoke/", "/api/token/logout/", "/api/token/blacklist/")

LOGGED_OUT = "logout"
ROTATED = "rotation"
PASSWORD_CHANGED = "password change"
DEACTIVATED = "deactivation"
DELETED = "deletion"
STAFF_TAKEN_AWAY = "staff flag taken away"
KEY_REMOVED = "signing key removed"


class LongerLifeError(Exception):
    """A credential outlives, because of an event, its end without any: nothing that could be said in a cell."""


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    how: str


EVENTS = (
    Event(
        LOGGED_OUT,
        f"POST to the first of {', '.join(LOGOUT)} that the scheme has; where it has none, the row that holds "
        "the credential is deleted, as in the admin",
    ),
    Event(ROTATED, f"POST to the first of {', '.join(ROTATE)} that the scheme has"),
    Event(PASSWORD_CHANGED, "user.set_password(), user.save(), as Django's forms and its admin do"),
    Event(DEACTIVATED, "user.is_active = False, user.save()"),
    Event(DELETED, "user.delete()"),
    Event(
        STAFF_TAKEN_AWAY,
        "user.is_staff = False, user.save(); asked is what only staff may, PATCH of a track of the catalogue; "
        "'-' where staff never could",
    ),
    Event(
        KEY_REMOVED,
        "the service started again with another JWT_SIGNING_KEY, the old one not among JWT_VERIFYING_KEYS; "
        "'-' for a credential that nobody signed",
    ),
)


@dataclass(frozen=True, slots=True)
class Finding:
    """When one credential stops working.

    `kind`     AT_ONCE, WITHIN, AT_ACCESS_EXPIRY, AT_REFRESH_EXPIRY, NEVER or NO_EVENT
    `seconds`  from the event to the first whole second at which it is refused; None for NEVER and NO_EVENT
    `status`   of that refusal; None likewise
    """

    kind: str
    seconds: int | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Cell:
    """What one event does to the access credential, and to the refresh token where there is one.

    `how` says what was done, where that depends on the scheme; else it is empty.
    """

    finding: Finding
    refresh: Finding | None = None
    how: str = ""

    def to_dict(self) -> dict[str, Any]:
        """As the result file has it."""
        return {**asdict(self.finding), "how": self.how, "refresh": self.refresh and asdict(self.refresh)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Cell":
        data = dict(data)
        how, refresh = data.pop("how"), data.pop("refresh")
        return cls(Finding(**data), refresh and Finding(**refresh), how)


@dataclass(frozen=True, slots=True)
class Login:
    """What a client got by logging in: an opaque token or an access token, and a refresh token or None."""

    user_id: int
    access: str
    refresh: str | None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a process is to find out of one scheme: every cell but KEY_REMOVED's.

    Or, given a `login` that another process made at `issued_at` (seconds since the epoch), when that stops
    working. The two lifetimes, in seconds, are what the other process found; None as in Row.
    """

    scheme: str
    login: Login | None = None
    issued_at: int = 0
    access_seconds: int | None = None
    refresh_seconds: int | None = None

    @classmethod
    def after(cls, scheme: str, answer: dict[str, Any]) -> "Assignment":
        """The one about the login that a process answered with."""
        return cls(
            scheme,
            Login(**answer["login"]),
            answer["issued_at"],
            answer["access_seconds"],
            answer["refresh_seconds"],
        )

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Assignment":
        return cls(**data | {"login": data["login"] and Login(**data["login"])})


@dataclass(frozen=True, slots=True)
class Row:
    """One scheme. The two lifetimes are measured, without any event, in seconds.

    None is an end that does not come before HORIZON, and of `refresh_seconds` also that there is no refresh token.
    """

    scheme: str
    access_seconds: int | None
    refresh_seconds: int | None
    cells: dict[str, Cell]

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> "Row":
        """Other keys are not looked at."""
        return cls(
            data["scheme"],
            data["access_seconds"],
            data["refresh_seconds"],
            {event: Cell.from_dict(cell) for event, cell in data["cells"].items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """As the result file has it."""
        return {
            "scheme": self.scheme,
            "access_seconds": self.access_seconds,
            "refresh_seconds": self.refresh_seconds,
            "cells": {event: cell.to_dict() for event, cell in self.cells.items()},
        }


# --- searching: `ask` tells the status of a request so many seconds after the event ---------------


def lifetime(ask: Callable[[int], int]) -> int | None:
    """The first whole second at which it is refused, None where it is not before HORIZON. Asked at 0, it is not."""
    return None if ask(HORIZON) == 200 else _first_refusal(ask, HORIZON)


def find(ask: Callable[[int], int], life: int | None, at_expiry: str) -> Finding:
    """When what lives for `life` seconds without the event is refused after it.

    Asked at the end of its life first, so that what is refused at once and comes back is not taken for dead.
    Raises LongerLifeError.
    """
    end = HORIZON + 1 if life is None else life
    if ask(end - 1) == 200:
        if life is None:
            return Finding(NEVER)
        status = ask(life)
        if status == 200:
            raise LongerLifeError(f"honoured {life} s after an event, which without the event it is not")
        return Finding(at_expiry, life, status)
    status = ask(0)
    if status != 200:
        return Finding(AT_ONCE, 0, status)
    seconds = _first_refusal(ask, end - 1)
    return Finding(WITHIN, seconds, ask(seconds))


def _first_refusal(ask: Callable[[int], int], refused: int) -> int:
    honoured = 0
    while refused - honoured > 1:
        middle = (honoured + refused) // 2
        if ask(middle) == 200:
            honoured = middle
        else:
            refused = middle
    return refused


# --- the run --------------------------------------------------------------------------------------


def run(schemes: Sequence[str], database: Database, watcher: Watcher) -> tuple[list[Row], list[str], dict[str, Any]]:
    """A Row for each scheme, in their order; which of them answer from memory; and what the service ran on.

    Each scheme has a process of its own, in which AUTH_SCHEMES names it alone; then two more begin, as a
    restart does, where the last ones stopped: one with the same signing key, one with another. Schemes share
    the database and no user; nothing is timed, so that as many run at a time as there are processors.
    Raises processes.WorkerRefusedError or WorkerFailedError.
    """
    algorithm = os.environ.get("JWT_ALGORITHM") or SWITCHES["JWT_ALGORITHM"].default
    switches = {
        # The same in every process: a restart is to change the signing key and nothing else.
        "SECRET_KEY": secrets.token_urlsafe(50),
        "JWT_SIGNING_KEY": new_signing_key(algorithm),
        # Other runs pin these to outlive whatever they time; here it is the service's own that count.
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
        _survives(assignment, Cell.from_dict(cell))
    for answer in answers.values():
        answer["cells"][KEY_REMOVED] = Cell(Finding(NO_EVENT)).to_dict()
    for assignment, cell in zip(signed, removed, strict=True):
        answers[assignment.scheme]["cells"][KEY_REMOVED] = cell
    from_memory = [scheme for scheme, answer in answers.items() if answer["from_memory"]]
    return [Row.from_dict(answer) for answer in answers.values()], from_memory, answers[schemes[0]]["service"]


def _survives(assignment: Assignment, cell: Cell):
    for finding in filter(None, (cell.finding, cell.refresh)):
        if finding.kind in (AT_ONCE, WITHIN):
            raise start.WorkerRefusedError(
                f"{assignment.scheme}: a restart ends its credentials, whatever the signing key"
            )


def new_signing_key(algorithm: str) -> str:
    """A fresh key as JWT_SIGNING_KEY takes it: a private key in PEM, or else a secret.

    What is no algorithm gets a secret too: the service says at its start what is allowed.
    """
    generate = _PRIVATE_KEYS.get(algorithm)
    if generate is None:
        return secrets.token_hex(64)
    pem = generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem.decode()


_PRIVATE_KEYS = {
    **dict.fromkeys(
        ("RS256", "RS384", "RS512"), lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    ),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ES512": lambda: ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}
