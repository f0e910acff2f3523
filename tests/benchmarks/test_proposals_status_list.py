"""A Token Status List as the lab measures it: what it says, what is refused, how stale it gets."""

from contextlib import ExitStack
from random import Random

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.contenders import proof, wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.wsgi import Handler
from benchmarks.messages import RefusedError
from benchmarks.questions.proposals.messages import LISTS, Task
from benchmarks.questions.proposals.status_list import field, lists, staleness, work
from benchmarks.questions.proposals.status_list.lists import ListError, Remembered
from config.schemes import SCHEMES

pytestmark = pytest.mark.once

URI, NOW = "https://api.example.org/statuslists/1", 1_800_000_000
KEY = ec.generate_private_key(ec.SECP256R1())


def signed(revoked=(), count=64, key=KEY, **changed) -> str:
    lst = changed.pop("lst", None) or lists.compress(lists.bits(count, revoked))
    return lists.sign(lst, key, changed.pop("uri", URI), **{"ttl": 60, "lifetime": 600, "now": NOW, **changed})


def test_the_examples_of_the_draft():
    statuses = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    raw = lists.bits(16, [index for index, status in enumerate(statuses) if status])
    assert raw == bytes([0xB9, 0xA3])
    assert lists.compress(raw) == "eNrbuRgAAhcBXQ"
    found = lists.read(signed(lst="eNrbuRgAAhcBXQ"), KEY.public_key(), URI, NOW)
    assert [found.is_revoked(index) for index in range(16)] == [bool(status) for status in statuses]


@pytest.mark.parametrize("index", [-1, 64, 10**9])
def test_an_index_outside_the_list_has_no_status(index):
    found = lists.read(signed(), KEY.public_key(), URI, NOW)
    with pytest.raises(ListError, match=f"{index} is not in the list"):
        found.is_revoked(index)


def claims(token: str) -> dict:
    return jwt.decode(token, options={"verify_signature": False})


WRONG = {
    "another key": lambda: signed(key=ec.generate_private_key(ec.SECP256R1())),
    "another list": lambda: signed(uri=f"{URI}0"),
    "expired": lambda: signed(lifetime=0),
    "another type": lambda: jwt.encode(claims(signed()), KEY, algorithm="ES256", headers={"typ": "JWT"}),
    "two bits": lambda: jwt.encode(
        {**claims(signed()), "status_list": {"bits": 2, "lst": lists.compress(b"x")}},
        KEY,
        algorithm="ES256",
        headers={"typ": lists.TYPE},
    ),
    "no list": lambda: jwt.encode(
        {**claims(signed()), "status_list": []}, KEY, algorithm="ES256", headers={"typ": lists.TYPE}
    ),
    "not compressed": lambda: signed(lst="AAAA"),
    "cut": lambda: signed(lst=lists.compress(bytes(1000))[:-8]),
    "garbage": lambda: "a.b.c",
}


@pytest.mark.parametrize("make", WRONG.values(), ids=WRONG)
def test_a_list_that_is_not_the_issuers_is_refused(make):
    with pytest.raises(ListError):
        lists.read(make(), KEY.public_key(), URI, NOW)


def test_a_list_that_grows_beyond_all_bounds_is_refused(monkeypatch):
    monkeypatch.setattr(lists, "LARGEST", 1000)
    with pytest.raises(ListError, match="too long"):
        lists.read(signed(count=8 * 1001), KEY.public_key(), URI, NOW)


class Issuer:
    """An issuer whose list can be changed, and which can be away."""

    def __init__(self):
        self.token, self.away, self.asked = signed(), False, 0

    def fetch(self) -> str:
        self.asked += 1
        if self.away:
            raise OSError("away")
        return self.token


def test_a_revocation_is_seen_when_the_ttl_is_over_and_not_before():
    issuer, now = Issuer(), NOW
    reader = Remembered(issuer.fetch, KEY.public_key(), URI, lambda: now)
    assert not reader.is_revoked(5)
    issuer.token = signed([5])
    now = NOW + 59
    assert not reader.is_revoked(5)
    assert issuer.asked == 1
    now = NOW + 60
    assert reader.is_revoked(5)
    assert issuer.asked == 2


def test_without_the_issuer_the_last_list_is_used_until_it_expires_and_then_none():
    issuer, now = Issuer(), NOW
    reader = Remembered(issuer.fetch, KEY.public_key(), URI, lambda: now)
    assert not reader.is_revoked(5)
    issuer.away = True
    now = NOW + 599
    assert not reader.is_revoked(5)
    now = NOW + 600
    with pytest.raises(ListError, match="no list can be had: away"):
        reader.is_revoked(5)


@pytest.mark.parametrize(("ttl", "every"), [(60, 60), (60, 20)])
def test_a_revoked_login_ends_within_ttl_and_interval_together(ttl, every):
    found = list(staleness.delays(ttl, every, 30, Random(1)))
    assert all(0 <= each < ttl + every for each in found)
    assert max(found) > every


# --- requests and calls ---------------------------------------------------------------------------


def test_a_revoked_token_and_one_without_a_place_are_refused(user):
    like = Contender.of_scheme(SCHEMES["jwt-stateless"], user, [WHOAMI])
    listed = field.listed(user, [1, 2, 3], like, Random(1))
    assert proof.prove(Handler(), listed, WHOAMI, b"") == []
    assert "with a revoked token" in listed.refused
    assert wsgi.ask(Handler(), listed.environ(WHOAMI)).status == 200


def test_a_list_with_other_logins_is_refused_before_it_is_timed():
    found = lists.StatusList(bytes(lists.bits(work.LOGINS, range(200))), 0, 0)
    work.prove(found, list(range(200)), Random(1))
    with pytest.raises(RefusedError, match="other logins"):
        work.prove(found, list(range(200, 400)), Random(1))
    with pytest.raises(RefusedError, match="another number"):
        work.prove(found, list(range(199)), Random(0))


def test_every_call_is_checked_off_the_clock(monkeypatch):
    with ExitStack() as stack:
        made = work.build(Task(LISTS, 1, 3, 1, 0), Random(1), stack)
        for name, contender in made.contenders.items():
            assert len(contender(1)) == 1, name
        monkeypatch.setattr(lists.StatusList, "is_revoked", lambda self, index: True)
        with pytest.raises(RefusedError, match="look up 1,000: another result"):
            made.contenders[work.LOOK_UP](1)


def test_a_list_of_a_million_is_an_eighth_of_that_and_smaller_the_fewer_are_revoked():
    found = work.sizes(Random(1), KEY)
    assert list(found) == ["0.0", "0.001", "0.01", "0.1"]
    assert {each["raw"] for each in found.values()} == {125_000}
    compressed = [each["zlib"] for each in found.values()]
    assert compressed == sorted(compressed)
    assert all(each["zlib"] < each["lst"] < each["token"] for each in found.values())


def test_the_memory_of_a_list_and_of_a_login_is_measured():
    raw = bytes(125_000)
    found = work.memory(lists.StatusList(raw, 0, 0))
    assert found["list"] >= len(raw)
    assert 100 < found["login"] < 1000
