"""Tokens of which only the digest is kept: their form, their life, who may see what of them, and moving DRF's in."""

import re
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from auth_core import revocation
from tests.support import servers
from tests.support.accounts import ENDINGS, PASSWORD
from tests.support.threads import at_once
from tokens import hashed, issue, wire
from tokens.models import HashedToken, HashedTokenQuerySet

User = get_user_model()
LOGIN = {"username": "ada", "password": PASSWORD}


@pytest.fixture
def api(door_to) -> APIClient:
    """A client of the URLs as they are with AUTH_SCHEMES=token-hashed."""
    return door_to("token-hashed").client


def header(key: str) -> dict:
    return {"Authorization": f"Token {key}"}


def whoami(api, key) -> int:
    return api.get("/whoami/", headers=header(key)).status_code


def obtain(api, **fields) -> str:
    response = api.post("/api-token-auth/", LOGIN | fields)
    assert response.status_code == 200, response.content
    return response.json()["token"]


def rotate(api, key):
    return api.post("/api-token-auth/new/", headers=header(key))


def own(api, key) -> list[dict]:
    response = api.get("/api-token-auth/tokens/", headers=header(key))
    assert response.status_code == 200
    return response.json()


def delete(api, key, pk) -> int:
    return api.delete(f"/api-token-auth/tokens/{pk}/", headers=header(key)).status_code


# --- the form -------------------------------------------------------------------------------------


def test_a_token_has_160_random_bits_and_more_without_the_characters_that_are_kept():
    assert len(wire.ALPHABET) == len(set(wire.ALPHABET)) == 62
    # The last four, which stand in the database, tell that many of the checksum's combinations.
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
    assert set(newest) == {"id", "label", "last_four", "created", "last_used", "expires"}
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


# --- expiry, use and the limit --------------------------------------------------------------------

COMMITTED = pytest.mark.django_db(transaction=True)  # a use is noted on commit


def test_a_token_dies_at_the_end_of_its_lifetime_and_a_rotation_starts_it_anew(api, user, settings):
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        kept, rotated = obtain(api), obtain(api)
        clock.shift(timedelta(minutes=59))
        assert whoami(api, kept) == 200
        rotated = rotate(api, rotated).json()["token"]
        assert {each["expires"] for each in own(api, kept)} == {"2030-01-01T13:00:00Z", "2030-01-01T13:59:00Z"}
        clock.shift(timedelta(minutes=1))
        assert api.get("/whoami/", headers=header(kept)).json()["detail"] == "The token has expired."
        assert rotate(api, kept).status_code == 401
        assert whoami(api, rotated) == 200
        clock.shift(timedelta(minutes=59))
        assert whoami(api, rotated) == 401


@COMMITTED
def test_a_token_that_nobody_uses_dies_and_use_keeps_it_alive(api, user, settings):
    settings.TOKEN_IDLE_LIFETIME = timedelta(minutes=10)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        used, unused = obtain(api), obtain(api)
        for _ in range(2):
            clock.shift(timedelta(minutes=9))
            assert whoami(api, used) == 200
        assert whoami(api, unused) == 401
        assert own(api, used)[-1]["expires"] == "2030-01-01T12:28:00Z"
        clock.shift(timedelta(minutes=10))
        assert whoami(api, used) == 401


@COMMITTED
def test_use_does_not_outlast_the_lifetime(api, user, settings):
    settings.TOKEN_LIFETIME, settings.TOKEN_IDLE_LIFETIME = timedelta(minutes=15), timedelta(minutes=10)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        key = obtain(api)
        clock.shift(timedelta(minutes=9))
        assert whoami(api, key) == 200
        clock.shift(timedelta(minutes=6))
        assert whoami(api, key) == 401


LIFETIMES = [None, timedelta(minutes=5), timedelta(minutes=20)]


