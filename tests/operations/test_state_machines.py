"""Logins, refreshes, logouts and other changes in any order, compared with a plain model.

Hypothesis chooses the steps; tests/support/lives.py and lives_of_pairs.py model what
docs/explanation/decisions.md promises of them. After each step the test presents every valid
credential and every one that the step ended, and at the end every credential it ever saw. Some
steps run at the same moment.

FUZZ_EXAMPLES and FUZZ_STEPS make the runs longer, and random: `make fuzz`.
"""

import os
import time
from datetime import date
from io import StringIO
from uuid import UUID

import hypothesis
import pytest
from django.core.management import call_command
from django.utils import timezone
from django.utils.module_loading import import_string
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.errors import Flaky
from hypothesis.stateful import rule, run_state_machine_as_test

from auth_core import scopes
from auth_core.scopes import FULL
from config.schemes import SCHEMES
from jwt_auth import models
from jwt_auth.authentication import JWTAuthentication, JWTStatelessUserAuthentication
from jwt_auth.models import RefreshFamily
from tests.support.lives import Answer
from tests.support.lives_of_migrants import Migrants
from tests.support.random_lives import AGES, NAMES, SELDOM, Lives, Step, User, request, saved_once
from tests.support.random_tokens import TokenLives
from tests.support.stock_tokens import stock_pair
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


KINDS = st.sampled_from(["refresh", "access"])


# --- pairs ----------------------------------------------------------------------------------------

_PAIR_STEPS = [
    *["use", "log in", "refresh"] * 3,
    *("log out", "end by id", "log out everywhere", "change password", "deactivate"),
]


