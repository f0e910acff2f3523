"""The living logins that a process remembers, on each channel, and the queries that they save."""

import time
from contextlib import contextmanager

from django.db import connection
from django.test.utils import CaptureQueriesContext

from auth_core import revocation
from config.switches import SWITCHES
from jwt_auth import models
from jwt_auth.channels.sqlite import FileChannel
from jwt_auth.pushed import LivingLogins, logins
from jwt_auth.tokens import AccessToken
from tests.support.accounts import ENDINGS as ENDS_OF_USERS

MISS, HIT, REFUSED = (200, 1), (200, 0), 401


def begin(settings, url: str | None = None):
    """Remember nothing, with this CACHE_URL."""
    settings.CACHES = {"default": SWITCHES["CACHE_URL"].parse(url or "locmem://pushed")}
    logins.close()


def log_in(user) -> dict[str, str]:
    """Return the pair of a new login."""
    pair = models.log_in(user)
    return {"refresh": str(pair.refresh), "access": str(pair.access)}


def asked(door, access: str, path: str = "/whoami/") -> tuple[int, int]:
    """Return (status, SQL statements) of one request."""
    with CaptureQueriesContext(connection) as statements:
        status = door.get(path, access).status_code
    return status, len(statements)


def wait_until(condition, seconds: float = 60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"the condition did not hold within {seconds} s"
        time.sleep(0.005)


def hear(those: LivingLogins = logins):
    """Let these logins listen, and return when they hear.

    The first change of a SQLite file counts as a gap. It is made here.
    """
    channel = those._channel
    channel.listen()
    wait_until(lambda: channel.is_heard(time.monotonic()))
    if isinstance(channel, FileChannel):
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA user_version = 1")
        wait_until(lambda: channel.read_at is not None)


@contextmanager
def another():
    """Yield the logins of another process, which shares only database and cache with this one."""
    other = LivingLogins()
    try:
        hear(other)
        yield other
    finally:
        other.close()


def remember(those: LivingLogins, access: str):
    """Let them read this login, which they remember then."""
    wait_until(lambda: [those.user_of(AccessToken(access)), remembers(those, access)][1])


def remembers(those: LivingLogins, access: str) -> bool:
    """Return True if the access token would be accepted there without a query."""
    entry = those.entries.by_key.get(AccessToken(access).payload["sid"])
    return entry is not None and those._channel.is_heard(time.monotonic())


# --- what ends a login ----------------------------------------------------------------------------


def _by_user(ending):
    def end(door, user, pair):
        ending(user)

    end.__name__ = ending.__name__
    return end


def log_out_this(door, user, pair):
    assert door.client.post("/api/token/logout/", {"refresh": pair["refresh"]}).status_code == 204


def log_out_all(door, user, pair):
    body = {"refresh": pair["refresh"], "everywhere": True}
    assert door.client.post("/api/token/logout/", body).status_code == 204


def reuse(door, user, pair):
    statuses = [door.client.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code for _ in range(2)]
    assert statuses == [200, 401]


def end_by_id(door, user, pair):
    header = {"Authorization": f"Bearer {pair['access']}"}
    sid = AccessToken(pair["access"]).sid
    assert door.client.delete(f"/api/token/sessions/{sid}/", headers=header).status_code == 204


def delete_users(door, user, pair):
    type(user).objects.filter(pk=user.pk).delete()


def delete_login(door, user, pair):
    models.RefreshFamily.objects.get(pk=AccessToken(pair["access"]).sid).delete()


def delete_logins(door, user, pair):
    models.RefreshFamily.objects.filter(user=user).delete()


def end_in_the_admin(door, user, pair):
    assert models.end(revocation.ADMIN, pk=AccessToken(pair["access"]).sid) == 1


ENDINGS = [
    *map(_by_user, ENDS_OF_USERS), log_out_this, log_out_all, reuse, end_by_id, delete_users, delete_login,
    delete_logins, end_in_the_admin,
]  # fmt: skip
