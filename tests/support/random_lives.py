"""The steps that Hypothesis chooses for either kind of credential."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from io import StringIO
from unittest import mock

import time_machine
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import override_settings
from django.utils import timezone
from django.utils.module_loading import import_string
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from auth_core.conf import conf
from config.schemes import Scheme
from jwt_auth.authentication import JWTPushedAuthentication
from jwt_auth.pushed import logins
from tests.support.cookies import NAME, OWN, is_deleted
from tests.support.lives import MINUTE, Answer, World, explained
from tests.support.threads import at_once
from tokens.authentication import CachedTokenAuthentication
from tokens.cache import token_cache

User = get_user_model()


NAMES = ("ada", "bob")


NOON = int(datetime(2030, 1, 1, 12, tzinfo=UTC).timestamp())


CLIENTS = [APIClient(raise_request_exception=False) for _ in range(3)]  # one for each thread


NO_ANSWER = Answer(0)


EVENTS = ["password changed", "deactivated", "deactivated behind the signals", "deleted"]


MOSTLY = st.sampled_from([True, True, True, False])
SELDOM = st.sampled_from([False, False, False, True])


AGES = st.integers(0, 9)  # see Lives.chosen


@dataclass(frozen=True)
class Step:
    """A step of one of the CLIENTS, and the model's method and arguments for it."""

    do: Callable[[APIClient], Answer]
    name: str
    arguments: tuple

    def follow(self, world: World, answer: Answer) -> Iterator:
        return getattr(world, self.name)(*self.arguments, answer)


def request(method: str, path: str, credential: str = "", body: dict | None = None) -> Callable[[APIClient], Answer]:
    """Return a function that sends the request; `credential` is the Authorization header."""

    def send(client):
        headers = {"Authorization": credential} if credential else {}
        response = getattr(client, method)(path, body, headers=headers)
        assert response.status_code < 500, f"{method} {path}: {response.status_code} {response.content}"
        return Answer(response.status_code, response.json() if response.content else None)

    return send


def by_cookie(path: str, body: dict | None = None, refresh: str = "") -> Callable[[APIClient], Answer]:
    """Return a function that sends the request as a page would whose cookie has this refresh token.

    The answer holds the token of the answer's cookie, as one by body does.
    """

    def send(client):
        cookie = f"{NAME}={refresh}" if refresh else ""
        # For this request alone: the checks refuse the switch with a grace of 0, which others have.
        with mock.patch.dict(conf.__dict__, JWT_REFRESH_COOKIE=True):
            response = client.post(path, body or {}, headers={"Origin": OWN}, HTTP_COOKIE=cookie)
        client.cookies.clear()  # the client's other requests are not this page's
        assert response.status_code < 500, f"{path}: {response.status_code} {response.content}"
        found = response.json() if response.content else None
        if response.status_code == 200:
            assert "refresh" not in found
            found["refresh"] = response.cookies[NAME].value
        else:
            assert is_deleted(response) or not response.cookies
        return Answer(response.status_code, found)

    return send


def moving(name: str, age: int) -> Step:
    """Return the step that moves a key of DRF's table, issued so many seconds ago."""

    def do(client):
        Token.objects.all().delete()  # each user came with one
        token = Token.objects.create(user=User.objects.get(username=name))
        Token.objects.update(created=timezone.now() - timedelta(seconds=age))
        call_command("move_drf_tokens", "--force", stdout=StringIO())
        return Answer(0, {"key": token.key})

    return Step(do, "move", (name, age))


