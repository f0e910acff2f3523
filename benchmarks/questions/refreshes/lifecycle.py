"""What ends a login, and when: log in, let something happen, move the clock, present its tokens."""

from collections.abc import Callable
from uuid import uuid4

from django.contrib.auth import get_user_model

from benchmarks.messages import RefusedError
from benchmarks.processes.clock import Clock
from benchmarks.questions.refreshes.client import NEW_PASSWORD, PASSWORD, Client, Held, expect
from benchmarks.questions.refreshes.messages import (
    DEACTIVATED,
    DELETED,
    LOGGED_OUT,
    PASSWORD_CHANGED,
    PASSWORD_SET,
    REFRESHED,
    REUSED,
)
from benchmarks.results.records.revocation import Cell
from benchmarks.stats.search import (
    AT_ACCESS_EXPIRY,
    AT_ONCE,
    AT_REFRESH_EXPIRY,
    NO_EVENT,
    WITHIN,
    End,
    Kind,
    OutlivesError,
    find,
    lifetime,
)

Happen = Callable[[Held], Held | None]  # may return other tokens to present
Ask = Callable[[int], int]  # seconds after the event -> HTTP status


class Lifecycle:
    """The logins of one library, under a clock that moves."""

    def __init__(self, name: str, client: Client, clock: Clock):
        self._name, self._client, self._clock = name, client, clock

    def log_in(self) -> Held:
        """Create a user, log in, and return what the client holds."""
        users = get_user_model()._default_manager
        username = uuid4().hex
        held = Held(0, username)
        user = users.create_user(username, email=held.email, password=PASSWORD)
        held.user_id = user.pk
        self._client.log_in(held)
        return held

    def renew(self, held: Held):
        """Refresh. Raises RefusedError if that fails."""
        self._clock.move(self._client.waits)
        status = self._client.renew(held)
        if status != 200:
            raise RefusedError(f"{self._name}: answers {status} to a refresh, not 200")

    def run(self) -> dict:
        """Return the lifetimes, and a cell for each event. Raises RefusedError."""
        if (status := self._client.send("GET", "/whoami/").status) not in (401, 403):
            raise RefusedError(f"{self._name}: answers {status} without a credential, neither 401 nor 403")
        access = lifetime(self._asking(_nothing, self._by_access))
        refresh = None
        if self.log_in().refresh is not None:
            undisturbed = self._asking(_nothing, self._by_refresh)
            if (status := undisturbed(0)) != 200:
                raise RefusedError(f"{self._name}: answers {status} to a refreshed credential, not 200")
            refresh = lifetime(undisturbed)
        self._access_seconds, self._refresh_seconds = access, refresh
        cells = {event: self._cell(happen) for event, happen in self._events().items()}
        if self.log_in().refresh is None:
            cells[REFRESHED] = Cell(NO_EVENT)  # a request refreshes, and gives nothing new
        cells[REUSED] = self._reuse(cells[REFRESHED].refresh)
        return {"access_seconds": access, "refresh_seconds": refresh, "cells": cells}

    # --- events -----------------------------------------------------------------------------------

    def _events(self) -> dict[str, Happen | None]:
        client = self._client
        return {
            REFRESHED: self._refreshed,
            REUSED: None,  # after REFRESHED, whose end it needs
            LOGGED_OUT: self._did(client.log_out, client.logout),
            PASSWORD_SET: _set_password,
            PASSWORD_CHANGED: self._did(client.change_password, client.password),
            DEACTIVATED: _deactivate,
            DELETED: lambda held: _user(held).delete() and None,
        }

    def _did(self, step: Callable, url: str) -> Happen | None:
        def happen(held: Held):
            expect(step(held), f"{self._name} at {url}")

        return happen if url else None

    def _refreshed(self, held: Held) -> Held:
        before = held.copy()
        self.renew(held)
        return before

    def _reuse(self, spent: End | None) -> Cell:
        """Return the cell of the tokens that a refresh gave, after the one before is presented."""
        if spent is None or spent.kind not in (AT_ONCE, WITHIN):
            return Cell(NO_EVENT)
        grace = int(spent.seconds)

        def happen(held: Held) -> Held:
            before = self._refreshed(held)
            self._clock.move(grace)
            if self._client.renew(before) == 200:
                raise RefusedError(f"{self._name}: accepts a spent refresh token after {grace} s")
            return held

        return self._cell(happen, grace)

    # --- asking -----------------------------------------------------------------------------------

    def _cell(self, happen: Happen | None, passed: int = 0) -> Cell:
        """Return when both tokens end after the event. `passed`: seconds that it takes itself."""
        if happen is None:
            return Cell(NO_EVENT)

        def left(seconds: int | None) -> int | None:
            return None if seconds is None else seconds - passed

        end = self._find(self._asking(happen, self._by_access), left(self._access_seconds), AT_ACCESS_EXPIRY)
        if self.log_in().refresh is None:
            return Cell.of(end)
        asking = self._asking(happen, self._by_refresh)
        return Cell.of(end, self._find(asking, left(self._refresh_seconds), AT_REFRESH_EXPIRY))

    def _asking(self, happen: Happen, present: Callable[[Held], int]) -> Ask:
        """Return an Ask that logs in a new user at each call: a refresh token can be spent once."""

        def ask(seconds: int) -> int:
            held = self.log_in()
            if (status := self._client.ask(held)) != 200:
                raise RefusedError(f"{self._name}: answers {status} right after login, not 200")
            presented = happen(held) or held
            self._clock.move(seconds)
            return present(presented)

        return ask

    def _by_access(self, held: Held) -> int:
        return self._client.ask(held)

    def _by_refresh(self, held: Held) -> int:
        status = self._client.renew(held)
        return self._client.ask(held) if status == 200 else status

    def _find(self, ask: Ask, seconds: int | None, at_expiry: Kind) -> End:
        try:
            return find(ask, seconds, at_expiry)
        except OutlivesError as error:
            raise RefusedError(f"{self._name}: {error}") from None


def _nothing(held: Held) -> None:
    """Do nothing: the control."""


def _set_password(held: Held) -> None:
    user = _user(held)
    user.set_password(NEW_PASSWORD)
    user.save()


def _deactivate(held: Held) -> None:
    user = _user(held)
    user.is_active = False
    user.save()


def _user(held: Held):
    return get_user_model()._default_manager.get(pk=held.user_id)
