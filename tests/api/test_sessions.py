"""The admin's sessions: they end with every other credential of their user."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client

from auth_core import revocation
from jwt_auth import models
from tests.support.accounts import PASSWORD


@pytest.fixture
def session(staff):
    """Return a client logged in to the admin, by its form."""
    client = Client()
    assert client.post("/admin/login/", {"username": "grace", "password": PASSWORD}).status_code == 302
    assert is_open(client)
    return client


def is_open(client) -> bool:
    return client.get("/admin/").status_code == 200


def by_refresh_token(api, staff):
    api.post("/api/token/logout/", {"refresh": str(models.log_in(staff).refresh), "everywhere": True})


def by_opaque_token(api, staff):
    header = {"Authorization": f"Token {staff.auth_token.key}"}
    api.post("/api-token-auth/revoke/", {"everywhere": True}, headers=header)


def by_deactivation(api, staff):
    staff.refresh_from_db()
    staff.is_active = False
    staff.save()
    staff.is_active = True  # reactivated, without a session
    staff.save()


@pytest.mark.parametrize("end", [by_refresh_token, by_opaque_token, by_deactivation])
def test_a_session_ends_with_every_other_credential_of_its_user(api, staff, user, session, end):
    bystander = Client()
    bystander.force_login(user)
    end(api, staff)
    assert not is_open(session)
    assert [row.get_decoded()["_auth_user_id"] for row in Session.objects.all()] == [str(user.pk)]


def test_a_session_ends_though_it_has_expired_by_a_clock_that_is_ahead(staff, session):
    with time_machine.travel(Session.objects.get().expire_date + timedelta(hours=1)):
        revocation.revoke_all_credentials(staff.pk, revocation.LOGOUT_EVERYWHERE)
    assert not is_open(session)


def test_whoever_logs_everybody_out_in_the_admin_is_logged_out_too(staff, session):
    action = {"action": "log_out_everywhere", "_selected_action": [staff.pk]}
    assert session.post("/admin/auth/user/", action).status_code == 302
    assert not is_open(session)


def test_no_session_is_read_for_a_user_who_has_none(user, session, monkeypatch):
    def read(session):
        raise AssertionError("read")

    monkeypatch.setattr(Session, "get_decoded", read)
    revocation.revoke_all_credentials(user.pk, revocation.LOGOUT_EVERYWHERE)