@pytest.mark.parametrize("lifetime", LIFETIMES)
@pytest.mark.parametrize("idle", LIFETIMES)
def test_what_is_expired_is_the_same_to_a_request_and_to_the_database(user, settings, lifetime, idle):
    settings.TOKEN_LIFETIME, settings.TOKEN_IDLE_LIFETIME = lifetime, idle
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False):
        now = timezone.now()
        for age in (0, 4, 5, 6, 19, 20, 21):
            for unused in (minutes for minutes in (0, 4, 5, 6, 20) if minutes <= age):
                token = hashed.obtain(user)
                HashedToken.objects.filter(pk=token.pk).update(
                    created=now - timedelta(minutes=age), last_used=now - timedelta(minutes=unused), label="old"
                )
            for token in HashedToken.objects.all():
                assert hashed.is_expired(token) == HashedToken.objects.expired().filter(pk=token.pk).exists()
                assert hashed.is_expired(token) != HashedToken.objects.living().filter(pk=token.pk).exists()


@COMMITTED
def test_use_is_noted_once_a_minute_and_otherwise_a_request_is_one_query(api, user, django_assert_num_queries):
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        key = obtain(api)
        for seconds, statements in ((0, 1), (59, 1), (1, 4), (0, 1), (59, 1), (1, 4)):
            clock.shift(seconds)
            with django_assert_num_queries(statements) as captured:  # 4: the transaction around the UPDATE
                assert whoami(api, key) == 200
            assert sum(query["sql"].startswith("UPDATE") for query in captured) == (statements == 4)
        assert HashedToken.objects.get().last_used == timezone.now()


@COMMITTED
def test_a_dead_token_is_not_noted_as_used(api, user, settings):
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    key = obtain(api)
    noted = HashedToken.objects.get().last_used
    User.objects.update(is_active=False)
    with time_machine.travel(noted + timedelta(minutes=5)):
        assert whoami(api, key) == 401
    User.objects.update(is_active=True)
    with time_machine.travel(noted + timedelta(hours=1)):
        assert whoami(api, key) == 401
    assert HashedToken.objects.get().last_used == noted


READ_ONLY = {
    "sqlite": ("PRAGMA query_only = ON", "PRAGMA query_only = OFF"),
    "postgresql": ("SET default_transaction_read_only = on", "SET default_transaction_read_only = off"),
}


@COMMITTED
def test_a_database_that_cannot_be_written_costs_the_note_and_not_the_request(api, user, caplog):
    key = obtain(api)
    begin, end = READ_ONLY[connection.vendor]
    HashedToken.objects.update(last_used=timezone.now() - timedelta(minutes=2))
    with connection.cursor() as cursor:
        cursor.execute(begin)
        status = whoami(api, key)
        cursor.execute(end)
    assert status == 200
    assert "not noted" in caplog.text
    assert key not in caplog.text


@COMMITTED
def test_a_request_in_a_transaction_notes_the_use_once_it_is_committed(api, user):
    """Until then it would hold a lock on the token, and others lock the user first."""
    key = obtain(api)
    long_ago = timezone.now() - timedelta(minutes=2)
    HashedToken.objects.update(last_used=long_ago)
    with transaction.atomic():
        assert whoami(api, key) == 200
        assert HashedToken.objects.get().last_used == long_ago
    assert HashedToken.objects.get().last_used > long_ago


def test_a_user_has_as_many_living_tokens_as_the_switch_says(api, user, staff, settings):
    settings.TOKENS_PER_USER = 2
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        first, _ = obtain(api), obtain(api)
        response = api.post("/api-token-auth/", LOGIN)
        assert response.status_code == 409
        assert response.json() == {
            "detail": "This user has 2 living tokens, as many as TOKENS_PER_USER allows. Revoke one first."
        }
        assert issue.hashed_token(staff)
        assert rotate(api, first).status_code == 200
        assert delete(api, obtain_after_revoking(api), 0) == 404
        clock.shift(timedelta(hours=1))
        assert whoami(api, obtain(api)) == 200
        # Expired ones do not count, and go a day later.
        assert HashedToken.objects.filter(user=user).count() == 3
        clock.shift(timedelta(days=1))
        obtain(api)
        assert HashedToken.objects.filter(user=user).count() == 2


