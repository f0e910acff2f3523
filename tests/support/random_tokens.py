"""The steps of opaque tokens that Hypothesis chooses; tests/support/lives.py is their model."""

from hypothesis import strategies as st
from hypothesis.stateful import rule
from rest_framework.authtoken.models import Token

from auth_core.scopes import FULL, READ, WRITE
from tests.support.lives import Tokens
from tests.support.random_lives import AGES, NAMES, SELDOM, Lives, Step, moving, request, saved_once
from tokens import hashed, wire
from tokens.models import HashedToken

SCOPES = st.sampled_from([READ, WRITE, FULL])


_TOKEN_STEPS = [
    *["use", "log in", "rotate"] * 3,
    "write",
    "revoke",
    "revoke everywhere",
    "change password",
    "deactivate",
]


class TokenLives(Lives):
    switches = {
        "TOKEN_LIFETIME": (None, 600, 3600),
        "TOKEN_IDLE_LIFETIME": (None, 120, 900),
        "TOKENS_PER_USER": (4, 2, None),
    }

    def new_world(self, now, switches):
        return Tokens(now, switches, per_client=self.per_client, auto_create=self.scheme.auto_create)

    @property
    def per_client(self) -> bool:
        return self.authentication.service is hashed

    @property
    def table(self):
        return HashedToken if self.per_client else Token

    def credentials(self):
        return list(self.world.issued_at)

    def question(self, key):
        return self.using(key)

    def presenting(self, key: str, method: str, path: str, body: dict | None = None):
        return request(method, path, f"{self.scheme.keyword} {key}", body)

    def using(self, key):
        return Step(self.presenting(key, "get", "/whoami/"), "use", (key,))

    def writing(self, key):
        return Step(self.presenting(key, "post", "/tracks/", {}), "write", (key,))

    def logging_in(self, name, password, scope=FULL):
        scope = scope if self.per_client else FULL
        body = {"username": name, "password": password, **({"scope": scope} if self.per_client else {})}
        return Step(request("post", "/api-token-auth/", body=body), "log_in", (name, password, scope))

    def rotating(self, key, method="post"):
        return Step(self.presenting(key, method, "/api-token-auth/new/"), "rotate", (key,))

    def revoking(self, key, everywhere=False):
        do = self.presenting(key, "post", "/api-token-auth/revoke/", {"everywhere": everywhere})
        return Step(do, "revoke_everywhere" if everywhere else "revoke", (key,))

    @rule(name=st.sampled_from(NAMES), scope=SCOPES)
    def log_in_for_less(self, name, scope):
        self.take(self.logging_in(name, self.password(name), scope))

    @rule(name=st.sampled_from(NAMES), age=st.sampled_from([0, 100, 700]))
    def move_a_key_of_drfs(self, name, age):
        if self.per_client and name in self.world.users:
            self.take(moving(name, age))

    @rule(age=AGES)
    def write(self, age):
        self.take(self.writing(self.chosen(self.credentials(), age)))

    @rule(age=AGES, method=st.sampled_from(["post", "get"]))
    def rotate(self, age, method):
        self.take(self.rotating(self.chosen(self.credentials(), age), method))

    @rule(age=AGES, everywhere=SELDOM)
    def revoke(self, age, everywhere):
        self.take(self.revoking(self.chosen(self.credentials(), age), everywhere))

    @rule(age=AGES, of=AGES)
    def list_and_delete_by_id(self, age, of):
        key, other = self.chosen(self.credentials(), age), self.chosen(self.credentials(), of)
        if not self.per_client:
            return
        self.take(Step(self.presenting(key, "get", "/api-token-auth/tokens/"), "list_own", (key,)))
        pk = HashedToken.objects.filter(digest=wire.digest(other)).values_list("pk", flat=True).first() or 0
        self.take(Step(self.presenting(key, "delete", f"/api-token-auth/tokens/{pk}/"), "delete_by_id", (key, other)))

    @rule(age=AGES, pause=st.sampled_from([59, 60, 119, 599]), times=st.integers(1, 3))
    def one_is_used_while_the_others_are_not(self, age, pause, times):
        key = self.chosen(self.credentials(), age)
        for _ in range(times):
            self.wait(pause)
            self.take(self.using(key))

    @rule(
        age=st.integers(0, 1),
        two=st.sampled_from(_TOKEN_STEPS),
        third=st.lists(st.sampled_from(_TOKEN_STEPS), max_size=1),
        scope=SCOPES,
    )
    def at_the_same_moment(self, age, two, third, scope):
        key = self.chosen(self.credentials(), age)
        name = next((row.user for row in self.world.rows if row.key == key), NAMES[0])
        if not self.world.is_active(name):
            return
        known = {
            "use": lambda: self.using(key),
            "log in": lambda: self.logging_in(name, self.password(name), scope),
            "write": lambda: self.writing(key),
            "rotate": lambda: self.rotating(key),
            "revoke": lambda: self.revoking(key),
            "revoke everywhere": lambda: self.revoking(key, everywhere=True),
            "change password": lambda: self.change_of_password(name),
            "deactivate": lambda: self.deactivation(name),
        }
        self.take(*[known[step]() for step in saved_once([two, two, *third])])
