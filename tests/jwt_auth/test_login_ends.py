"""The end of a login: logouts, the flush, the admin, requests that overtake each other."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.core.management import CommandError, call_command
from django.db import transaction
from django.urls import reverse

from jwt_auth import models
from jwt_auth.models import RefreshFamily
from tests.support.accounts import deactivate
from tests.support.logins import User, at, claims, reason, refresh, verify, whoami


@pytest.mark.parametrize("by", ["refresh token", "access token", "both, the access token stale"])
def test_a_logout_ends_this_login_alone(api, noon, obtain_pair, by):
    pair, other = obtain_pair(), obtain_pair()
    bearer = {"Authorization": f"Bearer {pair['access']}"}
    with at(minutes=10) if "stale" in by else at(minutes=1):
        body = {} if by == "access token" else {"refresh": pair["refresh"]}
        headers = {} if by == "refresh token" else bearer
        assert api.post("/api/token/logout/", body, headers=headers).status_code == 204
        assert refresh(api, pair).status_code == 401
        assert refresh(api, other).status_code == 200
    with at(minutes=1):
        assert whoami(api, pair["access"]).status_code == 401
        assert whoami(api, other["access"]).status_code == 200


def test_a_logout_twice_is_no_error_and_keeps_the_first_end(api, user, obtain_pair):
    pair = obtain_pair()
    assert api.post("/api/token/logout/", {"refresh": pair["refresh"]}).status_code == 204
    ended = RefreshFamily.objects.values().get()
    assert ended["reason"] == "logout"
    assert api.post("/api/token/logout/", {"refresh": pair["refresh"]}).status_code == 204
    deactivate(user)
    assert RefreshFamily.objects.values().get() == ended


def test_a_logout_everywhere_ends_every_login_and_the_opaque_token(api, user, staff, obtain_pair):
    pair, other = obtain_pair(), obtain_pair()
    response = api.post("/api/token/logout/", {"refresh": pair["refresh"], "everywhere": True})
    assert response.status_code == 204
    for dead in (pair, other):
        assert whoami(api, dead["access"]).status_code == 401
    key = {"Authorization": f"Token {user.auth_token.key}"}
    assert api.get("/whoami/", headers=key).status_code == 401
    key = {"Authorization": f"Token {staff.auth_token.key}"}
    assert api.get("/whoami/", headers=key).status_code == 200


def test_the_token_of_an_ended_login_ends_nothing_more(api, obtain_pair):
    dead, living = obtain_pair(), obtain_pair()
    api.post("/api/token/logout/", {"refresh": dead["refresh"]})
    assert api.post("/api/token/logout/", {"refresh": dead["refresh"], "everywhere": True}).status_code == 204
    assert refresh(api, living).status_code == 200


@pytest.mark.parametrize("body", [{}, {"refresh": "x"}, {"refresh": ""}, {"refresh": "x" * 5000}, {"refresh": 7}])
def test_a_logout_without_a_token_of_ours_is_refused(api, db, body):
    assert api.post("/api/token/logout/", body).status_code in (400, 401)


@pytest.mark.parametrize(
    ("header", "body", "challenge"),
    [
        (None, {}, 'Bearer realm="api"'),
        ("Token x", {}, 'Bearer realm="api"'),
        ("Bearer x.y.z", {}, 'Bearer realm="api", error="invalid_token"'),
        ("bearer x y", {}, 'Bearer realm="api", error="invalid_token"'),
        # The view reads the body's token only, so the challenge reports no error of the header.
        ("Bearer x.y.z", {"refresh": "x.y.z"}, 'Bearer realm="api"'),
    ],
)
def test_a_refused_logout_names_the_error_of_a_token_in_the_header(api, db, header, body, challenge):
    response = api.post("/api/token/logout/", body, headers={"Authorization": header} if header else {})
    assert response.status_code == 401
    assert response["WWW-Authenticate"] == challenge


def flush(**options) -> str:
    out = StringIO()
    call_command("flush_refresh_families", stdout=out, **options)
    return out.getvalue()


def test_flush_deletes_what_is_dead_in_batches_and_nothing_that_can_be_used(
    api, noon, obtain_pair, django_assert_num_queries
):
    for _ in range(5):
        obtain_pair()
    with at(hours=20):
        living = obtain_pair()
    with at(days=1, hours=12):
        assert "0 expired logins deleted" in flush()
    # Three batches of one SELECT and one DELETE, an empty SELECT of logins, one of SimpleJWT's
    # spent tokens and one of deleted logins, and the test's savepoint around each batch.
    with at(days=2, minutes=1), django_assert_num_queries(2 * 3 + 3 + 2 * 6):
        assert flush(batch=2) == "5 expired logins deleted\n"
    assert RefreshFamily.objects.count() == 1
    with at(days=1, hours=19):
        assert refresh(api, living).status_code == 200


def test_flush_keeps_a_login_that_refreshing_keeps_alive(api, noon, obtain_pair):
    pair = obtain_pair()
    for day in range(1, 5):
        with at(hours=23 * day):
            pair = refresh(api, pair).json()
            flush()
    with at(hours=23 * 5):
        assert refresh(api, pair).status_code == 200


@pytest.mark.parametrize("batch", [0, -1, 10_001])
def test_flush_names_the_batch_it_cannot_use(db, batch):
    with pytest.raises(CommandError, match=f"--batch {batch}: allowed: 1 to 10000"):
        flush(batch=batch)


def test_the_admin_lists_logins_without_their_tokens_ids_and_ends_them(api, client, staff, obtain_pair):
    pair, other = obtain_pair(), obtain_pair()
    client.force_login(staff)
    page = client.get(reverse("admin:jwt_auth_refreshfamily_changelist")).content.decode()
    sid = claims(pair["access"])["sid"]
    family = RefreshFamily.objects.get(pk=sid)
    change = client.get(reverse("admin:jwt_auth_refreshfamily_change", args=[family.pk])).content.decode()
    assert str(family.pk) in page
    assert family.current_jti not in page + change
    response = client.post(
        reverse("admin:jwt_auth_refreshfamily_changelist"),
        {"action": "end", "_selected_action": [str(family.pk)]},
        follow=True,
    )
    assert "1 ended." in response.content.decode()
    assert whoami(api, pair["access"]).status_code == 401
    assert whoami(api, other["access"]).status_code == 200
    assert RefreshFamily.objects.get(pk=sid).reason == "admin"
    assert LogEntry.objects.count() == 1


def test_the_admin_has_no_page_for_simplejwts_raw_tokens(client, staff):
    client.force_login(staff)
    assert client.get("/admin/token_blacklist/outstandingtoken/").status_code == 404


def test_the_reason_of_an_end_is_kept(user, obtain_pair):
    obtain_pair()
    deactivate(user)
    assert reason() == "deactivation"


def test_a_token_of_another_user_with_this_family_is_refused(api, user, staff, obtain_pair):
    from jwt_auth.tokens import AccessToken

    family = RefreshFamily.objects.get(pk=claims(obtain_pair()["access"])["sid"])
    now = datetime.now(UTC)
    forged = AccessToken.mint(
        sid=family.pk, user_id=staff.pk, jti="a" * 32, issued=now, expires=now + timedelta(minutes=1)
    )
    assert whoami(api, str(forged)).status_code == 401


def test_a_login_is_part_of_no_half_done_transaction(user):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        models.log_in(user)
        raise ZeroDivisionError
    assert not RefreshFamily.objects.exists()


@pytest.fixture
def between_reading_and_swapping(monkeypatch):
    """Call the step once, after the first refresh has read its family and before it swaps."""

    def arrange(step):
        read = models.valid_family

        def read_then_step(token):
            monkeypatch.setattr(models, "valid_family", read)
            family = read(token)
            step()
            return family

        monkeypatch.setattr(models, "valid_family", read_then_step)

    return arrange


def test_a_refresh_that_another_overtakes_gets_the_others_child(api, obtain_pair, between_reading_and_swapping):
    pair = obtain_pair()
    overtaker = []
    between_reading_and_swapping(lambda: overtaker.append(refresh(api, pair).json()))
    overtaken = refresh(api, pair)
    assert overtaken.status_code == 200
    assert overtaken.json()["refresh"] == overtaker[0]["refresh"]
    assert refresh(api, overtaker[0]).status_code == 200


def test_a_refresh_that_a_logout_overtakes_gets_nothing(api, obtain_pair, between_reading_and_swapping):
    pair = obtain_pair()
    between_reading_and_swapping(lambda: api.post("/api/token/logout/", {"refresh": pair["refresh"]}))
    assert refresh(api, pair).status_code == 401
    assert reason() == "logout"


def test_a_user_disabled_behind_the_signals_is_refused_at_every_door(api, user, obtain_pair):
    pair = obtain_pair()
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert whoami(api, pair["access"]).status_code == 401
    assert refresh(api, pair).status_code == 401
    assert verify(api, pair["access"]).status_code == 401