def test_a_login_while_the_clock_is_ahead_deletes_no_token_that_has_not_expired(api, user, settings):
    settings.TOKEN_LIFETIME, settings.TOKEN_IDLE_LIFETIME = timedelta(hours=2), timedelta(hours=1)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        key = obtain(api)
        for ahead in (timedelta(hours=1), timedelta(hours=23)):
            clock.shift(ahead)
            assert whoami(api, key) == 401
            obtain(api)
            clock.shift(-ahead)
            assert whoami(api, key) == 200


@COMMITTED
def test_a_use_noted_while_the_clock_was_ahead_is_written_over(api, user, settings):
    settings.TOKEN_IDLE_LIFETIME = timedelta(days=1)
    with time_machine.travel("2030-01-01T12:00:00Z", tick=False) as clock:
        key = obtain(api)
        clock.shift(timedelta(hours=1))
        assert whoami(api, key) == 200
        clock.shift(timedelta(hours=-1))
        assert whoami(api, key) == 200
        assert HashedToken.objects.get().last_used == timezone.now()
        clock.shift(timedelta(days=1))
        assert whoami(api, key) == 401


def test_a_token_issued_while_the_clock_was_ahead_works_and_ends_by_so_much_later(api, user, settings):
    settings.TOKEN_LIFETIME = timedelta(hours=2)
    with time_machine.travel("2030-01-01T13:00:00Z", tick=False) as clock:
        key = obtain(api)
        clock.shift(timedelta(hours=-1))
        assert whoami(api, key) == 200
        clock.shift(timedelta(hours=3))
        assert whoami(api, key) == 401


def obtain_after_revoking(api) -> str:
    HashedToken.objects.filter(user__username="ada").first().delete()
    return obtain(api)


def test_without_a_limit_there_is_none(user, settings):
    settings.TOKENS_PER_USER = None
    for _ in range(60):
        hashed.obtain(user)
    assert HashedToken.objects.count() == 60


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


# --- at the same moment ---------------------------------------------------------------------------

CONCURRENT = pytest.mark.django_db(transaction=True)


def statuses(responses) -> list[int]:
    return sorted(response.status_code for response in responses)


@CONCURRENT
def test_of_many_rotations_one_wins_and_its_token_lives(api, user):
    key, clients = obtain(api), 16
    for _ in range(2):
        responses = at_once(*[lambda key=key: rotate(APIClient(), key)] * clients)
        assert statuses(responses) == [200] + [401] * (clients - 1)
        (key,) = [response.json()["token"] for response in responses if response.status_code == 200]
        assert whoami(api, key) == 200
        assert HashedToken.objects.count() == 1


@CONCURRENT
def test_many_logins_at_once_exceed_no_limit(api, user, settings):
    settings.TOKENS_PER_USER = 5
    for _ in range(2):
        HashedToken.objects.all().delete()
        responses = at_once(*[lambda: APIClient().post("/api-token-auth/", LOGIN)] * 12)
        assert statuses(responses) == [200] * 5 + [409] * 7
        assert HashedToken.objects.count() == 5


def change_password():
    user = User.objects.get(username="ada")
    user.set_password(f"{PASSWORD}, changed")
    user.save()


def log_out_everywhere():
    revocation.revoke_all_credentials(User.objects.get(username="ada").pk, revocation.LOGOUT_EVERYWHERE)


@CONCURRENT
@pytest.mark.parametrize("end", [change_password, log_out_everywhere])
def test_no_rotation_saves_a_token_from_its_end(api, end):
    for _ in range(3):
        User.objects.all().delete()
        key = issue.hashed_token(User.objects.create_user("ada", password=PASSWORD))
        *responses, _ = at_once(*[lambda key=key: rotate(APIClient(), key)] * 4, end)
        assert not HashedToken.objects.exists()
        assert set(statuses(responses)) <= {200, 401}


@CONCURRENT
def test_no_login_with_the_old_password_outlives_the_change(api):
    for _ in range(3):
        User.objects.all().delete()
        User.objects.create_user("ada", password=PASSWORD)
        *responses, _ = at_once(*[lambda: APIClient().post("/api-token-auth/", LOGIN)] * 4, change_password)
        assert set(statuses(responses)) <= {200, 400}
        assert not HashedToken.objects.exists()


