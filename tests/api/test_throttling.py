"""The limits on guesses of a secret, by address and by user name.

The counters are in a process's memory and on a real Valkey.
"""

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.test import APIRequestFactory

from benchmarks.processes.clock import Clock
from jwt_auth import models
from telemetry.metrics_view import MetricsView
from tests.support.accounts import PASSWORD
from tests.support.throttling import LIMIT, log_in, log_in_to_the_admin, use_cache, with_header

pytestmark = pytest.mark.once  # the cache counts, not the database

OBTAIN = pytest.mark.parametrize(("path", "refused"), [("/api-token-auth/", 400), ("/api/token/", 401)])


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


def test_the_admins_login_counts_by_address_together_with_the_apis(api, staff, throttled):
    assert log_in_to_the_admin("a").status_code == 200  # the form is shown again
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
    # The second is in full-width letters, which the admin's form reads as plain ones.
    for number, name in enumerate((" grace", "\uff47\uff52\uff41\uff43\uff45")):
        assert log_in_to_the_admin(name, address=f"192.0.2.{number}").status_code == 200
    log_in(api, "/api-token-auth/", username="Grace", address="192.0.2.3")
    assert log_in_to_the_admin(password=PASSWORD, address="192.0.2.4").status_code == 429
    assert log_in(api, "/api/token/", username="grace", password=PASSWORD, address="192.0.2.5").status_code == 429


def _with_body(name):
    return lambda api, path, token: api.post(path, {name: token})


TOKEN_DOORS = [
    ("/api-token-auth/new/", with_header),
    ("/api-token-auth/revoke/", with_header),
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


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "/api/token/sessions/", 200), ("delete", "/api/token/sessions/{sid}/", 204)],
)
def test_so_is_a_good_access_token(api, user, throttled, method, path, status):
    good = models.log_in(user).access
    path = path.format(sid=good.sid)

    def send(token):
        return getattr(api, method)(path, headers={"Authorization": f"Bearer {token}"}).status_code

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
        key = with_header(api, "/api-token-auth/new/", key).json()["token"]


def test_no_guarded_page_is_throttled(api, user, throttled):
    for _ in range(3 * LIMIT):
        assert api.get("/whoami/", headers={"Authorization": f"Token {user.auth_token.key}"}).status_code == 200


def test_a_window_ends_after_its_period(api, user, settings, throttled):
    # In memory only: the test moves this clock. Valkey uses the same period with a clock of its
    # own.
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


# NUM_PROXIES, the X-Forwarded-For of attempt number n, whether all attempts count as one client's.
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


# NUM_PROXIES, X-Forwarded-For, whether the request identifies its client.
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
    for path, status in {"/health/": 200, "/metrics/": 404}.items():  # clients call these directly
        assert api.get(path, headers=headers).status_code == status


# The client of attempt number n as one trusted proxy writes it, whether all attempts count as one
# client's.
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
    # No address: the service counts the proxy's own.
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


# The address of attempt number n, whether all attempts count as one client's.
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
