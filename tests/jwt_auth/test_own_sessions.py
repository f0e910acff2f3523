"""A user's own logins: listed, labelled and ended one by one."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from jwt_auth import models
from jwt_auth.models import RefreshFamily
from jwt_auth.views import SessionListView
from tests.support.accounts import ENDINGS, PASSWORD
from tests.support.logins import NOON, at, claims, refresh, whoami
from tests.support.stock_tokens import stock_pair

LOGIN = {"username": "ada", "password": PASSWORD}


def header(pair) -> dict:
    return {"Authorization": f"Bearer {pair['access']}"}


def log_in(api, **fields) -> dict:
    response = api.post("/api/token/", LOGIN | fields)
    assert response.status_code == 200, response.content
    return response.json()


def own(api, pair) -> list[dict]:
    response = api.get("/api/token/sessions/", headers=header(pair))
    assert response.status_code == 200, response.content
    return response.json()


def sid(pair) -> str:
    """Return the id of the pair's login as the list has it."""
    return str(UUID(claims(pair["refresh"])["sid"]))


def end(api, pair, pk) -> int:
    return api.delete(f"/api/token/sessions/{pk}/", headers=header(pair)).status_code


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize("name", ["jwt", "jwt-pushed", "jwt-stateless"])
def test_a_list_of_ones_own_logins_has_the_newest_first_and_says_which_is_this_one(door_to, user, staff, noon, name):
    api = door_to(name).client
    phone = log_in(api, label="phone")
    models.log_in(staff)
    with at(minutes=1):
        laptop = log_in(api, label="laptop")
        phone = refresh(api, phone).json()
        listed = own(api, phone)
        assert [(each["id"], each["label"], each["current"]) for each in listed] == [
            (sid(laptop), "laptop", False),
            (sid(phone), "phone", True),
        ]
        assert [list(each) for each in listed] == [
            ["id", "label", "created", "last_refreshed", "expires", "current"]
        ] * 2
        times = [moment(listed[1][name]) for name in ("created", "last_refreshed", "expires")]
        assert times == [NOON, NOON + timedelta(minutes=1), NOON + timedelta(days=1, minutes=1)]
        assert [each["current"] for each in own(api, laptop)] == [True, False]


def test_a_login_without_a_label_has_an_empty_one_and_a_refresh_keeps_a_label(api, user):
    assert own(api, log_in(api))[0]["label"] == ""
    pair = log_in(api, label="  phone ")
    assert own(api, refresh(api, pair).json())[0]["label"] == "phone"


@pytest.mark.parametrize("label", ["x" * 65, 5, None, True, ["phone"], {"a": 1}, "a\0b"], ids=ascii)
def test_a_label_is_a_text_of_64_characters_at_the_most(api, user, label):
    response = api.post("/api/token/", LOGIN | {"label": label})
    assert response.status_code == 400
    assert list(response.json()) == ["label"]
    assert not RefreshFamily.objects.exists()


def test_a_login_ends_by_its_id_and_the_others_go_on(api, user):
    one, two, three = log_in(api), log_in(api), log_in(api)
    assert end(api, one, sid(two)) == 204
    assert [whoami(api, pair["access"]).status_code for pair in (one, two, three)] == [200, 401, 200]
    assert refresh(api, two).status_code == 401
    assert [each["id"] for each in own(api, one)] == [sid(three), sid(one)]
    assert RefreshFamily.objects.get(pk=sid(two)).reason == models.LOGOUT


def test_the_presented_login_may_be_the_one_that_ends(api, user):
    pair = log_in(api)
    assert end(api, pair, sid(pair)) == 204
    assert end(api, pair, sid(pair)) == 401
    assert api.get("/api/token/sessions/", headers=header(pair)).status_code == 401


def test_a_stateless_row_ends_the_refresh_token_at_once_and_reads_its_own_logins_from_the_table(door_to, user):
    api = door_to("jwt-stateless").client
    pair = log_in(api)
    assert end(api, pair, sid(pair)) == 204
    assert whoami(api, pair["access"]).status_code == 200  # until it expires, as this row promises
    assert refresh(api, pair).status_code == 401
    assert api.get("/api/token/sessions/", headers=header(pair)).status_code == 401