@CONCURRENT
def test_a_token_deleted_by_its_id_while_it_is_rotated_is_dead_with_its_successor(api, user):
    owner = obtain(api)
    for _ in range(5):
        key = obtain(api)
        pk = HashedToken.objects.get(digest=wire.digest(key)).pk
        rotated, deleted = at_once(
            lambda key=key: rotate(APIClient(), key), lambda pk=pk: delete(APIClient(), owner, pk)
        )
        assert deleted == 204
        assert rotated.status_code in (200, 401)
        assert HashedToken.objects.count() == 1


@pytest.fixture
def written(monkeypatch) -> list[int]:
    """How many rows each UPDATE of hashed tokens changed."""
    counts, update = [], HashedTokenQuerySet.update
    monkeypatch.setattr(
        HashedTokenQuerySet, "update", lambda self, **values: counts.append(update(self, **values)) or counts[-1]
    )
    return counts


@CONCURRENT
def test_of_many_requests_at_once_one_notes_the_use_and_all_are_answered(api, user, written):
    key = obtain(api)
    HashedToken.objects.all().update(last_used=timezone.now() - timedelta(minutes=2))
    written.clear()
    assert at_once(*[lambda: whoami(APIClient(), key)] * 16) == [200] * 16
    assert sum(written) == 1


@COMMITTED
def test_of_requests_that_read_the_token_before_any_noted_its_use_one_does(user, written):
    key = issue.hashed_token(user)
    with time_machine.travel(timezone.now() + timedelta(minutes=2)):
        for token in [hashed.find(key) for _ in range(3)]:
            hashed.note_use(token)
    assert written == [1, 0, 0]


# --- issued by hand -------------------------------------------------------------------------------


def issued_by_command(*arguments) -> str:
    out = StringIO()
    call_command("issue_token", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_prints_a_new_token_and_nothing_else(api, user):
    printed = issued_by_command("ada", "--label", "nightly job")
    assert whoami(api, printed.removesuffix("\n")) == 200
    assert HashedToken.objects.get().label == "nightly job"


def test_the_command_says_why_it_issues_none(user, settings):
    settings.TOKENS_PER_USER = 1
    with pytest.raises(CommandError, match="user nobody does not exist"):
        issued_by_command("nobody")
    with pytest.raises(CommandError, match="at most 64 characters"):
        issued_by_command("ada", "--label", "x" * 65)
    issued_by_command("ada")
    with pytest.raises(CommandError, match="user ada: This user has 1 living tokens"):
        issued_by_command("ada")
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="user ada is disabled"):
        issued_by_command("ada")


@pytest.fixture
def admin_pages(staff, client):
    client.force_login(staff)
    return client


def add_in_the_admin(pages, user, **fields):
    return pages.post(reverse("admin:tokens_hashedtoken_add"), {"user": user.pk, "label": "by hand", **fields})


@pytest.mark.parametrize("button", ["_save", "_continue", "_addanother"])
def test_the_admin_shows_the_token_it_issues_on_one_page_and_nowhere_else(admin_pages, user, button):
    response = add_in_the_admin(admin_pages, user, **{button: "x"})
    assert response.status_code == 200
    (key,) = re.findall(wire.PATTERN, response.content.decode())
    assert "no-store" in response["Cache-Control"]
    token = hashed.find(key)
    assert (token.user, token.label, HashedToken.objects.count()) == (user, "by hand", 1)
    (entry,) = LogEntry.objects.all()
    assert (entry.object_repr, entry.object_id) == (f"…{key[-4:]}", str(token.pk))
    secret, digest = key[:-4], bytes(token.digest).hex()
    assert secret not in f"{entry.change_message} {response.cookies} {dict(admin_pages.session)}"
    for page in ("changelist", "change", "delete", "history"):
        shown = admin_pages.get(
            reverse(f"admin:tokens_hashedtoken_{page}", args=[] if page == "changelist" else [token.pk])
        ).content.decode()
        assert key[-4:] in shown, page
        assert secret not in shown
        assert digest not in shown.lower()


