"""The life of a login: obtained, refreshed, reused, verified, ended, expired, flushed."""

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse

from jwt_auth import issue, models
from jwt_auth.models import RefreshFamily
from tests.support.accounts import PASSWORD, deactivate
from tests.support.logins import NOON, at, claims, refresh, verify, whoami

User = get_user_model()


@pytest.fixture
def noon(user):
    """The clock stands at NOON, when the user logs in."""
    with at():
        yield


def reason():
    return RefreshFamily.objects.get().reason


def test_a_login_gives_a_pair_of_one_family(api, user, obtain_pair):
    pair = obtain_pair()
    refresh_claims, access_claims = claims(pair["refresh"]), claims(pair["access"])
    family = RefreshFamily.objects.get()
    assert refresh_claims["sid"] == access_claims["sid"] == family.pk.hex
    assert refresh_claims["jti"] == family.current_jti != access_claims["jti"]
    assert refresh_claims["user_id"] == access_claims["user_id"] == str(user.pk)
    assert whoami(api, pair["access"]).json() == {"id": user.pk, "username": "ada", "scheme": "jwt"}


@pytest.mark.parametrize("form", ["json", "multipart"])
def test_the_answer_of_a_login_is_not_to_be_stored(api, user, form):
    response = api.post("/api/token/", {"username": "ada", "password": PASSWORD}, format=form)
    assert response.status_code == 200
    assert response["Cache-Control"] == "no-store"


def test_a_password_may_begin_and_end_with_a_space(api, user):
    user.set_password("  spaces count ")
    user.save()
    login = {"username": "ada", "password": "  spaces count "}
    assert api.post("/api/token/", login).status_code == 200
    assert api.post("/api/token/", {**login, "password": "spaces count"}).status_code == 401


def test_a_wrong_password_and_an_inactive_user_get_no_pair(api, user):
    login = {"username": "ada", "password": PASSWORD}
    assert api.post("/api/token/", {**login, "password": "wrong"}).status_code == 401
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert api.post("/api/token/", login).status_code == 401
    assert not RefreshFamily.objects.exists()


def test_a_password_changed_between_the_check_and_the_pair_gives_none(user):
    checked = User.objects.get(pk=user.pk)
    user.set_password("another one entirely")
    user.save()
    assert models.log_in(checked) is None
    with pytest.raises(ValueError, match=f"user {user.pk} is disabled"):
        issue.jwt(checked)
    assert not RefreshFamily.objects.exists()


def test_a_refresh_gives_a_new_pair_and_no_new_row(api, noon, obtain_pair):
    pair = obtain_pair()
    with at(minutes=1):
        response = refresh(api, pair)
        assert response.status_code == 200
        assert response["Cache-Control"] == "no-store"
        child = response.json()
        assert claims(child["refresh"])["jti"] != claims(pair["refresh"])["jti"]
        assert claims(child["refresh"])["iat"] == int((NOON + timedelta(minutes=1)).timestamp())
        assert whoami(api, child["access"]).status_code == 200
        assert refresh(api, child).status_code == 200
    assert RefreshFamily.objects.count() == 1


def test_a_refresh_takes_three_statements_at_the_most(api, obtain_pair, django_assert_max_num_queries):
    pair = obtain_pair()
    with django_assert_max_num_queries(3):
        assert refresh(api, pair).status_code == 200


def test_a_login_takes_four_statements_at_the_most(api, user, django_assert_max_num_queries):
    # The test's own transaction turns BEGIN and COMMIT into two savepoints.
    with django_assert_max_num_queries(4 + 2):
        api.post("/api/token/", {"username": "ada", "password": PASSWORD})


def test_an_access_token_costs_one_query(api, obtain_pair, django_assert_num_queries):
    access = obtain_pair()["access"]
    with django_assert_num_queries(1):
        assert whoami(api, access).status_code == 200


