"""The lifecycle of a scheme's credentials in the real service: log in, do an event, ask again.

Whether a scheme has refresh tokens follows from its answer to a login, and whether its credential
is signed from the credential: a new row of the table needs nothing here.
"""

import os
import time
from collections.abc import Callable
from dataclasses import asdict

import jwt
from django.conf import settings
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, transaction
from django.utils.module_loading import import_string

from benchmarks.contenders.lineup import find_scheme
from benchmarks.contenders.proof import statements_sent
from benchmarks.messages import RefusedError
from benchmarks.processes.clock import Clock
from benchmarks.questions.revocation.events import Happen, disconnect_revocation, events, nothing
from benchmarks.questions.revocation.messages import STAFF_TAKEN_AWAY, Assignment, Login
from benchmarks.questions.revocation.service import Service
from benchmarks.results.records.revocation import Cell, End
from benchmarks.stats.search import (
    AT_ACCESS_EXPIRY,
    AT_REFRESH_EXPIRY,
    HORIZON,
    NO_EVENT,
    OutlivesError,
    find,
    lifetime,
)
from config.schemes import Scheme
from config.switches import SWITCHES

BEGUN = 10.0  # seconds in which a class that listens before it remembers begins to do so

Ask = Callable[[int], int]  # seconds after the event -> HTTP status
Present = Callable[[Login, tuple[str, str]], int]  # a login and a request -> HTTP status


def run(assignment: Assignment, clock: Clock) -> dict:
    """Return the process's answer to its assignment. Raises RefusedError."""
    scheme = find_scheme(assignment.scheme)
    if not scheme.authentication:
        raise RefusedError(f"{scheme.name}: has no authentication class, so nothing can happen to its user")
    service = Service(scheme)
    if assignment.login:
        return asdict(_after_restart(service, clock, assignment))
    if scheme.is_stock:
        disconnect_revocation()

    def cell(happen: Happen, how: str = "", is_staff: bool = False) -> Cell:
        after = _trials(service, clock, happen, is_staff=is_staff)
        return Cell.of(
            _find(service, after(service.by_access), access_seconds, AT_ACCESS_EXPIRY),
            _find(service, after(service.by_refresh), refresh_seconds, AT_REFRESH_EXPIRY) if has_refresh else None,
            how,
        )

    if service.send(*service.anybody).status == 200:
        raise RefusedError(f"{scheme.name}: lets in requests without a credential")
    has_refresh = service.log_in().refresh is not None
    undisturbed = _trials(service, clock, nothing)
    if has_refresh and (status := undisturbed(service.by_refresh)(0)) != 200:
        raise RefusedError(f"{scheme.name}: answers {status} to a refreshed access token, not 200")
    access_seconds = lifetime(undisturbed(service.by_access))
    refresh_seconds = lifetime(undisturbed(service.by_refresh)) if has_refresh else None
    no_event = Cell(NO_EVENT)
    possible = events(service)
    if not _has_staff(service, clock, access_seconds):
        possible[STAFF_TAKEN_AWAY] = None, ""
    cells = {
        event: cell(happen, how, is_staff=event == STAFF_TAKEN_AWAY) if happen else no_event
        for event, (happen, how) in possible.items()
    }
    login = service.log_in()
    return {
        "scheme": scheme.name,
        "access_seconds": access_seconds,
        "refresh_seconds": refresh_seconds,
        "cells": {event: asdict(each) for event, each in cells.items()},
        # A restart with another signing key can end this login.
        "login": asdict(login) if _is_signed(login.access) else None,
        "issued_at": clock.now(),
        "from_memory": _is_remembered(service, login, BEGUN if _listens(scheme) else 0),
        "service": _service(),
    }


# --- asking ---------------------------------------------------------------------------------------


def remember(service: Service, login: Login, seconds: float):
    """Ask until the service answers the credential from memory.

    Raises RefusedError after `seconds`.
    """
    if not _is_remembered(service, login, seconds):
        raise RefusedError(f"{service.scheme.name}: queries the database on every request for {seconds} s")


def _is_remembered(service: Service, login: Login, seconds: float) -> bool:
    """Return whether an accepted credential is accepted again without a statement in `seconds`."""
    end = time.perf_counter() + seconds
    service.by_access(login, service.anybody)
    while not (remembered := _is_accepted_without_statement(service, login)) and time.perf_counter() < end:
        time.sleep(0.01)  # a listener may need the time to begin
    return remembered


def _listens(scheme: Scheme) -> bool:
    return hasattr(import_string(scheme.authentication), "channel")


def _is_accepted_without_statement(service: Service, login: Login) -> bool:
    with statements_sent() as statements:
        status = service.by_access(login, service.anybody)
    return status == 200 and not statements


def _has_staff(service: Service, clock: Clock, access_seconds: int | None) -> bool:
    """Return whether staff may make staff's request with this scheme.

    Raises RefusedError if they may at first but not until the credential expires.
    """
    if service.by_access(service.log_in(is_staff=True), service.staff_only) != 200:
        return False
    last = HORIZON if access_seconds is None else access_seconds - 1
    status = _trials(service, clock, nothing, is_staff=True)(service.by_access)(last)
    if status != 200:
        raise RefusedError(f"{service.scheme.name}: answers {status} to staff {last} s after the login, not 200")
    return True


def _trials(service: Service, clock: Clock, happen: Happen, *, is_staff: bool = False) -> Callable[[Present], Ask]:
    """Return a function from a way to present a login to an Ask, which does the event at each call.

    Each call logs in a new user: a refresh token can be spent once, and a request may fill a cache.
    """
    question = service.staff_only if is_staff else service.anybody

    def asking(present: Present) -> Ask:
        def ask(seconds: int) -> int:
            login = service.log_in(is_staff)
            status = service.by_access(login, question)
            if status != 200:
                raise RefusedError(f"{service.scheme.name}: answers {status} right after login, not 200")
            happen(login)
            clock.move(seconds)
            return present(login, question)

        return ask

    return asking


def _after_restart(service: Service, clock: Clock, assignment: Assignment) -> Cell:
    """Return the cell of a login that another process made.

    Each request is rolled back, so that this one login can be asked about at many times.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)  # it would end the transaction

    def asking(present: Present) -> Ask:
        def ask(seconds: int) -> int:
            clock.move(assignment.issued_at + seconds - clock.now())
            with transaction.atomic():
                status = present(assignment.login, service.anybody)
                transaction.set_rollback(True)
            return status

        return ask

    return Cell.of(
        _find(service, asking(service.by_access), assignment.access_seconds, AT_ACCESS_EXPIRY),
        _find(service, asking(service.by_refresh), assignment.refresh_seconds, AT_REFRESH_EXPIRY)
        if assignment.login.refresh
        else None,
    )


def _find(service: Service, ask: Ask, lifetime: int | None, at_expiry: str) -> End:
    try:
        return find(ask, lifetime, at_expiry)
    except OutlivesError as error:
        raise RefusedError(f"{service.scheme.name}: {error}") from None


# --- what may happen ------------------------------------------------------------------------------


def _is_signed(credential: str) -> bool:
    try:
        jwt.get_unverified_header(credential)
    except jwt.InvalidTokenError:
        return False
    return True


def _service() -> dict:
    """Return the database and the switches that are neither pinned nor at their default."""
    return {
        "database": connection.display_name,
        "database_version": ".".join(map(str, connection.get_database_version())),
        "switches": {
            name: switch.shown(os.environ[name])
            for name, switch in SWITCHES.items()
            if name not in settings.PINNED and os.environ.get(name, switch.default) != switch.default
        },
    }
