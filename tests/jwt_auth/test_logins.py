"""A login from start to end: obtained, refreshed, reused, verified, ended, expired, flushed."""

from datetime import timedelta

import pytest
from django.db import connection

from jwt_auth import issue, models
from jwt_auth.models import RefreshFamily
from tests.support.accounts import PASSWORD
from tests.support.logins import NOON, User, at, claims, reason, refresh, verify, whoami


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


def test_an_answer_with_tokens_says_in_how_many_seconds_they_expire(api, noon, obtain_pair):
    def seconds(answer):
        return answer["expires_in"], answer["refresh_expires_in"]

    pair = obtain_pair()
    assert list(pair) == ["refresh", "access", "expires_in", "refresh_expires_in"]
    assert seconds(pair) == (5 * 60, 24 * 3600)
    with at(minutes=1):
        assert seconds(refresh(api, pair).json()) == (5 * 60, 24 * 3600)
    with at(minutes=1, seconds=4):
        child = refresh(api, pair).json()  # the parent's grace: the same refresh token, a new access token
        assert seconds(child) == (5 * 60, 24 * 3600 - 4)
        assert claims(child["access"])["exp"] == int((NOON + timedelta(minutes=6, seconds=4)).timestamp())


def test_what_only_the_leeway_admits_expires_in_no_seconds(api, noon, obtain_pair, settings):
    settings.JWT_SESSION_LIFETIME = settings.JWT_REFRESH_LIFETIME
    pair = obtain_pair()
    with at(days=1, seconds=5):
        child = refresh(api, pair).json()
    assert (child["expires_in"], child["refresh_expires_in"]) == (0, 0)


def test_a_client_may_send_the_whole_answer_back(api, obtain_pair):
    assert api.post("/api/token/refresh/", obtain_pair()).status_code == 200


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


# Seconds after the rotation at which the parent is presented, the grace in seconds, whether the
# service accepts it.
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


# Seconds before the rotation, by another machine's clock, at which the parent is presented; the
# status.
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


# Seconds from the token's end, the leeway in seconds, whether the service accepts it.
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
    assert verify(api, parent["refresh"]).status_code == 200  # within the grace a refresh would accept it
    with at(seconds=11):
        assert verify(api, parent["refresh"]).status_code == 401
        assert verify(api, child["refresh"]).status_code == 200
    assert reason() == ""