def test_the_access_token_before_a_refresh_works_until_it_expires(api, noon, obtain_pair):
    pair = obtain_pair()
    with at(minutes=1):
        refresh(api, pair)
        assert whoami(api, pair["access"]).status_code == 200


# Seconds after the rotation at which the parent is presented, the grace in seconds, whether it is answered.
GRACE = [(0, 10, True), (9, 10, True), (10, 10, False), (11, 10, False), (0, 0, False), (59, 60, True)]


@pytest.mark.parametrize(("after", "grace", "answered"), GRACE)
def test_the_immediate_parent_is_answered_with_the_same_child_within_the_grace(
    api, noon, obtain_pair, settings, after, grace, answered
):
    settings.JWT_REUSE_GRACE = timedelta(seconds=grace)
    parent = obtain_pair()
    with at(minutes=1):
        child = refresh(api, parent).json()
    with at(minutes=1, seconds=after):
        response = refresh(api, parent)
        if answered:
            assert response.status_code == 200
            assert response.json()["refresh"] == child["refresh"]
            assert whoami(api, response.json()["access"]).status_code == 200
            assert reason() == ""
        else:
            assert response.status_code == 401
            assert reason() == "reuse"
        assert refresh(api, child).status_code == (200 if answered else 401)
        assert whoami(api, child["access"]).status_code == (200 if answered else 401)


def test_a_grandparent_ends_the_login_even_within_the_grace(api, noon, obtain_pair):
    first = obtain_pair()
    second = refresh(api, first).json()
    third = refresh(api, second).json()
    assert refresh(api, first).status_code == 401
    assert reason() == "reuse"
    for dead in (second, third):
        assert refresh(api, dead).status_code == 401
        assert whoami(api, dead["access"]).status_code == 401


def test_a_clock_that_is_set_back_honours_neither_a_spent_parent_nor_its_child_and_ends_nothing(api, noon, obtain_pair):
    parent = obtain_pair()
    with at(hours=1):
        child = refresh(api, parent).json()
    with at(minutes=1):
        for spent in (parent, child):
            assert refresh(api, spent).status_code == 401
            assert verify(api, spent["refresh"]).status_code == 401
        assert reason() == ""
    with at(hours=1, seconds=9):
        assert refresh(api, parent).json()["refresh"] == child["refresh"]
        assert refresh(api, child).status_code == 200


def test_a_clock_that_is_set_back_forgives_no_parent_at_grace_0_and_no_grandparent(api, noon, obtain_pair, settings):
    for grace, refreshes in ((0, 1), (10, 2)):
        settings.JWT_REUSE_GRACE = timedelta(seconds=grace)
        first = last = obtain_pair()
        with at(hours=1):
            for _ in range(refreshes):
                last = refresh(api, last).json()
        with at(minutes=1):
            assert refresh(api, first).status_code == 401
        assert reason() == "reuse"
        RefreshFamily.objects.all().delete()


# Seconds before the rotation, by another machine's clock, at which the parent is presented; the answer.
BEHIND = [(1, 200), (10, 200), (11, 401)]


@pytest.mark.parametrize(("behind", "status"), BEHIND)
def test_a_machine_whose_clock_is_behind_repeats_the_child_within_the_leeway(
    api, noon, obtain_pair, settings, behind, status
):
    assert timedelta(seconds=10) == settings.JWT_LEEWAY
    parent = obtain_pair()
    with at(minutes=1):
        child = refresh(api, parent).json()
    with at(minutes=1, seconds=-behind):
        assert refresh(api, parent).status_code == status
        assert refresh(api, child).status_code == status


@pytest.mark.django_db(transaction=True)
def test_the_end_by_reuse_is_committed_though_the_answer_is_401(api, user, obtain_pair, settings, monkeypatch):
    settings.JWT_REUSE_GRACE = timedelta(0)
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    parent = obtain_pair()
    child = refresh(api, parent).json()
    assert refresh(api, parent).status_code == 401
    assert reason() == "reuse"
    assert refresh(api, child).status_code == 401


