"""Token caches with and without a Valkey, and the queries that they save."""

import threading
from contextlib import contextmanager

from django.contrib.auth import get_user_model
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token

from auth_core import revocation
from config.switches import SWITCHES
from tokens import models
from tokens.authentication import TokenAuthentication
from tokens.cache import TokenCache, token_cache

User = get_user_model()


def begin(settings, url: str | None = None, seconds: int = 30):
    """Start the cache as a process with these settings does."""
    settings.CACHES = {"default": SWITCHES["CACHE_URL"].parse(url or "locmem://token-cache")}
    settings.TOKEN_CACHE_SECONDS = seconds
    token_cache.close()


def read(key: str):
    return TokenAuthentication().authenticate_credentials(key)


def asked(door, key) -> tuple[int, int]:
    """Return (status, SQL statements) of one request."""
    with CaptureQueriesContext(connection) as statements:
        status = door.get("/whoami/", key).status_code
    return status, len(statements)


MISS, HIT, REFUSED = (200, 1), (200, 0), (401, 1)


# --- steps that end a token -----------------------------------------------------------------------


def rotate(door, user, key):
    assert door.client.post("/api-token-auth/new/", headers={"Authorization": f"Token {key}"}).status_code == 200


def revoke(door, user, key):
    assert door.client.post("/api-token-auth/revoke/", headers={"Authorization": f"Token {key}"}).status_code == 204


def revoke_everywhere(door, user, key):
    body, headers = {"everywhere": True}, {"Authorization": f"Token {key}"}
    assert door.client.post("/api-token-auth/revoke/", body, headers=headers).status_code == 204


def change_password(door, user, key):
    user.set_password("another one entirely")
    user.save()


def deactivate(door, user, key):
    user.is_active = False
    user.save(update_fields=["is_active"])


def delete_user(door, user, key):
    user.delete()


def delete_users(door, user, key):
    User.objects.filter(pk=user.pk).delete()


def delete_token(door, user, key):
    Token.objects.get(key=key).delete()


def delete_tokens(door, user, key):
    Token.objects.filter(user=user).delete()


def delete_in_the_admin(door, user, key):
    models.OpaqueToken.objects.get(user=user).delete()


def revoke_in_the_admin(door, user, key):
    assert models.revoke(key)


def log_out_everywhere(door, user, key):
    revocation.revoke_all_credentials(user.pk, revocation.LOGOUT_EVERYWHERE)


ENDINGS = [
    rotate, revoke, revoke_everywhere, change_password, deactivate, delete_user, delete_users, delete_token,
    delete_tokens, delete_in_the_admin, revoke_in_the_admin, log_out_everywhere,
]  # fmt: skip


# --- races ----------------------------------------------------------------------------------------


@contextmanager
def held(cache: TokenCache, key: str):
    """Hold a reader in a thread between its query and its storing, until the block ends.

    The list gets what it read.
    """
    has_read, go, got = threading.Event(), threading.Event(), []

    def slowly(key):
        credentials = read(key)
        has_read.set()
        assert go.wait(60)
        return credentials

    def reader():
        try:
            got.append(cache.get_or_read(key, slowly))
        finally:
            has_read.set()
            connections.close_all()

    thread = threading.Thread(target=reader)
    thread.start()
    assert has_read.wait(60)
    try:
        yield got
    finally:
        go.set()
        thread.join()
