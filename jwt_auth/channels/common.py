"""What the channels have in common."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from auth_core.listening import Listener
from jwt_auth.models import DeletedLogin, RefreshFamily

# How much older than the last reading an end may be that this reading has not seen: it is written
# before its transaction commits, with the clock of its machine.
OVERLAP = timedelta(seconds=60)

Dropped = Callable[[list[str]], None]
Gap = Callable[[], None]


class Channel(Listener):
    """A listener to ends of logins in the database `alias`."""

    label = "jwt-pushed"
    instead = "every login is read from the database"
    alias: str

    def announce(self, sids: list[str]) -> None:
        """Announce that these logins ended, where the database does not do so itself."""


class ReadingChannel(Channel):
    """A channel that also reads from the database which logins ended."""

    def __init__(self, alias: str, *args: Any, **options: Any):
        super().__init__(*args, **options)
        self.alias = alias
        self._read_at = timezone.now()

    def begin(self) -> None:
        """Read from now on."""
        self._read_at = timezone.now()

    def drop_ended(self) -> None:
        """Drop the logins that ended since the last reading."""
        now = timezone.now()
        # The clock may have been set back.
        ended = ended_since(min(self._read_at, now) - OVERLAP, self.alias)
        if ended:
            self.dropped(ended)
        self._read_at = now


def ended_since(moment: datetime, alias: str) -> list[str]:
    """Return the sids of the logins that were ended or deleted since then, in one query."""
    ended = RefreshFamily.objects.using(alias).filter(revoked_at__gte=moment).values_list("pk", flat=True)
    deleted = DeletedLogin.objects.using(alias).filter(deleted_at__gte=moment).values_list("pk", flat=True)
    return [sid.hex for sid in ended.union(deleted, all=True)]