def test_another_login_of_the_same_user_survives_a_reuse(api, noon, obtain_pair, settings):
    settings.JWT_REUSE_GRACE = timedelta(0)
    one, other = obtain_pair(), obtain_pair()
    refresh(api, one)
    refresh(api, one)
    assert whoami(api, one["access"]).status_code == 401
    assert refresh(api, other).status_code == 200


def test_nothing_extends_a_login_beyond_its_absolute_end(api, noon, obtain_pair, settings):
    settings.JWT_SESSION_LIFETIME = timedelta(hours=30)
    settings.JWT_LEEWAY = timedelta(0)
    pair = obtain_pair()
    end = int((NOON + timedelta(hours=30)).timestamp())
    assert claims(pair["refresh"])["exp"] == int((NOON + timedelta(days=1)).timestamp())
    with at(hours=23):
        pair = refresh(api, pair).json()
        assert claims(pair["refresh"])["exp"] == end
    with at(hours=29, minutes=58):
        pair = refresh(api, pair).json()
        assert claims(pair["refresh"])["exp"] == claims(pair["access"])["exp"] == end
    with at(hours=30):
        assert refresh(api, pair).status_code == 401
        assert whoami(api, pair["access"]).status_code == 401


# Seconds from the token's end, the leeway in seconds, whether it is honoured.
LEEWAY = [(-1, 0, True), (0, 0, False), (9, 10, True), (10, 10, False)]


@pytest.mark.parametrize(("past", "leeway", "honoured"), LEEWAY)
def test_an_expired_token_is_honoured_within_the_leeway_only(api, noon, obtain_pair, settings, past, leeway, honoured):
    settings.JWT_LEEWAY = timedelta(seconds=leeway)
    pair = obtain_pair()
    with at(minutes=5, seconds=past):
        assert whoami(api, pair["access"]).status_code == (200 if honoured else 401)
    with at(days=1, seconds=past):
        assert refresh(api, pair).status_code == (200 if honoured else 401)


def test_a_clock_that_is_behind_the_issuers_is_forgiven_within_the_leeway(api, noon, obtain_pair):
    access = obtain_pair()["access"]
    with at(seconds=-9):
        assert whoami(api, access).status_code == 200
    with at(seconds=-11):
        assert whoami(api, access).status_code == 401


def test_each_kind_of_token_opens_its_own_door_only(api, obtain_pair):
    pair = obtain_pair()
    assert whoami(api, pair["refresh"]).status_code == 401
    assert api.post("/api/token/refresh/", {"refresh": pair["access"]}).status_code == 401
    assert refresh(api, pair).status_code == 200


def test_verify_says_which_kind_it_accepted_and_changes_nothing(api, obtain_pair):
    pair = obtain_pair()
    before = RefreshFamily.objects.values().get()
    for kind in ("access", "refresh"):
        response = verify(api, pair[kind])
        assert response.status_code == 200
        assert response.json() == {"token_type": kind}
    assert RefreshFamily.objects.values().get() == before


def test_verify_refuses_a_spent_refresh_token_without_ending_the_login(api, noon, obtain_pair):
    parent = obtain_pair()
    child = refresh(api, parent).json()
    assert verify(api, parent["refresh"]).status_code == 200  # within the grace it would be answered
    with at(seconds=11):
        assert verify(api, parent["refresh"]).status_code == 401
        assert verify(api, child["refresh"]).status_code == 200
    assert reason() == ""


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
        # Not the header's, which nobody looked at.
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
    # Three batches of reading and deleting, one reading of nothing, and the test's savepoint around each.
    with at(days=2, minutes=1), django_assert_num_queries(2 * 3 + 1 + 2 * 4):
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
    """Calls the step once, after the first refresh has read its family and before it swaps."""

    def arrange(step):
        read = models.living_family

        def read_then_step(token):
            monkeypatch.setattr(models, "living_family", read)
            family = read(token)
            step()
            return family

        monkeypatch.setattr(models, "living_family", read_then_step)

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
