"""Tokens kept as a digest only: form, lifetime, who may see what, and moving DRF's tokens in."""

import re

import pytest
from rest_framework.test import APIClient

from tests.support import servers
from tests.support.accounts import ENDINGS
from tests.support.hashed import LOGIN, User, delete, header, obtain, own, rotate, whoami
from tokens import hashed, issue, wire
from tokens.models import HashedToken


@pytest.fixture
def api(door_to) -> APIClient:
    """Return a client of the URLs as they are with AUTH_SCHEMES=token-hashed."""
    return door_to("token-hashed").client


# --- the form -------------------------------------------------------------------------------------


def test_a_token_has_160_random_bits_and_more_without_the_characters_that_are_kept():
    assert len(wire.ALPHABET) == len(set(wire.ALPHABET)) == 62
    # The database stores the last four characters, which reveal that much of the checksum.
    assert 62**32 // 62**4 > 2**160
    made = {wire.new() for _ in range(1000)}
    assert len(made) == 1000
    assert {character for token in made for character in token.split("_")[1]} == set(wire.ALPHABET)


def test_a_scanner_finds_a_token_by_the_published_expression():
    published = re.search(r"`(trk_\[[^`]+)`", (servers.ROOT / "docs/how-to/migrate-from-drf-tokens.md").read_text())[1]
    assert published == wire.PATTERN
    token = wire.new()
    assert re.findall(published, f"export TOKEN={token}; curl -H 'Authorization: Token {token}'") == [token, token]


def test_no_token_with_one_character_changed_is_possible():
    token = wire.new()
    assert wire.is_well_formed(token)
    for position, character in enumerate(token):
        for other in ("a", "b", "_", "é", "\x00", ""):
            assert other == character or not wire.is_well_formed(token[:position] + other + token[position + 1 :])


MALFORMED = ["x", "trk_", "trk__", "TRK_" + "0" * 32 + "_000000", "trk_" + "0" * 39, "a" * 39, "A" * 40, "trk_" * 12]


@pytest.mark.parametrize("key", MALFORMED)
def test_what_cannot_be_a_token_is_refused_without_a_query(api, db, django_assert_num_queries, key):
    with django_assert_num_queries(0):
        assert whoami(api, key) == 401


def test_a_token_with_a_wrong_checksum_is_refused_without_a_query(api, user, django_assert_num_queries):
    key = obtain(api)
    with django_assert_num_queries(0):
        assert whoami(api, key[:-1] + ("a" if key[-1] != "a" else "b")) == 401


def test_a_well_formed_token_that_nobody_was_given_is_refused(api, user, django_assert_num_queries):
    obtain(api)
    with django_assert_num_queries(1):
        assert whoami(api, wire.new()) == 401


# --- obtain, list, rotate, revoke -----------------------------------------------------------------


def test_each_login_gets_a_token_of_its_own_with_its_label(api, user):
    phone, laptop = obtain(api, label="phone"), obtain(api)
    assert phone != laptop
    assert whoami(api, phone) == whoami(api, laptop) == 200
    newest, oldest = own(api, phone)
    assert set(newest) == {"id", "label", "scope", "last_four", "created", "last_used", "expires"}
    assert (newest["label"], newest["last_four"], newest["expires"]) == ("", laptop[-4:], None)
    assert (oldest["label"], oldest["last_four"]) == ("phone", phone[-4:])


@pytest.mark.parametrize("label", ["x" * 65, "a\x00b", {}, [], 5, 1.5, True])
def test_a_label_that_is_none_is_a_bad_request(api, user, label):
    response = api.post("/api-token-auth/", LOGIN | {"label": label})
    assert (response.status_code, list(response.json())) == (400, ["label"])
    assert not HashedToken.objects.exists()


def test_only_the_digest_is_kept(api, user):
    key = obtain(api)
    token = HashedToken.objects.get()
    assert bytes(token.digest) == wire.digest(key)
    assert key not in repr(vars(token))


