"""The living logins that this process remembers, so that their access tokens need no query.

An entry says: a query found this login living, and every end that was announced since has been
heard. An announced end only removes an entry. So ends take no memory, an announcement too many
costs one query, and a gap in the announcements costs one query for each login. While the channel
(jwt_auth/channels) is not heard, every login is read from the database.
"""

import os
import threading
import time
from collections.abc import Iterable
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import connections, router
from django.utils.functional import SimpleLazyObject, empty
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError

from auth_core.remembered import Remembered
from auth_core.schemes import enabled_with
from auth_core.transactions import after_commit
from jwt_auth.tokens import SESSION_CLAIM, AccessToken

if TYPE_CHECKING:
    from jwt_auth.channels.common import Channel

ENTRIES = 50_000  # at most about 20 MB


class LivingLogins:
    """The ENTRIES logins that were used last, each with its user's id and key."""

    def __init__(self) -> None:
        """Read the settings; call close() after overriding one."""
        # The sid, as the token has it; the user's id, as the token has it; the user's key.
        self.entries: Remembered[str, tuple[str, Any]] = Remembered(lambda: ENTRIES)
        self._has_read = False
        self._lock = threading.Lock()
        self.__dict__.pop("_channel", None)

    def __len__(self) -> int:
        return len(self.entries)

    def user_of(self, token: AccessToken) -> Any:
        """Return the user of a verified token, without a query if its login is remembered.

        Raises TokenError as `models.user_of` does, which reads the others.
        """
        sid, user_id, channel = token.payload[SESSION_CLAIM], token.user_id, self._channel
        if channel is None:
            return _user_of(token)
        is_heard = channel.is_heard(time.monotonic())
        entry, drops = self.entries.get(sid)
        if entry is not None and is_heard and entry[0] == user_id and _reads_from(channel.alias):
            return LoginUser(token, entry[1])
        self._has_read = True  # first: what ends from here on has to be dropped
        user = _user_of(token)
        # Not what is read in a transaction, whose snapshot may be older than the last announcement,
        # nor from a database that may be behind the one that announces.
        alias = user._state.db
        if alias == channel.alias and connections[alias].get_autocommit():
            channel.listen()
            self.entries.put(sid, (user_id, user.pk), drops)
        return user

    @property
    def heard(self) -> str | None:
        """Return by which way this process hears of ends now, or None."""
        channel = self._channel
        return channel.way if channel is not None and channel.is_heard(time.monotonic()) else None

    @property
    def is_used(self) -> bool:
        """Return True if this process remembers logins, or is set up to."""
        return self._has_read or enabled_with("remembers_logins", True) is not None

    def end(self, sids: Iterable[UUID], using: str) -> None:
        """Drop these logins and announce their end, when the transaction is committed.

        Where nobody remembers logins, `sids` is not evaluated.
        """
        if self.is_used:
            after_commit(self._end, [sid.hex for sid in sids], using=using)

    def close(self) -> None:
        """Forget every login and stop listening."""
        if channel := self.__dict__.get("_channel"):
            channel.close()
        self.reset()

    def reset(self) -> None:
        """Start again, in a process forked from one whose locks and listener do not exist here."""
        self.__init__()  # type: ignore[misc]

    def _end(self, sids: list[str]) -> None:
        self.entries.drop(sids)
        if self._channel is not None:
            self._channel.announce(sids)

    @cached_property
    def _channel(self) -> "Channel | None":
        """Return the channel of this process, or None where there can be none (see `channels`)."""
        from jwt_auth.channels import channel

        with self._lock:  # another thread may have been first
            if "_channel" not in self.__dict__:
                self.__dict__["_channel"] = channel(self.entries.drop, self.entries.drop_all)
        found: Channel | None = self.__dict__["_channel"]
        return found


class LoginUser(SimpleLazyObject):  # type: ignore[type-arg]  # generic in its stubs only
    """The user of a remembered login, read from the database when a field other than the key is.

    Reading takes the query of `jwt`. It raises InvalidToken (401) if the login has ended by then,
    or its user is deleted or not active.
    """

    is_authenticated = True
    is_anonymous = False
    _wrapped = empty

    def __init__(self, token: AccessToken, pk: Any):
        # Django's own __init__ sets the same, in four times as long: 0.7 µs.
        values = object.__getattribute__(self, "__dict__")
        values["_setupfunc"], values["pk"] = partial(_read, token), pk

    def __getattr__(self, name: str) -> Any:
        return self.pk if name == _key_name() else super().__getattr__(name)

    def __bool__(self) -> bool:
        return True


def _key_name() -> str:
    return get_user_model()._meta.pk.attname


def _reads_from(alias: str) -> bool:
    """Return False if a router sends this request elsewhere: each tenant may have a database."""
    return not router.routers or router.db_for_read(get_user_model()) == alias


def _user_of(token: AccessToken) -> Any:
    from jwt_auth import models

    return models.user_of(token)


def _read(token: AccessToken) -> Any:
    try:
        return _user_of(token)
    except TokenError as error:
        logins.entries.drop([token.payload[SESSION_CLAIM]])
        raise InvalidToken(error.args[0]) from error


logins = LivingLogins()
os.register_at_fork(after_in_child=logins.reset)
