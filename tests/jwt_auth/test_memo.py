"""The memo of verified access tokens: its size, its lifetime, and that it loses no information."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from time import time

import jwt as pyjwt
import pytest
import time_machine
from django.utils import timezone
from rest_framework_simplejwt.exceptions import TokenError

from jwt_auth import memo
from jwt_auth.keys import key_ring, token_backend
from jwt_auth.memo import Memo
from jwt_auth.tokens import AccessToken
from tests.support.logins import claims

STATELESS = "jwt-stateless"
OWN = pytest.mark.parametrize("name", ["jwt", STATELESS])


@pytest.fixture(autouse=True)
def _nothing_is_known():
    token_backend.cache_clear()


@pytest.fixture
def checks(monkeypatch):
    """Return a list that grows by one with each signature that PyJWT checks."""
    checked = []
    algorithm = type(pyjwt.get_algorithm_by_name("HS256"))
    verify = algorithm.verify
    monkeypatch.setattr(algorithm, "verify", lambda *args: checked.append(1) or verify(*args))
    return checked


def signed(token: str, **changes) -> str:
    """Return the token with other claims, signed by our key; a claim of None is left out."""
    payload = {name: value for name, value in (claims(token) | changes).items() if value is not None}
    key = key_ring().signing
    return pyjwt.encode(payload, key.signing, algorithm=key.algorithm, headers={"kid": key.kid})


def known() -> int:
    return len(token_backend().verified)


@OWN
def test_the_same_text_is_verified_once(door_to, user, checks, name):
    door = door_to(name)
    token = door.credential(user)
    answers = [door.get("/whoami/", token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1
    assert len(checks) == 1


@OWN
def test_a_token_known_to_be_good_ends_when_it_would_have_ended(door_to, user, settings, name):
    door = door_to(name)
    settings.JWT_LEEWAY = timedelta(seconds=7)
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as clock:
        token = door.credential(user)
        end = claims(token)["exp"] + 7
        for asked_at, status in ((time(), 200), (end - 1, 200), (end, 401), (end - 1, 200)):
            clock.move_to(asked_at)
            assert door.get("/whoami/", token).status_code == status, asked_at - end


@OWN
@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_known_to_be_good_is_not_good_before_its_time(door_to, user, settings, name, claim):
    door = door_to(name)
    settings.JWT_LEEWAY = timedelta(seconds=7)
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as clock:
        token = signed(door.credential(user), **{claim: int(time()) + 60})
        begin = int(time()) + 60 - 7
        for asked_at, status in ((begin, 200), (begin - 1, 401), (begin, 200)):
            clock.move_to(asked_at)
            assert door.get("/whoami/", token).status_code == status, asked_at - begin


@OWN
@pytest.mark.parametrize(
    "change",
    [
        {"JWT_SIGNING_KEY": "another secret " * 4},
        {"JWT_ISSUER": "https://elsewhere.example"},
        {"JWT_AUDIENCE": "others"},
        {"JWT_ALGORITHM": "HS512"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_tokens_are_checked_by_takes_what_is_known_along(door_to, user, settings, name, change):
    door = door_to(name)
    token = door.credential(user)
    assert door.get("/whoami/", token).status_code == 200
    for setting, value in change.items():
        setattr(settings, setting, value)
    assert known() == 0
    assert door.get("/whoami/", token).status_code == 401


def test_a_key_that_is_no_longer_listed_takes_what_it_signed_along(door_to, user, settings):
    door = door_to(STATELESS)
    token = door.credential(user)
    old = settings.JWT_SIGNING_KEY
    settings.JWT_SIGNING_KEY, settings.JWT_VERIFYING_KEYS = "another secret " * 4, (old,)
    assert door.get("/whoami/", token).status_code == 200
    settings.JWT_VERIFYING_KEYS = ()
    assert door.get("/whoami/", token).status_code == 401


def respelled(token: str) -> list[str]:
    head, payload, signature = token.split(".")
    # The last character of 43 holds two bits that base64 ignores.
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = alphabet[alphabet.index(signature[-1]) ^ 1]
    return [f"{token}=", f"{token}==", f"{head}.{payload}.{signature[:-1]}{twin}", f"{head}=.{payload}.{signature}"]


def test_another_spelling_is_another_text(door_to, user, checks):
    door = door_to(STATELESS)
    token = door.credential(user)
    door.get("/whoami/", token)
    for text in respelled(token):
        assert token_backend().verified.get(AccessToken, text) is None
        before = len(checks)
        # PyJWT checks the text, whether it accepts it or not. The memo has no entry for it.
        if door.get("/whoami/", text).status_code == 200:
            assert len(checks) == before + 1


def bad_ones(token: str) -> dict[str, str]:
    head, payload, signature = token.split(".")
    other = "A" if signature[0] != "A" else "B"
    return {
        "forged": f"{head}.{payload}.{other}{signature[1:]}",
        "unsigned": f"{head}.{payload}.",
        "expired": signed(token, exp=int(time()) - 3600),
        "early": signed(token, nbf=int(time()) + 3600),
        "of no login": signed(token, sid=None),
        "of another type": signed(token, token_type="refresh"),
        "of a strange time": signed(token, exp="soon"),
        "garbage": "garbage",
        "empty": "..",
    }


def raised(step, text: str) -> str | None:
    try:
        step(text)
    except TokenError as error:
        return f"{type(error).__name__}: {error}"
    return None


def test_nothing_is_kept_of_a_token_that_fails_and_the_error_is_the_same(db, user, door_to):
    for text in bad_ones(door_to("jwt").credential(user)).values():
        expected = raised(AccessToken, text)
        assert expected
        assert [raised(AccessToken.verified, text) for _ in range(2)] == [expected] * 2
    assert known() == 0


class OfServices(AccessToken):
    """A project's own type of token, for its own views."""

    token_type = "service"