def test_the_admin_says_on_the_form_why_it_issues_none(admin_pages, user, settings):
    settings.TOKENS_PER_USER = 1
    for _ in range(2):
        response = add_in_the_admin(admin_pages, user)
    assert "This user has 1 living tokens" in response.content.decode()
    assert "is disabled" not in response.content.decode()
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert "This user is disabled." in add_in_the_admin(admin_pages, user).content.decode()
    assert (HashedToken.objects.count(), LogEntry.objects.count()) == (1, 1)


def test_the_admin_changes_no_token_and_deletes_one(api, admin_pages, user, settings):
    settings.ROOT_URLCONF = "config.urls"
    token = hashed.obtain(user)
    change = reverse("admin:tokens_hashedtoken_change", args=[token.pk])
    assert admin_pages.post(change, {"user": user.pk, "label": "x"}).status_code == 403
    admin_pages.post(reverse("admin:tokens_hashedtoken_delete", args=[token.pk]), {"post": "yes"})
    assert not HashedToken.objects.exists()
    assert LogEntry.objects.get().object_repr == str(token)


@pytest.mark.parametrize(
    ("model", "lookup"),
    [
        ("tokens_hashedtoken", "digest"),
        ("tokens_hashedtoken", "digest__startswith"),
        ("auth_user", "hashed_tokens__digest"),
        ("auth_user", "hashed_tokens__last_four"),
    ],
)
def test_no_filter_of_the_admin_spells_a_digest_out(admin_pages, user, model, lookup):
    assert admin_pages.get(reverse(f"admin:{model}_changelist"), {lookup: "a"}).status_code == 400


# --- moving from DRF's table ----------------------------------------------------------------------


def move(*arguments) -> str:
    out = StringIO()
    call_command("move_drf_tokens", *arguments, stdout=out)
    return out.getvalue().strip()


def test_keys_go_on_working_when_they_are_moved_and_none_is_left_in_clear(api, user, staff):
    keys = {user: user.auth_token.key, staff: staff.auth_token.key}
    created = user.auth_token.created
    assert [whoami(api, key) for key in keys.values()] == [401, 401]
    assert move("--batch", "1") == "2 keys moved, none left in clear"
    assert not Token.objects.exists()
    for owner, key in keys.items():
        assert api.get("/whoami/", headers=header(key)).json()["id"] == owner.pk
    token = HashedToken.objects.get(user=user)
    assert (token.created, token.label, token.last_four) == (created, "moved from authtoken", keys[user][-4:])
    assert move() == "0 keys moved, none left in clear"


def test_a_moved_key_takes_one_query_and_is_rotated_into_the_new_form(api, user, django_assert_num_queries):
    key = user.auth_token.key
    move()
    with django_assert_num_queries(1):
        assert whoami(api, key) == 200
    new = rotate(api, key).json()["token"]
    assert re.fullmatch(wire.PATTERN, new)
    assert (whoami(api, key), whoami(api, new)) == (401, 200)


def test_a_moved_key_ends_as_any_other(api, user, settings):
    key = user.auth_token.key
    move()
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    with time_machine.travel(HashedToken.objects.get().created + timedelta(hours=1)):
        assert whoami(api, key) == 401
    assert whoami(api, key) == 200
    change_password()
    assert whoami(api, key) == 401


def test_a_key_that_came_back_with_a_restored_table_is_moved_again_and_doubles_nothing(user):
    before = Token.objects.get(user=user)
    move()
    Token.objects.bulk_create([before])
    move()
    assert (Token.objects.count(), HashedToken.objects.count()) == (0, 1)


@CONCURRENT
def test_a_key_that_is_revoked_while_all_are_moved_is_dead_or_was_moved_first(api, user):
    from tokens import models

    for _ in range(5):
        HashedToken.objects.all().delete()
        key = Token.objects.get_or_create(user=user)[0].key
        revoked, _ = at_once(lambda key=key: models.revoke(key), move)
        assert not Token.objects.exists()
        assert HashedToken.objects.count() == (0 if revoked else 1)


@pytest.mark.parametrize("batch", ["0", "10001"])
def test_a_batch_that_is_none_is_refused(db, batch):
    with pytest.raises(CommandError, match=f"--batch {batch}: allowed: 1 to 10000"):
        move("--batch", batch)
