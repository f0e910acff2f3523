"""A project's own subclasses of our classes: their keyword, and their name in events."""

import pytest
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.urls import include, path
from django.utils.module_loading import import_string

from config.schemes import SCHEMES
from config.views import WhoAmIView
from jwt_auth.views import ObtainPairView
from tests.support.accounts import PASSWORD
from tests.support.events import OURS
from tokens.views import ObtainTokenView

pytestmark = pytest.mark.django_db(transaction=True)  # events are logged on commit

LOGIN = {"username": "ada", "password": PASSWORD}
LOGINS = {"token": (ObtainTokenView, 400), "jwt": (ObtainPairView, 401)}  # with the status of a wrong password


@pytest.fixture(params=OURS)
def mine(request, settings):
    """Enable a class derived from a row's, and the endpoints of that row."""
    row = SCHEMES[request.param]
    dotted = f"tests.support.own_classes.{row.name}"
    cls = import_string(dotted)
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_AUTHENTICATION_CLASSES": [dotted]}
    settings.ROOT_URLCONF = type(
        "urls",
        (),
        {
            "urlpatterns": [
                path("whoami/", WhoAmIView.as_view(authentication_classes=[cls])),
                path("login/", LOGINS[cls.kind][0].as_view(), name="sign-in"),
                path("", include(row.urlconf)),
            ]
        },
    )
    return row


def obtain(api, row) -> str:
    answer = api.post("/api-token-auth/" if row.keyword == "Token" else "/api/token/", LOGIN).json()
    return answer.get("token") or answer["access"]


def test_the_endpoints_take_the_keyword_of_the_enabled_class(api, user, mine):
    headers = {"Authorization": f"Mine {obtain(api, mine)}"}
    assert api.get("/whoami/", headers=headers).json()["scheme"] == "mine"
    if mine.keyword == "Token":
        refused = api.post("/api-token-auth/new/", headers={"Authorization": "Token x"})
        assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Mine realm="api"')
        key = api.post("/api-token-auth/new/", headers=headers).json()["token"]
        assert api.post("/api-token-auth/revoke/", headers={"Authorization": f"Mine {key}"}).status_code == 204
    else:
        refused = api.get("/api/token/sessions/", headers={"Authorization": "Bearer x"})
        assert (refused.status_code, refused["WWW-Authenticate"]) == (401, 'Mine realm="api"')
        (login,) = api.get("/api/token/sessions/", headers=headers).json()
        assert api.delete(f"/api/token/sessions/{login['id']}/", headers=headers).status_code == 204


def test_events_name_the_scheme_of_the_subclass(api, user, mine, logged):
    obtain(api, mine)
    user.set_password("another horse")
    user.save()
    assert api.post("/whoami/", headers={"Authorization": "Mine x"}).status_code == 401
    schemes = {event["event"]: event.get("scheme") for event in logged.events}
    assert schemes == {"login.succeeded": "mine", "credentials.ended": None, "credential.refused": "mine"}


def test_a_login_under_another_name_of_its_route_is_one_event(api, user, mine, logged):
    _, status = LOGINS[import_string(mine.authentication).kind]
    assert api.post("/login/", {**LOGIN, "password": "wrong"}).status_code == status
    assert [(event["event"], event["scheme"]) for event in logged.events] == [("login.failed", "mine")]
    assert api.post("/login/", LOGIN).status_code == 200
    assert get_user_model().objects.get().pk == user.pk


def test_the_admins_own_login_is_logged_as_a_session(client, user, settings, logged):
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("admin/", admin.site.urls)]})
    client.post("/admin/login/", {**LOGIN, "password": "wrong"})
    assert [(event["event"], event["scheme"]) for event in logged.events] == [("login.failed", "session")]
