"""A client of clients/httpx_auth.py keeps its login, whichever request or response is lost."""

from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import OperationalError

from clients import httpx_auth
from clients.httpx_auth import BearerAuth, CredentialError, Store, TokenAuth
from jwt_auth import models
from jwt_auth.models import RefreshFamily
from tests.support.wire import BASE, LOGOUT, OBTAIN, REFRESH, who
from tracks.models import Genre


@pytest.mark.once
def test_the_first_request_logs_in_and_the_next_ones_use_what_it_got(wire, client):
    assert [who(client), who(client)] == ["jwt", "jwt"]
    assert wire.sent == [(OBTAIN, 200), *[("/whoami/", 200)] * 3]
    assert RefreshFamily.objects.count() == 1


@pytest.mark.once
def test_a_pair_is_refreshed_before_its_access_token_expires(clock, wire, client):
    clock.pass_(seconds=300 - httpx_auth.MARGIN - 1)
    assert who(client) == "jwt"
    assert REFRESH not in dict(wire.sent)
    clock.pass_(seconds=1)
    assert who(client) == "jwt"
    assert wire.sent[-2:] == [(REFRESH, 200), ("/whoami/", 200)]


@pytest.mark.once
def test_a_short_life_is_refreshed_at_half_of_it(clock, wire, client_of, bearer, settings):
    settings.JWT_ACCESS_LIFETIME = timedelta(seconds=httpx_auth.MARGIN)
    client = client_of(bearer())
    who(client)
    clock.pass_(seconds=httpx_auth.MARGIN / 2 - 1)
    who(client)
    assert REFRESH not in dict(wire.sent)
    clock.pass_(seconds=1)
    who(client)
    assert wire.sent[-2:] == [(REFRESH, 200), ("/whoami/", 200)]


@pytest.mark.once
def test_a_client_that_slept_over_the_expiry_is_refused_once_and_refreshes(clock, wire, client):
    clock.pass_(minutes=10, awake=False)
    assert who(client) == "jwt"
    assert wire.sent[-3:] == [("/whoami/", 401), (REFRESH, 200), ("/whoami/", 200)]


@pytest.mark.once
def test_a_refused_request_is_sent_again_with_its_body(clock, wire, client):
    Genre.objects.create(name="Jazz")
    clock.pass_(minutes=10, awake=False)
    track = {"title": "So What", "album": "Kind of Blue", "artist": "Miles Davis", "genre": "Jazz", "duration_ms": 1}
    response = client.post("/tracks/", json=track)
    assert response.status_code == 201, response.text
    assert response.json()["title"] == "So What"
    assert wire.sent[-3:] == [("/tracks/", 401), (REFRESH, 200), ("/tracks/", 201)]


@pytest.mark.once
def test_a_login_goes_on_for_as_long_as_it_may_and_then_ends_with_one_clear_error(clock, wire, client):
    for _ in range(31 * 2 - 1):
        assert who(client) == "jwt"
        clock.pass_(hours=12)
    with pytest.raises(CredentialError, match=r"the login has ended, log in again: .*token_not_valid") as raised:
        client.get("/whoami/")
    assert raised.value.response.status_code == 401
    assert RefreshFamily.objects.count() == 1
    sent = len(wire.sent)
    with pytest.raises(CredentialError, match="the login has ended"):
        client.get("/whoami/")
    assert len(wire.sent) == sent  # the client did not ask again


@pytest.mark.once
def test_a_login_that_was_ended_elsewhere_is_told_so(clock, client):
    models.end(models.LOGOUT)
    with pytest.raises(CredentialError, match="The login has been ended"):
        client.get("/whoami/")


def expire(wire, client, clock, store):
    clock.pass_(days=2)


def end(wire, client, clock, store):
    models.end(models.LOGOUT)
    clock.pass_(minutes=5)


def use_again(wire, client, clock, store):
    stolen = store.load()
    for _ in range(2):
        stolen = client.post(REFRESH, json={"refresh": stolen}, auth=None).json()["refresh"]
    clock.pass_(minutes=5)


@pytest.mark.once
@pytest.mark.parametrize("finish", [expire, end, use_again])
def test_a_refusal_that_is_final_is_not_asked_for_again(clock, wire, client_of, bearer, finish):
    store = Store()
    client = client_of(bearer(store=store))
    who(client)
    finish(wire, client, clock, store)
    asked = len(wire.sent)
    for _ in range(3):
        with pytest.raises(CredentialError, match="the login has ended, log in again"):
            client.get("/whoami/")
    assert wire.sent[asked:] == [(REFRESH, 401)]


@contextmanager
def other_key(settings):
    """Sign with another key, as a server does that does not know the new key yet."""
    key = settings.JWT_SIGNING_KEY
    settings.JWT_SIGNING_KEY = "another key of this service, or of its next version"
    yield
    settings.JWT_SIGNING_KEY = key


@contextmanager
def inactive_user(settings):
    get_user_model().objects.update(is_active=False)
    yield
    get_user_model().objects.update(is_active=True)


