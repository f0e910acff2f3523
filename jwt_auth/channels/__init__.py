"""The channels by which a process hears that logins ended; one for each process.

- With our RedisCache in CACHES: Valkey, and a look at the database every second.
- Otherwise on PostgreSQL, with psycopg 3: NOTIFY, which commits with the transaction.
- Otherwise on a SQLite file: the file, which every commit changes.

Elsewhere there is none, so every login is read from the database.
"""

from inspect import getattr_static
from typing import Any

from django.contrib.auth import get_user_model
from django.db import connections, router

from auth_core.caches import shared_cache
from jwt_auth.channels.common import Channel, Dropped, Gap


def why_not() -> str | None:
    """Return why no login can be remembered under these settings, or None if it can."""
    alias, read = _alias(), router.db_for_read(get_user_model())
    connection: Any = connections[alias]
    if read != alias:
        return f"users are read from the database {read!r}, which may be behind {alias!r}"
    if not _is_announced("is_active"):
        return f"is_active is no column of {get_user_model()._meta.label}, so nobody announces its change"
    if connection.settings_dict["ATOMIC_REQUESTS"]:
        return "with ATOMIC_REQUESTS each is read in a transaction, which may be behind"
    if shared_cache() is not None:
        return None
    if connection.vendor == "postgresql":
        return None if hasattr(connection.Database, "pq") else "psycopg2 is installed, not psycopg 3"
    if connection.vendor == "sqlite":
        return "the database is in memory" if connection.is_in_memory_db() else None
    return f"the database is {connection.display_name}"


def channel(dropped: Dropped, gap: Gap) -> Channel | None:
    """Return the channel of this process, or None if nothing can be heard.

    Its thread calls `dropped` with the sids of logins that ended, and `gap` when some may have been
    missed.
    """
    if why_not() is not None:
        return None
    alias, shared = _alias(), shared_cache()
    # Each needs a package of its own.
    if shared is not None:
        from jwt_auth.channels.valkey import ValkeyChannel

        return ValkeyChannel(alias, shared, dropped, gap)
    if connections[alias].vendor == "postgresql":
        from jwt_auth.channels.postgresql import NotifyChannel

        return NotifyChannel(alias, dropped, gap)
    from jwt_auth.channels.sqlite import FileChannel

    return FileChannel(alias, dropped, gap)


def _is_announced(name: str) -> bool:
    """Return True if this attribute of users changes by saving a user, or never."""
    users = get_user_model()
    is_column = any(field.name == name for field in users._meta.local_concrete_fields)
    return is_column or isinstance(getattr_static(users, name), bool)


def _alias() -> str:
    from jwt_auth.models import RefreshFamily

    return router.db_for_write(RefreshFamily)
