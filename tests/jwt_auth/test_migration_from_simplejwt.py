"""A service that leaves the stock row for `jwt` until a date, and one that goes back."""

from datetime import date, timedelta

import pytest
from rest_framework_simplejwt import serializers as stock_serializers

from jwt_auth.models import RefreshFamily
from tests.support.accounts import PASSWORD, change_password
from tests.support.logins import at, claims, refresh, verify
from tests.support.stock_tokens import log_out

LOGIN = {"username": "ada", "password": PASSWORD}
OURS = pytest.mark.parametrize("name", ["jwt", "jwt-pushed", "jwt-stateless"])


def log_in(door) -> dict[str, str]:
    answer = door.client.post("/api/token/", LOGIN)
    assert answer.status_code == 200, answer.content
    return answer.json()


@pytest.fixture
def switch(door_to, settings, user):
    """Return switch("jwt"), which opens that row's doors, as a restart with this switch does."""

    def switch(name: str, until: date | None = date(2031, 1, 1)):
        settings.JWT_ACCEPT_STOCK_UNTIL = until
        return door_to(name)

    with at():
        yield switch


@OURS
@pytest.mark.parametrize("stock", ["simplejwt", "simplejwt-stateless"])
def test_a_client_goes_on_and_gets_a_login_of_ours_by_its_next_refresh(switch, user, stock, name):
    pair = log_in(switch(stock))
    door = switch(name)
    assert door.get("/whoami/", pair["access"]).json() == {
        "id": user.pk,
        "username": "ada" if name == "jwt" else "",
        "scheme": name,
    }
    child = refresh(door.client, pair).json()
    assert claims(child["refresh"])["user_id"] == claims(pair["refresh"])["user_id"]
    for _ in range(3):
        assert door.get("/whoami/", child["access"]).status_code == 200
        child = refresh(door.client, child).json()
    with at(seconds=10):
        assert refresh(door.client, pair).status_code == 401
        assert refresh(door.client, child).status_code == 401
    assert RefreshFamily.objects.get().reason == "reuse"


@OURS
def test_a_client_logs_out(switch, name):
    pair = log_in(switch("simplejwt"))
    door = switch(name)
    assert log_out(door.client, {"refresh": pair["refresh"]}).status_code == 204
    assert refresh(door.client, pair).status_code == 401
    # It is spent for the stock row, too, should the service go back.
    assert refresh(switch("simplejwt").client, pair).status_code == 401


@OURS
def test_a_client_changes_its_password(switch, user, name):
    pair = log_in(switch("simplejwt"))
    door = switch(name)
    with at(seconds=5):
        change_password(user)
        assert refresh(door.client, pair).status_code == verify(door.client, pair["access"]).status_code == 401
        # Without a query only the expiry ends it, as it ends a token of ours.
        assert door.get("/whoami/", pair["access"]).status_code == (200 if name == "jwt-stateless" else 401)


@OURS
def test_after_the_date_the_switch_can_go_and_nobody_notices(switch, name):
    pair = log_in(switch("simplejwt"))
    child = refresh(switch(name).client, pair).json()
    with at(minutes=4):
        door = switch(name, until=None)
        assert door.get("/whoami/", child["access"]).status_code == 200
        assert refresh(door.client, child).status_code == 200
        assert refresh(door.client, pair).status_code == 401


@OURS
@pytest.mark.parametrize("is_rotating", [True, False])
def test_on_the_way_back_no_client_logs_in_again_either(switch, monkeypatch, name, is_rotating):
    for setting in ("ROTATE_REFRESH_TOKENS", "BLACKLIST_AFTER_ROTATION"):
        monkeypatch.setattr(stock_serializers.api_settings, setting, is_rotating)
    pair = log_in(switch("simplejwt"))
    door = switch(name)
    moved, new = refresh(door.client, pair).json(), log_in(door)
    door = switch("simplejwt", until=None)
    for each in (moved, new):
        assert door.get("/whoami/", each["access"]).status_code == 200
        answer = refresh(door.client, each)
        assert answer.status_code == 200
        assert door.get("/whoami/", answer.json()["access"]).status_code == 200
    assert refresh(door.client, pair).status_code == 401  # spent


def test_a_token_that_was_rotated_by_the_stock_row_stays_spent(switch):
    door = switch("simplejwt")
    pair = log_in(door)
    child = refresh(door.client, pair).json()
    door = switch("jwt")
    assert refresh(door.client, pair).status_code == 401
    assert refresh(door.client, child).status_code == 200


@OURS
def test_a_new_signing_key_beside_the_old_one_of_simplejwt_keeps_its_tokens(switch, settings, name):
    pair = log_in(switch("simplejwt"))
    settings.JWT_SIGNING_KEY = "a new secret that is long enough"
    door = switch(name)
    assert door.get("/whoami/", pair["access"]).status_code == 200
    child = refresh(door.client, pair).json()
    assert door.get("/whoami/", child["access"]).status_code == 200
    settings.JWT_REUSE_GRACE = timedelta(0)
    assert refresh(door.client, pair).status_code == 401