def test_a_user_deletes_a_token_by_its_id_and_nobody_elses(api, user, staff):
    lost, kept, others = obtain(api), obtain(api), issue.hashed_token(staff)
    ids = {each["last_four"]: each["id"] for each in own(api, kept)}
    assert delete(api, kept, own(api, others)[0]["id"]) == 404
    assert delete(api, kept, ids[lost[-4:]]) == 204
    assert delete(api, kept, ids[lost[-4:]]) == 404
    assert [whoami(api, key) for key in (lost, kept, others)] == [401, 200, 200]
    assert delete(api, kept, ids[kept[-4:]]) == 204
    assert whoami(api, kept) == 401


@pytest.mark.parametrize("pk", ["0", "x", "-1", "9" * 20, "9" * 5000, "1_0", "%00"])
def test_an_id_that_is_none_is_not_there(api, user, pk):
    assert delete(api, obtain(api), pk) == 404


def test_rotating_replaces_the_token_in_its_row_and_leaves_id_label_and_the_others(api, user, staff):
    old, other = obtain(api, label="phone"), obtain(api)
    before = HashedToken.objects.get(label="phone")
    response = rotate(api, old)
    assert (response.status_code, response["Cache-Control"]) == (200, "no-store")
    new = response.json()["token"]
    assert [whoami(api, key) for key in (old, new, other)] == [401, 200, 200]
    after = HashedToken.objects.get(label="phone")
    assert after.pk == before.pk
    assert after.last_four == new[-4:]
    assert rotate(api, old).status_code == 401


def test_rotating_is_one_update_after_one_read(api, user, django_assert_num_queries):
    key = obtain(api)
    with django_assert_num_queries(2) as captured:
        rotate(api, key)
    assert captured[-1]["sql"].startswith("UPDATE")


def test_revoking_kills_the_presented_token_alone_and_everywhere_all_of_the_user(api, user, staff):
    one, two, three, others = obtain(api), obtain(api), obtain(api), issue.hashed_token(staff)
    assert api.post("/api-token-auth/revoke/", headers=header(one)).status_code == 204
    assert [whoami(api, key) for key in (one, two, three)] == [401, 200, 200]
    assert api.post("/api-token-auth/revoke/", {"everywhere": True}, headers=header(two)).status_code == 204
    assert [whoami(api, key) for key in (two, three, others)] == [401, 401, 200]


def test_a_revocation_that_a_rotation_overtook_does_not_say_dead(api, user, monkeypatch):
    monkeypatch.setattr(hashed, "revoke", lambda key: hashed.rotate(key) is None)
    assert api.post("/api-token-auth/revoke/", headers=header(obtain(api))).status_code == 401


def test_every_answer_about_tokens_says_no_store_and_challenges_for_token(api, user):
    key = obtain(api)
    pk = own(api, key)[0]["id"]
    for method, path in (("get", "tokens/"), ("delete", f"tokens/{pk}/"), ("post", "new/"), ("post", "revoke/")):
        refused = getattr(api, method)(f"/api-token-auth/{path}", headers=header(wire.new()))
        assert refused.status_code == 401
        assert refused["WWW-Authenticate"] == 'Token realm="api", error="invalid_token"'
        assert refused["Cache-Control"] == "no-store"
    assert api.post("/api-token-auth/", LOGIN)["Cache-Control"] == "no-store"
    assert api.get("/api-token-auth/tokens/", headers=header(key))["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("method", "path"), [("get", "tokens/"), ("delete", "tokens/1/"), ("post", "new/")])
def test_a_bad_token_may_be_tried_so_often_from_one_address(api, user, settings, method, path):
    settings.LOGIN_THROTTLE = "3/min"
    statuses = [
        getattr(api, method)(f"/api-token-auth/{path}", headers=header(wire.new())).status_code for _ in range(4)
    ]
    assert statuses == [401, 401, 401, 429]


# --- one rule -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ENDINGS)
def test_one_rule_ends_all_of_a_users_tokens_and_nobody_elses(api, user, staff, ending):
    keys, others = [obtain(api), obtain(api)], issue.hashed_token(staff)
    ending(user)
    assert [whoami(api, key) for key in keys] == [401, 401]
    assert whoami(api, others) == 200
    assert HashedToken.objects.count() == 1


def test_a_user_disabled_behind_the_signals_is_refused_all_the_same(api, user):
    key = obtain(api)
    User.objects.update(is_active=False)
    assert whoami(api, key) == 401
    with pytest.raises(ValueError, match=f"user {user.pk} is disabled"):
        issue.hashed_token(user)
