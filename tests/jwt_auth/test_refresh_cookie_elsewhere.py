"""JWT_REFRESH_COOKIE at the doors that read no cookie, in each row, and in the system checks."""

from datetime import timedelta
from types import ModuleType

import pytest
from django.core.checks import run_checks
from django.urls import path

from jwt_auth import views
from jwt_auth.models import RefreshFamily
from tests.support.accounts import PASSWORD
from tests.support.cookies import LOGOUT, OWN, REFRESH, log_in, post

LOGIN = {"username": "ada", "password": PASSWORD}


@pytest.fixture(autouse=True)
def _on(settings, user):
    settings.JWT_REFRESH_COOKIE = True


def test_no_other_door_reads_the_cookie(api):
    log_in(api)
    before = RefreshFamily.objects.values().get()
    assert post(api, "/api/token/verify/").status_code == 400
    for url in ("/api/token/sessions/", "/whoami/", "/tracks/?ordering=x"):
        assert api.get(url, headers={"Origin": OWN}).status_code == 401
    assert api.delete(f"/api/token/sessions/{RefreshFamily.objects.get().pk}/").status_code == 401
    assert RefreshFamily.objects.values().get() == before


@pytest.mark.parametrize("name", ["simplejwt", "drf-token", "token", "token-hashed"])
def test_the_logins_of_other_rows_ignore_the_wish(door_to, name):
    url = "/api/token/" if name == "simplejwt" else "/api-token-auth/"
    response = door_to(name).client.post(url, LOGIN | {"cookie": True})
    assert response.status_code == 200
    assert not response.cookies


@pytest.mark.parametrize("name", ["jwt", "jwt-stateless", "jwt-pushed"])
def test_each_row_of_ours_takes_the_cookie(door_to, name):
    api = door_to(name).client
    assert log_in(api).status_code == 200
    assert post(api, REFRESH).status_code == 200
    assert post(api, LOGOUT).status_code == 204


def test_a_list_of_logins_names_the_one_of_the_cookie(api):
    access = log_in(api, label="browser").json()["access"]
    (session,) = api.get("/api/token/sessions/", headers={"Authorization": f"Bearer {access}"}).json()
    assert (session["label"], session["current"]) == ("browser", True)


def test_grace_0_is_an_error(settings):
    assert "jwt_auth.E015" not in {each.id for each in run_checks()}
    settings.JWT_REUSE_GRACE = timedelta(0)
    assert "jwt_auth.E015" in {each.id for each in run_checks()}


def named(views) -> list:
    return [path(route, view.as_view(), name=name) for name, (route, view) in views.items()]


LOGIN_ELSEWHERE = {"jwt-obtain": ("login/", views.ObtainPairView)}
BELOW = {"jwt-refresh": ("login/refresh/", views.RefreshView), "jwt-logout": ("login/out/", views.LogoutView)}


@pytest.mark.parametrize(
    ("urls", "number"),
    [
        (LOGIN_ELSEWHERE | BELOW, 0),
        (LOGIN_ELSEWHERE | BELOW | {"jwt-refresh": ("refresh/", views.RefreshView)}, 1),
        (BELOW, 1),
        (LOGIN_ELSEWHERE, 1),
    ],
)
def test_a_cookie_that_no_browser_would_send_is_an_error(settings, urls, number):
    urlconf = ModuleType("urls of a host project")
    urlconf.urlpatterns = named(urls)
    settings.ROOT_URLCONF = urlconf
    found = run_checks(app_configs=[])
    assert [each.id for each in found].count("jwt_auth.E016") == number
    settings.JWT_REFRESH_COOKIE = False
    assert "jwt_auth.E016" not in {each.id for each in run_checks(app_configs=[])}


def test_no_log_shows_the_cookie(api, caplog):
    caplog.set_level(0)
    secrets = [log_in(api).cookies["refresh_token"].value]
    secrets.append(post(api, REFRESH).cookies["refresh_token"].value)
    assert post(api, REFRESH, origin="https://evil.example").status_code == 403
    assert post(api, REFRESH, {"refresh": secrets[-1]}).status_code == 400
    assert post(api, LOGOUT).status_code == 204
    assert "Forbidden: /api/token/refresh/" in caplog.text
    for secret in secrets:
        assert secret.rpartition(".")[2] not in caplog.text


@pytest.mark.parametrize("is_on", [True, False])
def test_the_document_says_what_is_optional_with_the_switch(api, settings, is_on):
    settings.JWT_REFRESH_COOKIE = is_on
    document = api.get("/schema/", {"format": "json"}).json()
    schemas = document["components"]["schemas"]
    answers, body = schemas["Pair"]["required"], schemas["RefreshRequest"].get("required", [])
    assert ("refresh" in answers, "refresh" in body) == (not is_on, not is_on)
    assert {"access", "expires_in", "refresh_expires_in"} <= set(answers)
    assert schemas["ObtainPairRequest"]["properties"].get("cookie", {}).get("type") == ("boolean" if is_on else None)
    for url in ("/api/token/", REFRESH, LOGOUT):
        has_403 = "403" in document["paths"][url]["post"]["responses"]
        assert has_403 or not is_on