class PairLives(Lives):
    # In every combination each of the last four is at most as long as the next, as the checks
    # require.
    switches = {
        "JWT_LEEWAY": (10, 0),
        "JWT_REUSE_GRACE": (10, 0, 60),
        "JWT_ACCESS_LIFETIME": (300, 60),
        "JWT_REFRESH_LIFETIME": (1800, 300),
        "JWT_SESSION_LIFETIME": (7200, 1800),
    }
    table = RefreshFamily

    def new_world(self, now, switches):
        self.sign_with(0)
        self.override(JWT_ACCEPT_STOCK_UNTIL=date(2099, 12, 31), JWT_ISSUER="https://tracks.example", JWT_AUDIENCE="a")
        return Migrants(now, switches, stateless=issubclass(self.authentication, JWTStatelessUserAuthentication))

    def sign_with(self, key: int, *older: int):
        secrets = [f"the secret of the key number {number} of this test" for number in (key, *older)]
        self.override(JWT_SIGNING_KEY=secrets[0], JWT_VERIFYING_KEYS=tuple(secrets[1:]))

    def credentials(self):
        return list(self.world.tokens)

    def question(self, text):
        return self.using(text) if self.world.tokens[text].kind == "access" else self.verifying(text)

    def verifying(self, text):
        return Step(request("post", "/api/token/verify/", body={"token": text}), "verify", (text,))

    def using(self, access):
        return Step(request("get", "/whoami/", f"{self.scheme.keyword} {access}"), "use", (access,))

    def logging_in(self, name, password):
        body = {"username": name, "password": password}
        return Step(request("post", "/api/token/", body=body), "log_in", (name, password))

    def refreshing(self, refresh):
        return Step(request("post", "/api/token/refresh/", body={"refresh": refresh}), "refresh", (refresh,))

    def logging_out(self, text, everywhere=False):
        body = {"everywhere": everywhere}
        if self.world.tokens[text].kind == "refresh":
            do = request("post", "/api/token/logout/", body=body | {"refresh": text})
        else:
            do = request("post", "/api/token/logout/", f"{self.scheme.keyword} {text}", body)
        return Step(do, "log_out", (text, everywhere))

    def listing(self, access):
        do = request("get", "/api/token/sessions/", f"{self.scheme.keyword} {access}")
        return Step(do, "list_sessions", (access,))

    def ending(self, access, other):
        """End the login of the token `other`."""
        sid = self.world.tokens[other].login
        do = request("delete", f"/api/token/sessions/{UUID(sid)}/", f"{self.scheme.keyword} {access}")
        return Step(do, "end_session", (access, sid))

    def family(self, age: int) -> list[str]:
        """Return the refresh tokens of one login, the current one last."""
        texts = self.world.of_kind("refresh")
        login = self.world.tokens[self.chosen(texts, age)].login
        return [text for text in texts if self.world.tokens[text].login == login]

    @rule(age=AGES)
    def refresh(self, age):
        self.take(self.refreshing(self.family(age)[-1]))

    @rule(age=AGES, beside=st.sampled_from([-1, 0, 1, None]))
    def refresh_with_the_parent(self, age, beside):
        """Refresh with the parent just before, at or just after the end of its grace, or now."""
        *_, parent, child = [None, *self.family(age)]
        if parent is None:
            return self.take(self.refreshing(child))
        login = self.world.rows.get(self.world.tokens[child].login)
        if login and beside is not None:
            end = login.rotated + self.world.switches["JWT_REUSE_GRACE"]
            self.wait(max(0, end + beside - self.world.now))
        return self.take(self.refreshing(parent))

    @rule(age=AGES)
    def refresh_with_one_that_was_spent_long_ago(self, age):
        self.take(self.refreshing(self.family(age)[0]))

    @rule(kind=KINDS, age=AGES, everywhere=SELDOM)
    def log_out(self, kind, age, everywhere):
        self.take(self.logging_out(self.chosen(self.world.of_kind(kind), age), everywhere))

    @rule(kind=KINDS, age=AGES)
    def verify(self, kind, age):
        self.take(self.verifying(self.chosen(self.world.of_kind(kind), age)))

    @rule(age=AGES, of=AGES)
    def list_and_end_by_id(self, age, of):
        access, other = (self.chosen(self.world.of_kind("access"), each) for each in (age, of))
        self.take(self.listing(access))
        self.take(self.ending(access, other))

    @rule(name=st.sampled_from(NAMES))
    def begin_with_a_pair_of_simplejwt(self, name):
        if self.world.is_active(name):
            pair = stock_pair(User.objects.get(username=name))
            for world in self.worlds:
                world.issued_by_simplejwt(name, pair)

    @rule(drop=st.booleans())
    def change_the_keys(self, drop):
        """Sign with another key and keep the previous one for verifying, or drop that one."""
        signing = self.world.signing + (not drop)
        older = () if drop else (signing - 1,)
        self.sign_with(signing, *older)
        self.change(signing=signing, verifying={signing, *older})

    @rule(access_type=st.sampled_from(["JWT", "at+jwt"]))
    def change_the_type(self, access_type):
        self.override(JWT_ACCESS_TYPE=access_type)  # which ends nothing

    def clean_up(self):
        def do(client):
            out = StringIO()
            call_command("flush_refresh_families", stdout=out)
            return Answer(0, out.getvalue())

        self.take(Step(do, "flush", ()))

    @rule(
        age=st.integers(0, 1),
        two=st.sampled_from(_PAIR_STEPS),
        third=st.lists(st.sampled_from(_PAIR_STEPS), max_size=1),
    )
    def at_the_same_moment(self, age, two, third):
        refresh, access = (self.chosen(self.world.of_kind(kind), age) for kind in ("refresh", "access"))
        login = self.world.rows.get(self.world.tokens[refresh].login)
        name = login.user if login else getattr(self.world.tokens[refresh], "user", NAMES[0])
        if not self.world.is_active(name):
            return
        known = {
            "use": lambda: self.using(access),
            "log in": lambda: self.logging_in(name, self.password(name)),
            "refresh": lambda: self.refreshing(refresh),
            "log out": lambda: self.logging_out(refresh),
            "end by id": lambda: self.ending(access, refresh),
            "log out everywhere": lambda: self.logging_out(refresh, everywhere=True),
            "change password": lambda: self.change_of_password(name),
            "deactivate": lambda: self.deactivation(name),
        }
        self.take(*[known[step]() for step in saved_once([two, two, *third])])


# --- the runs -------------------------------------------------------------------------------------

OWN = {name: import_string(row.authentication) for name, row in SCHEMES.items() if not row.is_stock}
LIVES = {TokenAuthentication: TokenLives, JWTAuthentication: PairLives}
MACHINES = {name: lives for name, own in OWN.items() for kind, lives in LIVES.items() if issubclass(own, kind)}


def test_every_row_of_ours_has_a_machine():
    assert set(MACHINES) == set(OWN)


@pytest.fixture
def lives_of(door_to, caplog):
    """Return lives_of("jwt"), which returns a function that runs examples of that row.

    It prints how many steps of each kind the examples took.
    """

    def prepare(name: str):
        caplog.set_level("ERROR", "django.request")  # it warns about every refusal
        door_to(name)

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
                print(f"\n{name}: " + ", ".join(f"{number:,} {what}" for what, number in Lives.counts.items()))

        return run

    return prepare


@pytest.mark.parametrize("name", MACHINES)
def test_whatever_happens_every_credential_lives_and_dies_as_promised(lives_of, name):
    lives_of(name)(EXAMPLES, derandomize=not IS_LONG, print_blob=IS_LONG)


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
    ],
)
def test_a_promise_that_is_broken_is_noticed(lives_of, monkeypatch, name, sabotage):
    run = lives_of(name)
    sabotage(monkeypatch)
    with pytest.raises((AssertionError, Flaky)):  # Flaky: a race that does not repeat
        run(200, derandomize=True, phases=[Phase.generate], report_multiple_bugs=False)
    assert Lives.counts["unexplained"]