@pytest.mark.once
@pytest.mark.parametrize("refusing", [other_key, inactive_user])
def test_a_refusal_that_may_pass_is_tried_again_by_the_next_request_once(clock, wire, client, settings, refusing):
    clock.pass_(minutes=5)
    asked = len(wire.sent)
    with refusing(settings):
        for _ in range(3):
            with pytest.raises(CredentialError, match="the refresh token was refused, the next request presents it"):
                client.get("/whoami/")
    assert wire.sent[asked:] == [(REFRESH, 401)] * 3
    assert who(client) == "jwt"
    assert Counter(wire.sent)[OBTAIN, 200] == 1


@pytest.mark.once
def test_the_end_of_a_login_is_an_error_and_not_another_login(clock, wire, client):
    models.end(models.REUSE)
    for _ in range(2):
        with pytest.raises(CredentialError):
            client.get("/whoami/")
    assert Counter(wire.sent)[OBTAIN, 200] == 1


@pytest.mark.parametrize("grace_seconds", [1, 9])
def test_a_refresh_whose_answer_was_lost_is_repeated_and_the_login_goes_on(httpx, clock, wire, client, grace_seconds):
    for _ in range(3):
        clock.pass_(minutes=5)
        wire.loses = REFRESH
        with pytest.raises(httpx.ReadError):
            client.get("/whoami/")
        clock.pass_(seconds=grace_seconds)
        assert who(client) == "jwt"
    assert Counter(wire.sent) == {(OBTAIN, 200): 1, (REFRESH, 200): 6, ("/whoami/", 200): 4}


@pytest.mark.once
def test_a_login_whose_answer_was_lost_is_repeated(httpx, wire, client_of, bearer):
    client = client_of(bearer())
    wire.loses = OBTAIN
    with pytest.raises(httpx.ReadError):
        client.get("/whoami/")
    assert who(client) == "jwt"


@pytest.mark.once
def test_a_503_at_refresh_reaches_the_caller_and_loses_nothing(httpx, clock, wire, client, monkeypatch):
    clock.pass_(minutes=5)
    with monkeypatch.context() as without_database:

        def away(token):
            raise OperationalError("the database is away")

        without_database.setattr(models, "valid_family", away)
        with pytest.raises(httpx.HTTPStatusError, match=f"POST {BASE}{REFRESH} returned 503, not 200") as raised:
            client.get("/whoami/")
    assert raised.value.response.headers["Retry-After"] == "5"
    assert who(client) == "jwt"


@pytest.mark.once
def test_a_429_at_login_reaches_the_caller_and_the_password_is_kept(httpx, clock, wire, client_of, bearer, settings):
    settings.LOGIN_THROTTLE = "1/min"
    who(client_of(bearer()))
    client = client_of(bearer())
    with pytest.raises(httpx.HTTPStatusError, match="returned 429") as raised:
        client.get("/whoami/")
    clock.pass_(seconds=int(raised.value.response.headers["Retry-After"]))
    assert who(client) == "jwt"


@pytest.mark.once
def test_others_who_are_refused_at_the_same_address_cost_no_refresh(httpx, clock, wire, client, settings):
    settings.LOGIN_THROTTLE = "1/min"
    clock.pass_(minutes=5)
    for _ in range(2):
        client.post(REFRESH, json={"refresh": "garbage"}, auth=None)
    assert wire.sent[-1] == (REFRESH, 429)
    assert who(client) == "jwt"


@pytest.mark.once
def test_a_429_at_refresh_is_not_the_end_of_a_login_and_its_end_is_told_after_it(httpx, clock, wire, client, settings):
    settings.LOGIN_THROTTLE = "1/min"
    clock.pass_(minutes=5)
    assert models.end(models.LOGOUT)
    client.post(REFRESH, json={"refresh": "garbage"}, auth=None)
    with pytest.raises(httpx.HTTPStatusError, match="returned 429"):
        client.get("/whoami/")
    clock.pass_(minutes=1)
    with pytest.raises(CredentialError):
        client.get("/whoami/")


@pytest.mark.once
@pytest.mark.parametrize(("auth", "path"), [(BearerAuth, OBTAIN), (TokenAuth, "/api-token-auth/")])
def test_a_wrong_password_is_tried_once(wire, client_of, user, auth, path):
    client = client_of(auth(BASE, "ada", "wrong"))
    for _ in range(2):
        with pytest.raises(CredentialError, match=r"the login was refused: .*credentials"):
            client.get("/whoami/")
    assert [sent for sent, _ in wire.sent] == [path]


def test_a_logout_ends_the_login_here_and_there(clock, wire, client_of, bearer):
    store = Store()
    client = client_of(bearer(store=store))
    who(client)
    clock.pass_(minutes=10)
    assert client.post(LOGOUT).status_code == 204
    assert store.load() is None
    assert RefreshFamily.objects.get().reason == models.LOGOUT
    with pytest.raises(CredentialError, match="logged out"):
        client.get("/whoami/")


@pytest.mark.once
def test_a_logout_everywhere_too(client, client_of, token):
    other = client_of(token())
    assert who(other) == "token"
    assert client.post(LOGOUT, json={"everywhere": True}).status_code == 204
    with pytest.raises(CredentialError, match=r"the token was refused, log in again: .*Invalid token"):
        other.get("/whoami/")