class Lives(RuleBasedStateMachine):
    """One row of the scheme table, and the worlds that explain every response so far.

    There are several worlds only while the responses to simultaneous requests do not show which
    came first.
    """

    switches: dict[str, tuple[int | None, ...]]  # the values of each switch, the initial one first
    counts = Counter()

    def __init__(self, scheme: Scheme):
        super().__init__()
        self.scheme = scheme
        self.authentication = import_string(scheme.authentication)
        self.stack = ExitStack()
        self.clock = self.stack.enter_context(time_machine.travel(NOON, tick=False))
        self.worlds = [self.new_world(NOON, {name: values[0] for name, values in self.switches.items()})]
        for name, value in self.world.switches.items():
            self.set(name, value)
        self.passwords = 0
        self.lived: set[str] = set()
        self.counts["examples"] += 1
        for name in NAMES:
            self.create(name)
            self.take(self.logging_in(name, self.password(name)))

    def teardown(self):
        try:
            self.ask_for(self.credentials())
        finally:
            User.objects.all().delete()
            self.stack.close()

    @property
    def world(self) -> World:
        """Return one of the possible worlds, to read what all of them have in common."""
        return self.worlds[0]

    def take(self, *steps: Step):
        """Take the steps, all at the same moment if there are several."""
        if len(steps) == 1:
            answers = [steps[0].do(CLIENTS[0])]
        else:
            answers = at_once(*[partial(step.do, client) for step, client in zip(steps, CLIENTS, strict=False)])
        taken = list(zip(steps, answers, strict=True))
        for step, answer in taken:
            note(f"    {step.name} {[self.named(argument) for argument in step.arguments]}: {answer.status}")
        parts = [partial(step.follow, answer=answer) for step, answer in taken]
        worlds, complaints = [], []
        for world in self.worlds:
            explaining, why_not = explained(world, parts)
            worlds += [each for each in explaining if each not in worlds]
            complaints += why_not
        self.go_on_with(worlds, complaints)
        for step, answer in taken:
            self.counts[f"{step.name} {answer.status}"] += 1
        self.counts["at the same moment"] += len(steps) > 1

    def ask_for(self, credentials: Iterable[str]):
        for text in credentials:
            question = self.question(text)
            answer = question.do(CLIENTS[0])
            worlds, complaints = [], []
            for world in self.worlds:
                try:
                    for _ in question.follow(world, answer):
                        pass
                    worlds.append(world)
                except AssertionError as error:
                    complaints.append(f"{question.name} {self.named(text)}: {error}")
            self.go_on_with(worlds, complaints)
            (self.lived.discard if answer.status == 401 else self.lived.add)(text)  # 403: of too little scope
            self.counts["questions"] += 1

    def go_on_with(self, worlds: list[World], complaints: list[str]):
        self.counts["unexplained"] += not worlds
        assert worlds, "\n".join(["no world explains this", *complaints])
        self.worlds = worlds

    def change(self, **changes):
        for world in self.worlds:
            for name, value in changes.items():
                setattr(world, name, value)

    def named(self, argument) -> str:
        """Replace a credential in a message by its number."""
        credentials = self.credentials()
        return f"#{credentials.index(argument)}" if argument in credentials else str(argument)

    def chosen(self, credentials: list[str], age: int) -> str:
        """Return one of the valid credentials, the newest at age 0. The dead ones follow."""
        return sorted(credentials, key=self.world.lives)[-1 - age % len(credentials)]

    @invariant()
    def every_living_credential_is_honoured_and_none_that_has_died(self):
        asked = [text for text in self.credentials() if text in self.lived or self.world.lives(text)]
        self.ask_for(asked)

    @invariant()
    def there_is_one_row_for_each_login(self):
        self.counts["steps"] += 1
        rows = self.table.objects.count()
        self.go_on_with([world for world in self.worlds if len(world.rows) == rows], [f"{rows} rows in the table"])

    @rule(name=st.sampled_from(NAMES), is_right=MOSTLY)
    def log_in(self, name, is_right):
        self.take(self.logging_in(name, self.password(name, is_right)))

    # --- the account ------------------------------------------------------------------------------

    def password(self, name: str, is_right: bool = True) -> str:
        user = self.world.users.get(name)
        return user.password if user and is_right else "wrong"

    def new_password(self) -> str:
        self.passwords += 1
        return f"password {self.passwords}"

    def create(self, name: str):
        password = self.new_password()
        user = User.objects.create_user(name, password=password)
        for world in self.worlds:
            world.create(name, user.pk, password)

    def deactivation(self, name: str) -> Step:
        def do(client):
            user = User.objects.get(username=name)
            user.is_active = False
            user.save()
            return NO_ANSWER

        return Step(do, "deactivate", (name,))

    def change_of_password(self, name: str) -> Step:
        password = self.new_password()

        def do(client):
            user = User.objects.get(username=name)
            user.set_password(password)
            user.save()
            return NO_ANSWER

        return Step(do, "change_password", (name, password))

    @rule(name=st.sampled_from(NAMES), event=st.sampled_from(EVENTS))
    def account(self, name, event):
        """Return the user's row.

        A deleted or deactivated user comes back at the next event, as another user of that name.
        """
        away = [each for each in NAMES if not self.world.is_active(each)]
        if away:
            (self.activate if away[0] in self.world.users else self.create)(away[0])
            self.take(self.logging_in(away[0], self.password(away[0])))
        elif event == "password changed":
            self.take(self.change_of_password(name))
        elif event == "deactivated":
            self.take(self.deactivation(name))
        elif event == "deactivated behind the signals" and not self.answers_from_memory:
            User.objects.filter(username=name).update(is_active=False)
            for world in self.worlds:
                world.users[name].active = False
        elif event == "deleted":
            User.objects.get(username=name).delete()
            for world in self.worlds:
                world.delete(name)

    def activate(self, name: str):
        user = User.objects.get(username=name)
        user.is_active = True
        user.save()
        for world in self.worlds:
            world.users[name].active = True

    @property
    def answers_from_memory(self) -> bool:
        """Return True if a change without a signal goes unseen.

        The clock of TOKEN_CACHE_SECONDS does not move here.
        """
        return issubclass(self.authentication, CachedTokenAuthentication | JWTPushedAuthentication)

    @rule()
    def the_memory_is_lost(self):
        """Forget everything that is remembered, as after a gap in what the process hears."""
        token_cache.entries.drop_all()
        logins.entries.drop_all()

    # --- time and switches ------------------------------------------------------------------------

    @rule(which=st.sampled_from([0, 0, 0, 1, 1, 2, 4]), beside=st.sampled_from([-1, 0, 1]), clean=st.booleans())
    def time_passes(self, which, beside, clean):
        """Wait until just before, at or just after a moment at which something changes."""
        now = self.world.now
        moments = sorted(moment for moment in self.world.moments() if moment > now) or [now + MINUTE]
        self.wait(moments[which % len(moments)] + beside - now)
        if clean:
            self.clean_up()

    def clean_up(self):
        """Run the command that deletes expired rows, where a kind has one."""

    def wait(self, seconds: int):
        self.clock.shift(seconds)
        self.change(now=self.world.now + seconds)

    @initialize(data=st.data())
    def begin(self, data):
        for name, values in sorted(self.switches.items()):
            self.set(name, data.draw(st.sampled_from(values), name))

    @rule(data=st.data())
    def switch(self, data):
        name = data.draw(st.sampled_from(sorted(self.switches)))
        self.set(name, data.draw(st.sampled_from(self.switches[name])))

    def set(self, name: str, value: int | None):
        is_duration = value is not None and name != "TOKENS_PER_USER"
        self.override(**{name: timedelta(seconds=value) if is_duration else value})
        self.change(switches=self.world.switches | {name: value})

    def override(self, **switches):
        self.stack.enter_context(override_settings(**switches))


def saved_once(steps: list[str]) -> list[str]:
    """Return the steps with one save of the account at most.

    If two saves happen at the same moment, the later may undo what the earlier changed.
    """
    saves = [index for index, step in enumerate(steps) if step in ("change password", "deactivate")]
    return [step for index, step in enumerate(steps) if index not in saves[1:]]
