"""Tabs and pages that share the cookie and act at the same moment, on the real database."""

from datetime import timedelta

import pytest

from jwt_auth.models import RefreshFamily
from tests.support.clients import new_client
from tests.support.cookies import LOGOUT, NAME, OWN, REFRESH, carry, is_deleted, log_in, post
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

TABS = 12


@pytest.fixture
def token(settings, api, user) -> str:
    settings.JWT_REFRESH_COOKIE = True
    settings.JWT_REUSE_GRACE = timedelta(minutes=1)  # longer than any round on a loaded machine
    return log_in(api).cookies[NAME].value


def tab(token: str, path: str = REFRESH, origin: str = OWN):
    """Return a step: a tab that holds this cookie sends one request."""

    def step():
        client = new_client()
        carry(client, token)
        return post(client, path, origin=origin)

    return step


def test_tabs_that_refresh_at_once_all_hold_the_same_child(token):
    responses = at_once(*[tab(token)] * TABS)
    assert [response.status_code for response in responses] == [200] * TABS
    assert len({response.cookies[NAME].value for response in responses}) == 1
    assert RefreshFamily.objects.get().previous_jti
    # Whichever answer a browser reads last, its cookie goes on.
    assert tab(responses[0].cookies[NAME].value)().status_code == 200


def test_a_foreign_page_that_races_the_tabs_changes_nothing_for_them(token):
    steps = [tab(token), tab(token, origin="http://testserver:8001"), tab(token, LOGOUT, "https://evil.example")] * 4
    responses = at_once(*steps)
    assert [response.status_code for response in responses] == [200, 403, 403] * 4
    assert RefreshFamily.objects.get().revoked_at is None


@pytest.mark.parametrize("times", range(3))
def test_a_logout_that_races_refreshes_leaves_no_cookie_that_works(token, times):
    *refreshes, logout = at_once(*[tab(token)] * (TABS - 1), tab(token, LOGOUT))
    assert logout.status_code == 204
    assert is_deleted(logout)
    for response in refreshes:
        assert response.status_code in (200, 401)
        assert response.status_code == 200 or is_deleted(response)
        if response.status_code == 200:
            assert tab(response.cookies[NAME].value)().status_code == 401


def test_of_a_thief_and_the_tabs_nobody_goes_on_after_the_grace(token, settings):
    settings.JWT_REUSE_GRACE = timedelta(microseconds=1)
    responses = at_once(*[tab(token)] * 4)
    # At least one was too late for the grace: the login has ended, and with it every child.
    if any(response.status_code == 401 for response in responses):
        assert RefreshFamily.objects.get().reason == "reuse"
        for response in responses:
            if response.status_code == 200:
                assert tab(response.cookies[NAME].value)().status_code == 401


def test_refreshes_by_cookie_and_by_body_of_one_login_share_one_chain(token):
    def by_body():
        return new_client().post(REFRESH, {"refresh": token})

    responses = at_once(*[tab(token), by_body] * 4)
    assert {response.status_code for response in responses} == {200}
    children = {
        response.cookies[NAME].value if response.cookies else response.json()["refresh"] for response in responses
    }
    assert len(children) == 1
