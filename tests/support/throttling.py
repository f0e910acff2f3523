"""Attempts to log in, and the caches that count them."""

from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.test import Client

from config.switches import SWITCHES

LIMIT = 3


def use_cache(settings, url: str | None):
    settings.CACHES = {"default": SWITCHES["CACHE_URL"].parse(url or "locmem://throttling")}


def disconnect():
    """Close this thread's connections to Valkey, which Django leaves to the garbage collector."""
    if isinstance(caches["default"], RedisCache):
        caches["default"]._cache.get_client(write=True).connection_pool.disconnect()


def log_in(api, path, username="ada", password="wrong", address="192.0.2.1", **headers):
    return api.post(path, {"username": username, "password": password}, REMOTE_ADDR=address, headers=headers)


def log_in_to_the_admin(username="grace", password="wrong", address="192.0.2.1"):
    login = {"username": username, "password": password}
    return Client().post("/admin/login/?next=/admin/", login, REMOTE_ADDR=address)


# A token sent with the attempt, in the header or in the body.
def with_header(api, path, token):
    return api.post(path, headers={"Authorization": f"Token {token}"})