MALFORMED = ["0", "x", "-1", "%00", "a" * 5000, "None", "{sid}0", "../verify", "%F0%9F%92%A9", "' OR 1=1"]


@pytest.mark.parametrize("pk", MALFORMED, ids=lambda pk: ascii(pk)[:20])
def test_an_id_that_is_none_is_not_found(api, user, pk):
    pair = log_in(api)
    response = api.delete(f"/api/token/sessions/{pk.format(sid=sid(pair))}/", headers=header(pair))
    assert (response.status_code, response["Content-Type"]) == (404, "application/json")
    assert len(own(api, pair)) == 1


def test_a_login_of_another_user_an_ended_an_expired_and_an_unknown_one_are_not_found(api, user, staff, noon):
    others, expired = models.log_in(staff).refresh.sid, log_in(api)
    with at(days=1, seconds=10):  # the leeway ends
        ended, pair = log_in(api), log_in(api)
        assert end(api, pair, sid(ended)) == 204
        answers = [
            api.delete(f"/api/token/sessions/{pk}/", headers=header(pair))
            for pk in (others, sid(ended), sid(expired), uuid4())
        ]
        assert [answer.status_code for answer in answers] == [404] * 4
        assert len({answer.content for answer in answers}) == 1  # nobody learns which of them exists
        assert [each["id"] for each in own(api, pair)] == [sid(pair)]
    assert RefreshFamily.objects.get(pk=others).revoked_at is None


def test_a_login_is_listed_as_long_as_its_refresh_token_is_accepted(api, user, noon):
    pair = log_in(api)
    with at(days=1, seconds=9):
        assert sid(pair) in {each["id"] for each in own(api, log_in(api))}
        assert refresh(api, pair).status_code == 200


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_all_credentials_leaves_nothing_in_the_list(api, user, ending):
    log_in(api)
    ending(user)
    assert not models.living().filter(user=user.pk).exists()


def test_an_access_token_of_simplejwt_names_no_login_and_lists_them_all_the_same(api, user, settings):
    settings.JWT_ACCEPT_STOCK_UNTIL = date.max
    pair, stock = log_in(api), stock_pair(user)
    assert [(each["id"], each["current"]) for each in own(api, stock)] == [(sid(pair), False)]
    assert end(api, stock, sid(pair)) == 204
    assert own(api, stock) == []


def test_a_list_has_at_most_so_many_and_older_ones_follow_as_these_end(api, user, monkeypatch):
    monkeypatch.setattr(SessionListView, "most", 2)
    first, second, third = log_in(api, label="1"), log_in(api, label="2"), log_in(api, label="3")
    assert [each["label"] for each in own(api, first)] == ["3", "2"]
    assert end(api, first, sid(third)) == 204
    assert [each["label"] for each in own(api, first)] == ["2", "1"]
    assert end(api, second, sid(first)) == 204


def test_a_list_takes_two_statements_and_an_end_three(api, user, django_assert_num_queries):
    one, two = log_in(api), log_in(api)
    with django_assert_num_queries(2):
        own(api, one)
    with django_assert_num_queries(3):
        end(api, one, sid(two))


@pytest.mark.parametrize(("method", "path"), [("get", ""), ("delete", "{sid}/")])
def test_every_answer_says_no_store_and_a_refusal_challenges_for_bearer(api, user, method, path):
    pair = log_in(api)
    path = f"/api/token/sessions/{path.format(sid=sid(pair))}"
    for credential, error in (
        (None, ""),
        ("garbage", ', error="invalid_token"'),
        (pair["refresh"], ', error="invalid_token"'),
    ):
        headers = {"Authorization": f"Bearer {credential}"} if credential else {}
        refused = getattr(api, method)(path, headers=headers)
        assert refused.status_code == 401
        assert refused["WWW-Authenticate"] == f'Bearer realm="api"{error}'
        assert refused["Cache-Control"] == "no-store"
    assert getattr(api, method)(path, headers=header(pair))["Cache-Control"] == "no-store"


def test_a_name_that_nobody_reads_ends_nothing(api, user):
    pair = log_in(api)
    response = api.delete(f"/api/token/sessions/{sid(pair)}/", {"everywhere": True}, headers=header(pair))
    assert response.status_code == 400
    assert "everywhere" in response.json()
    assert whoami(api, pair["access"]).status_code == 200
