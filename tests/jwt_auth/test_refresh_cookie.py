"""JWT_REFRESH_COOKIE: login, refresh and logout with the refresh token in a cookie."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from jwt_auth import models
from jwt_auth.models import RefreshFamily
from tests.support.accounts import PASSWORD
from tests.support.cookies import FRIEND, LOGOUT, NAME, OWN, REFRESH, carry, is_deleted, log_in, post
from tests.support.logins import at, claims, whoami

LOGIN = {"username": "ada", "password": PASSWORD}


@pytest.fixture(autouse=True)
def _on(settings, user):
    settings.JWT_REFRESH_COOKIE = True


def rotations() -> str:
    """Return the id of the current refresh token of the only login; a rotation changes it."""
    return RefreshFamily.objects.get().current_jti


def is_alive() -> bool:
    return RefreshFamily.objects.get().revoked_at is None


# --- the login ------------------------------------------------------------------------------------


def test_a_login_with_the_cookie_answers_without_the_refresh_token(api):
    response = log_in(api)
    assert response.status_code == 200
    assert set(response.json()) == {"access", "expires_in", "refresh_expires_in"}
    cookie = response.cookies[NAME]
    assert claims(cookie.value)["token_type"] == "refresh"
    assert cookie.value not in response.content.decode()
    assert cookie["path"] == "/api/token/"
    assert cookie["samesite"] == "Strict"
    assert cookie["httponly"] is True
    assert cookie["max-age"] == response.json()["refresh_expires_in"] == 86_400
    assert cookie["domain"] == cookie["secure"] == ""
    assert response["Cache-Control"] == "no-store"
    assert whoami(api, response.json()["access"]).status_code == 200


def test_over_https_the_cookie_is_secure_and_its_name_says_so(api, settings):
    settings.SESSION_COOKIE_SECURE = True  # HTTPS_ONLY sets it
    response = log_in(api)
    assert set(response.cookies) == {"__Secure-refresh_token"}
    assert response.cookies["__Secure-refresh_token"]["secure"] is True
    assert post(api, REFRESH).status_code == 200
    assert is_deleted(post(api, LOGOUT), "__Secure-refresh_token")


@pytest.mark.parametrize("wish", [{}, {"cookie": False}])
def test_a_login_that_asks_for_no_cookie_answers_as_ever(api, wish):
    response = api.post("/api/token/", LOGIN | wish)
    assert set(response.json()) == {"refresh", "access", "expires_in", "refresh_expires_in"}
    assert not response.cookies


def test_a_login_by_a_form_can_ask_for_the_cookie_too(api):
    response = api.post("/api/token/", LOGIN | {"cookie": "true"}, format="multipart", headers={"Origin": OWN})
    assert NAME in response.cookies
    assert "refresh" not in response.json()


def test_with_the_switch_off_a_cookie_is_refused_by_name_and_none_is_read(api, settings):
    token = log_in(api).cookies[NAME].value
    settings.JWT_REFRESH_COOKIE = False
    response = log_in(api)
    assert response.status_code == 400
    assert "JWT_REFRESH_COOKIE" in response.json()["cookie"][0]
    before = rotations()
    assert post(api, REFRESH).json() == {"refresh": ["This field is required."]}
    assert post(api, LOGOUT).status_code == 401
    assert rotations() == before
    assert is_alive()
    # A cookie of that name is another program's then, and does not disturb the body.
    assert post(api, REFRESH, {"refresh": token}).status_code == 200


def test_a_wrong_password_is_answered_as_ever_and_sets_no_cookie(api):
    response = log_in(api, password="wrong")
    assert response.status_code == 401
    assert not response.cookies


@pytest.mark.parametrize("wish", ["yes please", 7, None, {}, []])
def test_a_wish_that_is_neither_yes_nor_no_is_refused(api, wish):
    response = log_in(api, cookie=wish)
    assert (response.status_code, list(response.json())) == (400, ["cookie"])


# --- the refresh ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["json", "multipart", None])
def test_a_refresh_takes_the_cookie_and_the_child_comes_back_in_it_alone(api, format):
    parent = log_in(api).cookies[NAME].value
    for _ in range(3):
        response = api.post(REFRESH, {} if format else None, format=format, headers={"Origin": OWN})
        assert response.status_code == 200, response.content
        assert set(response.json()) == {"access", "expires_in", "refresh_expires_in"}
        child = response.cookies[NAME].value
        assert child != parent
        assert response.cookies[NAME]["httponly"] is True
        assert whoami(api, response.json()["access"]).status_code == 200
        parent = child
    assert RefreshFamily.objects.count() == 1


def test_the_cookie_lives_as_long_as_its_token(api, settings):
    settings.JWT_REFRESH_LIFETIME, settings.JWT_SESSION_LIFETIME = timedelta(hours=20), timedelta(hours=30)
    with at():
        assert log_in(api).cookies[NAME]["max-age"] == 20 * 3600
    with at(hours=19):
        assert post(api, REFRESH).cookies[NAME]["max-age"] == 11 * 3600


def test_two_tabs_get_the_same_child_and_a_later_third_ends_the_login(api):
    with at():
        parent = log_in(api).cookies[NAME].value
        first = post(api, REFRESH)
        carry(api, parent)
        second = post(api, REFRESH)
        assert second.cookies[NAME].value == first.cookies[NAME].value
    with at(seconds=11):
        carry(api, parent)
        third = post(api, REFRESH)
        assert third.status_code == 401
        assert is_deleted(third)
    assert not is_alive()


def test_without_any_refresh_token_the_answer_is_401_however_many_visitors_ask(api, settings):
    settings.LOGIN_THROTTLE = "1/min"
    for _ in range(3):
        response = post(api, REFRESH)
        assert response.status_code == 401
        assert response["WWW-Authenticate"] == 'Bearer realm="api"'
        assert not response.cookies


def test_a_token_in_the_body_works_as_ever(api):
    pair = api.post("/api/token/", LOGIN).json()
    response = api.post(REFRESH, {"refresh": pair["refresh"]})
    assert set(response.json()) == {"refresh", "access", "expires_in", "refresh_expires_in"}
    assert not response.cookies
    assert api.post(LOGOUT, {"refresh": response.json()["refresh"]}).status_code == 204


@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
@pytest.mark.parametrize("text", ["the same", "", "x", None])
def test_a_cookie_beside_a_token_in_the_body_is_refused_and_nothing_is_lost(api, path, text):
    token = log_in(api).cookies[NAME].value
    before = rotations()
    response = post(api, path, {"refresh": token if text == "the same" else text})
    assert response.status_code == 400
    assert "never both" in response.json()["refresh"][0]
    assert not response.cookies
    assert rotations() == before
    assert is_alive()
    assert post(api, path).status_code in (200, 204)


# --- the origin -----------------------------------------------------------------------------------

FOREIGN = [
    "",
    "null",
    "https://evil.example",
    "http://testserver:81",
    "https://testserver",
    "https://testserver:80",
    "http://testserver/",
    "http://TESTSERVER",
    "http://testserver.evil.example",
    "http://sub.testserver",
    "http://user@testserver",
    "testserver",
    "//testserver",
    f"{OWN}, {OWN}",
    f"{OWN} https://evil.example",
    "http://localhost",
    "http://localhost:5174",
    "https://localhost:5173",
    "*",
]


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
def test_a_page_of_another_origin_cannot_use_the_cookie_and_nothing_is_lost(api, settings, logged, path, origin):
    settings.CORS_ORIGINS = (FRIEND,)
    log_in(api)
    before = rotations()
    response = post(api, path, origin=origin)
    assert response.status_code == 403
    assert response.json()["code"] == "origin_refused"
    assert OWN in response.json()["detail"]
    assert not response.cookies
    assert rotations() == before
    assert is_alive()
    assert logged.words()[-1] == "credential.refused origin"
    assert post(api, path).status_code in (200, 204)


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_page_of_another_origin_logs_nobody_in_with_the_cookie(api, settings, logged, origin):
    settings.CORS_ORIGINS = (FRIEND,)
    response = log_in(api, origin)
    assert (response.status_code, response.json()["code"]) == (403, "origin_refused")
    assert logged.words() == ["login.failed origin"]
    assert not response.cookies
    assert not RefreshFamily.objects.exists()


def test_a_page_of_one_of_cors_origins_is_let_in(api, settings):
    settings.CORS_ORIGINS = ("https://app.example.org", FRIEND)
    for origin in settings.CORS_ORIGINS:
        assert log_in(api, origin).status_code == 200
        assert post(api, REFRESH, origin=origin).status_code == 200
        assert post(api, LOGOUT, origin=origin).status_code == 204


@pytest.mark.parametrize(
    ("host", "scheme", "origin"),
    [
        ("testserver:80", "http", "http://testserver"),
        ("testserver:8000", "http", "http://testserver:8000"),
        ("TestServer", "http", "http://testserver"),
        ("testserver:443", "https", "https://testserver"),
        ("testserver", "https", "https://testserver"),
        ("testserver:80", "https", "https://testserver:80"),
    ],
)
def test_the_services_own_origin_is_that_of_the_address_bar(api, host, scheme, origin):
    body = LOGIN | {"cookie": True}
    place = {"SERVER_NAME": "testserver", "wsgi.url_scheme": scheme}
    response = api.post("/api/token/", body, headers={"Host": host, "Origin": origin}, **place)
    assert response.status_code == 200, response.content


@pytest.mark.parametrize(("written", "status"), [("https", 200), ("http", 403), ("", 403)])
def test_behind_a_proxy_the_scheme_is_the_one_that_the_proxy_writes(api, settings, written, status):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")  # NUM_PROXIES sets it
    headers = {"Host": "testserver", "Origin": "https://testserver", "X-Forwarded-Proto": written}
    assert api.post("/api/token/", LOGIN | {"cookie": True}, headers=headers).status_code == status


def test_a_token_in_the_body_needs_no_origin(api):
    pair = api.post("/api/token/", LOGIN, headers={"Origin": "https://evil.example"}).json()
    assert api.post(REFRESH, {"refresh": pair["refresh"]}, headers={"Origin": "null"}).status_code == 200


# --- the logout -----------------------------------------------------------------------------------


def test_a_logout_ends_the_login_of_the_cookie_and_deletes_it(api):
    access = log_in(api).json()["access"]
    response = post(api, LOGOUT)
    assert response.status_code == 204
    assert is_deleted(response)
    assert not is_alive()
    assert whoami(api, access).status_code == 401
    # The browser sends no cookie any more: nobody is logged in.
    assert post(api, REFRESH).status_code == 401


def test_a_logout_everywhere_works_by_cookie(api, user):
    log_in(api)
    other = api.post("/api/token/", LOGIN).json()
    assert post(api, LOGOUT, {"everywhere": True}).status_code == 204
    api.cookies.clear()
    assert api.post(REFRESH, {"refresh": other["refresh"]}).status_code == 401


def test_a_second_logout_with_the_same_cookie_is_no_error(api):
    token = log_in(api).cookies[NAME].value
    assert post(api, LOGOUT).status_code == 204
    carry(api, token)
    assert is_deleted(post(api, LOGOUT))


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_logout_by_cookie_ends_the_login_of_the_header_too(api, everywhere):
    other = api.post("/api/token/", LOGIN).json()
    third = api.post("/api/token/", LOGIN).json()
    mine = log_in(api).json()
    bearer = f"Bearer {other['access']}"
    assert post(api, LOGOUT, {"everywhere": everywhere}, Authorization=bearer).status_code == 204
    assert [whoami(api, pair["access"]).status_code for pair in (mine, other)] == [401, 401]
    assert whoami(api, third["access"]).status_code == (401 if everywhere else 200)


@pytest.mark.parametrize(
    "header", ["Bearer x.y.z", "Bearer x y", "Bearer", "Token x", "Bearer {ended}", "Bearer {own}"]
)
def test_a_stale_or_foreign_header_stops_no_logout_by_cookie(api, header):
    ended = api.post("/api/token/", LOGIN).json()
    api.post(LOGOUT, {"refresh": ended["refresh"]})
    own = log_in(api).json()["access"]
    header = header.format(ended=ended["access"], own=own)
    assert post(api, LOGOUT, Authorization=header).status_code == 204
    assert whoami(api, own).status_code == 401


def test_a_logout_that_is_refused_ends_the_login_of_the_header_no_more_than_the_cookies(api):
    other = api.post("/api/token/", LOGIN).json()
    log_in(api)
    for origin, body in (("https://evil.example", {}), (OWN, {"refresh": other["refresh"]})):
        assert post(api, LOGOUT, body, origin, Authorization=f"Bearer {other['access']}").status_code in (400, 403)
    assert whoami(api, other["access"]).status_code == 200


def test_a_logout_by_access_token_needs_no_cookie(api):
    access = log_in(api).json()["access"]
    api.cookies.clear()
    response = post(api, LOGOUT, origin="", Authorization=f"Bearer {access}")
    assert response.status_code == 204
    assert not is_alive()


def test_the_challenge_of_a_refused_cookie_does_not_blame_the_header(api):
    carry(api, "junk")
    response = post(api, LOGOUT, Authorization="Bearer x.y.z")
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


# --- refusals that are final, and others ----------------------------------------------------------

JUNK = ["", "x", "x.y.z", '"quoted"', "é", "a" * 4097, "a" * 9000, "null"]


@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
@pytest.mark.parametrize("junk", JUNK)
def test_a_cookie_that_is_no_token_is_refused_and_deleted(api, path, junk):
    response = api.post(path, {}, headers={"Origin": OWN}, HTTP_COOKIE=f"{NAME}={junk}")
    assert response.status_code == 401
    assert response.json()["code"] == "token_not_valid"
    assert is_deleted(response)


def test_an_access_token_in_the_cookie_is_refused_and_deleted(api):
    access = log_in(api).json()["access"]
    carry(api, access)
    for path in (REFRESH, LOGOUT):
        assert is_deleted(post(api, path))
    assert is_alive()


@pytest.mark.parametrize("end", ["logout", "expiry", "password", "unknown"])
def test_the_cookie_of_a_login_that_is_over_is_deleted(api, user, end):
    with at():
        log_in(api)
        if end == "logout":
            models.end(models.LOGOUT, user=user)
        elif end == "password":
            user.set_password("another one entirely")
            user.save()
        elif end == "unknown":
            RefreshFamily.objects.all().delete()
    with at(days=2 if end == "expiry" else 0, seconds=1):
        response = post(api, REFRESH)
    assert response.status_code == 401
    assert is_deleted(response)


@pytest.mark.parametrize("minutes", [-5, -20])
def test_a_clock_that_is_behind_costs_nobody_the_cookie(api, minutes):
    with at():
        parent = log_in(api).cookies[NAME].value
        child = post(api, REFRESH).cookies[NAME].value
    with at(minutes=minutes):
        for token in (parent, child):
            carry(api, token)
            response = post(api, REFRESH)
            assert response.status_code == 401
            assert not response.cookies
    assert is_alive()


def test_a_database_that_is_away_costs_nobody_the_cookie(api, monkeypatch):
    log_in(api)

    def fail(*args, **kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    for path in (REFRESH, LOGOUT):
        with monkeypatch.context() as patch:
            patch.setattr(models, "find_family", fail)
            response = post(api, path)
        assert response.status_code in (500, 503)
        assert not response.cookies
    assert post(api, REFRESH).status_code == 200


def test_too_many_refusals_cost_nobody_the_cookie(api, settings):
    settings.LOGIN_THROTTLE = "1/min"
    carry(api, "junk")
    assert is_deleted(post(api, REFRESH))
    carry(api, "junk")
    response = post(api, REFRESH)
    assert response.status_code == 429
    assert not response.cookies


def test_two_cookies_of_the_name_are_refused_and_nothing_is_lost(api):
    token = log_in(api).cookies[NAME].value
    before = rotations()
    for values in ((token, "tossed"), ("tossed", token), (token, token)):
        header = "; ".join(f"{NAME}={value}" for value in values)
        response = api.post(REFRESH, {}, headers={"Origin": OWN}, HTTP_COOKIE=f"a=b; {header}")
        assert response.status_code == 400
        assert "2 times" in response.json()["refresh"][0]
        assert not response.cookies
    assert rotations() == before
    assert is_alive()