class Strict(AccessToken):
    """A project's own condition, for views that need more than a login."""

    def verify(self):
        super().verify()
        if "mfa" not in self.payload:
            raise TokenError("Token has no usable 'mfa' claim")


@pytest.mark.parametrize(
    ("accepting", "refusing", "token_type"), [(OfServices, AccessToken, "service"), (AccessToken, Strict, "access")]
)
def test_what_one_class_accepts_is_not_known_to_another(db, user, door_to, accepting, refusing, token_type):
    text = signed(door_to("jwt").credential(user), token_type=token_type)
    accepting.verified(text)
    assert raised(refusing.verified, text) == raised(refusing, text) is not None
    accepting.verified(text)


def test_a_token_from_memory_is_what_the_constructor_makes(db, user, door_to):
    text = door_to("jwt").credential(user)
    with time_machine.travel(timezone.now(), tick=False):
        AccessToken.verified(text)
        remembered, made = AccessToken.verified(text), AccessToken(text)
    assert vars(remembered) == vars(made)
    assert str(remembered) == str(made)


def test_what_a_view_does_to_a_token_stays_with_its_request(db, user, door_to):
    text = door_to("jwt").credential(user)
    for _ in range(3):
        token = AccessToken.verified(text)
        assert "mark" not in token
        token["mark"] = True


def test_claims_that_a_view_could_change_for_others_are_not_kept(db, user, door_to):
    text = signed(door_to("jwt").credential(user), roles=["reader"])
    AccessToken.verified(text)["roles"].append("admin")
    assert AccessToken.verified(text)["roles"] == ["reader"]
    assert known() == 0


def test_the_leeway_counts_in_memory_as_it_does_in_verifying():
    with time_machine.travel(datetime(2026, 1, 1, tzinfo=UTC), tick=False) as clock:
        now = int(time())
        for claimed, asked_at, is_known in (
            ({"exp": now, "iat": now}, now + 6, True),
            ({"exp": now, "iat": now}, now + 7, False),
            ({"exp": now + 99, "iat": now}, now - 7, True),
            ({"exp": now + 99, "iat": now}, now - 8, False),
        ):
            kept = Memo(leeway=7)
            kept.put(AccessToken, "text", claimed)
            clock.move_to(asked_at)
            assert (kept.get(AccessToken, "text") is not None) == is_known, asked_at - now


# --- bounds ---------------------------------------------------------------------------------------


def payload(number: int) -> dict:
    """Return claims as long as the service's own, in new strings."""
    now = int(time())
    return {
        "token_type": "access",
        "exp": now + 300 + number % 2,
        "iat": now - number % 2,
        "jti": f"{number:032x}",
        "sid": f"{number:032x}",
        "user_id": str(number),
        "iss": f"https://issuer.example/{number}",
        "aud": f"audience {number}",
    }


def test_a_flood_neither_grows_it_nor_pushes_out_what_is_in_use():
    kept = Memo(leeway=0)
    tracemalloc.start()
    try:
        kept.put(AccessToken, "in use", payload(0))
        kept.get(AccessToken, "in use")
        for number in range(3 * memo.MAX_ENTRIES):
            kept.put(AccessToken, f"flood {number}", payload(number))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(kept) <= memo.MAX_ENTRIES
    assert size < 1500 * memo.MAX_ENTRIES  # bytes: the bound that memo.py states
    assert kept.get(AccessToken, "in use")


def test_a_flood_of_tokens_used_again_and_again_does_not_grow_it_either():
    kept = Memo(leeway=0)
    for number in range(2 * memo.MAX_ENTRIES):
        kept.put(AccessToken, str(number), payload(number))
        assert kept.get(AccessToken, str(number))
    assert len(kept) <= memo.MAX_ENTRIES
    # The memo dropped the oldest and kept the newest.
    assert kept.get(AccessToken, "0") is None
    assert kept.get(AccessToken, str(2 * memo.MAX_ENTRIES - 1))


def test_a_flood_of_bad_tokens_leaves_no_trace(door_to, user):
    door = door_to(STATELESS)
    token = door.credential(user)
    door.get("/whoami/", token)
    assert known() == 1
    for number in range(200):
        assert door.get("/whoami/", f"{token[:-4]}{number:04}").status_code == 401
    assert known() == 1


def test_many_threads_find_what_they_put():
    kept = Memo(leeway=0)

    def work(thread: int) -> bool:
        found = True
        for number in range(2000):
            text = f"{thread} {number % 50}"
            claims = kept.get(AccessToken, text)
            if claims is None:
                kept.put(AccessToken, text, payload(number % 50))
            else:
                found &= claims["user_id"] == str(number % 50)
        return found

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))
    assert len(kept) == 8 * 50
