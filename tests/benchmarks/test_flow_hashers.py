"""What do the password hashers cost a login? Arithmetic and words; no times are asserted."""

import sys
from dataclasses import replace
from random import Random
from types import SimpleNamespace

import django
import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher

from benchmarks.questions.flows import hashers, hashing
from benchmarks.questions.flows import run as flows
from benchmarks.questions.flows.messages import Hashed
from tests.support.question_results import flows_record

pytestmark = pytest.mark.once  # no database


def test_the_table_of_iterations_names_the_installed_django():
    assert hashers.ITERATIONS[f"{django.VERSION[0]}.{django.VERSION[1]}"] == PBKDF2PasswordHasher.iterations


class Rounds(PBKDF2PasswordHasher):
    """A hasher quick enough for a test, with rounds that no release of Django has."""

    iterations = 3


def test_each_hasher_is_timed_once_and_the_services_own_as_it_is_served(monkeypatch):
    monkeypatch.setattr(hashers, "ITERATIONS", {"5.2": 1, "6.0": 2})
    path = f"{Rounds.__module__}.{Rounds.__qualname__}"
    monkeypatch.setattr("config.settings.PASSWORD_HASHERS", [path], raising=False)
    monkeypatch.setitem(sys.modules, Rounds.__module__, sys.modules[__name__])
    mine, timed = hashers.time_all("", Random(0), 2)
    assert (mine.algorithm, mine.iterations) == ("pbkdf2_sha256", 3)
    assert mine.encoded.startswith("pbkdf2_sha256$3$")
    assert [(each.iterations, each.default_of, each.is_own) for each in timed if each.algorithm == mine.algorithm] == [
        (3, "", True),
        (1, "Django 5.2", False),
        (2, "Django 6.0", False),
    ]
    assert timed[0].nanoseconds == mine.verify_ns
    assert all(each.nanoseconds > 0 for each in timed)
    monkeypatch.setattr(hashers, "ITERATIONS", {"5.2": 1, "6.0": 3})
    mine, timed = hashers.time_all(mine.encoded, Random(0), 1)
    assert [(each.iterations, each.is_own) for each in timed if each.iterations] == [(1, False), (3, True)]
    assert mine.make_ns == 0


@pytest.mark.parametrize("package", ["argon2", "bcrypt"])
def test_a_hasher_whose_package_is_missing_is_left_out(package, monkeypatch):
    monkeypatch.setattr(hashers, "find_spec", lambda name: None)
    assert not [algorithm for algorithm, _ in hashers.shipped() if algorithm.startswith(package)]
    monkeypatch.setattr(hashers, "find_spec", lambda name: name == package or None)
    assert [algorithm for algorithm, _ in hashers.shipped() if algorithm.startswith(package)]


def test_hashers_are_paired_with_the_services_own_within_a_process():
    def process(own: int, newer: int) -> SimpleNamespace:
        hashed = [Hashed("pbkdf2", 1, "Django 5.2", own, True), Hashed("pbkdf2", 2, "Django 6.1", newer, False)]
        flow_ns = {"opaque": {"obtain": [2_000_000]}}
        found = SimpleNamespace(flow_ns=flow_ns, password_hash=SimpleNamespace(verify_ns=own), hashed=hashed)
        return SimpleNamespace(found=found)

    processes = tuple(process(own, own * 3 // 2) for own in (90_000_000, 100_000_000, 110_000_000))
    rehearsal = SimpleNamespace(endpoints={"opaque": "opaque"}, hashed=processes[0].found.hashed)
    own, newer = flows._hashers(SimpleNamespace(processes=processes, rehearsal=rehearsal))
    assert (own.ratio, own.renewal_us) == (None, None)
    assert newer.ratio.estimate == 1.5
    assert newer.ratio.half_width == pytest.approx(0, abs=1e-6)  # whatever the processes differ by
    assert newer.renewal_us.estimate == 250_000
    assert newer.logins_us["opaque"].estimate == 152_000


def test_a_later_djangos_hasher_is_told_in_sentences():
    record = flows_record()
    assert hashing.sentences(record) == [
        "A hash takes 1.50 (1.49 to 1.51) times as long with the default of Django 6.1. After the upgrade every login "
        "takes that much longer, with every scheme. A user's first login then checks the old hash and makes the new "
        "one, which takes 242 (242 to 244) ms with that of Django 6.1, and one UPDATE.",
    ]
    own, newer, other = record.hashers
    for hashed in ((), (own, other), (replace(newer, is_own=True), replace(own, is_own=False))):
        assert hashing.sentences(replace(record, hashers=hashed)) == []
    chosen = (replace(own, default_of=""), newer)
    assert hashing.sentences(replace(record, hashers=chosen)) == [], "its hasher does not come with Django's release"


def test_a_hashers_row_has_the_login_of_the_cheapest_and_of_the_dearest_scheme():
    own, newer, other = hashing.rows(flows_record())
    assert (own.to_own, own.login, own.share) == ("own", "98 to 100", "97.0 to 99.0")
    assert (newer.to_own, newer.login) == ("1.50 (1.49 to 1.51)", "146 to 148")
    assert hashing.rows(replace(flows_record(), hashers=(replace(other.hasher, ratio=None),)))[0].to_own == "?"
