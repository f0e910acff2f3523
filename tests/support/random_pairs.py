"""The steps of pairs that Hypothesis chooses; tests/support/lives_of_pairs.py is their model."""

from datetime import date
from io import StringIO
from uuid import UUID

from django.core.management import call_command
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule
from rest_framework_simplejwt.exceptions import TokenError

from jwt_auth.authentication import JWTStatelessUserAuthentication
from jwt_auth.models import DeletedLogin, RefreshFamily
from jwt_auth.pushed import LivingLogins, logins
from jwt_auth.tokens import AccessToken
from tests.support.lives import Answer
from tests.support.lives_of_migrants import Migrants, StockToken
from tests.support.pushed import hear, wait_until
from tests.support.random_lives import AGES, MOSTLY, NAMES, SELDOM, Lives, Step, User, by_cookie, request, saved_once
from tests.support.stock_tokens import stock_pair

KINDS = st.sampled_from(["refresh", "access"])


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

    def teardown(self):
        super().teardown()
        DeletedLogin.objects.all().delete()

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

    def logging_in(self, name, password, in_cookie=False):
        body = {"username": name, "password": password, "cookie": in_cookie}
        do = by_cookie("/api/token/", body) if in_cookie else request("post", "/api/token/", body=body)
        return Step(do, "log_in", (name, password))

    def refreshing(self, refresh, in_cookie=False):
        path = "/api/token/refresh/"
        do = by_cookie(path, refresh=refresh) if in_cookie else request("post", path, body={"refresh": refresh})
        return Step(do, "refresh", (refresh,))

    def logging_out(self, text, everywhere=False, in_cookie=False):
        body = {"everywhere": everywhere}
        if self.world.tokens[text].kind == "refresh" and in_cookie:
            do = by_cookie("/api/token/logout/", body, text)
        elif self.world.tokens[text].kind == "refresh":
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

    @rule(age=AGES, in_cookie=st.booleans())
    def refresh(self, age, in_cookie):
        self.take(self.refreshing(self.family(age)[-1], in_cookie))

    @rule(name=st.sampled_from(NAMES), is_right=MOSTLY)
    def log_in_with_the_cookie(self, name, is_right):
        self.take(self.logging_in(name, self.password(name, is_right), in_cookie=True))

    @rule(age=AGES, beside=st.sampled_from([-1, 0, 1, None]), in_cookie=st.booleans())
    def refresh_with_the_parent(self, age, beside, in_cookie):
        """Refresh with the parent just before, at or just after the end of its grace, or now."""
        *_, parent, child = [None, *self.family(age)]
        if parent is None:
            return self.take(self.refreshing(child))
        login = self.world.rows.get(self.world.tokens[child].login)
        if login and beside is not None:
            end = login.rotated + self.world.switches["JWT_REUSE_GRACE"]
            self.wait(max(0, end + beside - self.world.now))
        return self.take(self.refreshing(parent, in_cookie))

    @rule(age=AGES)
    def refresh_with_one_that_was_spent_long_ago(self, age):
        self.take(self.refreshing(self.family(age)[0]))

    @rule(kind=KINDS, age=AGES, everywhere=SELDOM, in_cookie=st.booleans())
    def log_out(self, kind, age, everywhere, in_cookie):
        self.take(self.logging_out(self.chosen(self.world.of_kind(kind), age), everywhere, in_cookie))

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


class PushedLives(PairLives):
    """The row that remembers living logins, and another process that does and hears of ends."""

    hears = True

    def __init__(self, scheme):
        logins.close()
        self.other = LivingLogins()
        self.refused_there: set[str] = set()
        if self.hears:
            hear(logins)
            hear(self.other)
        super().__init__(scheme)

    def teardown(self):
        try:
            super().teardown()
        finally:
            self.other.close()

    def take(self, *steps):
        if len(steps) > 1:  # a use reads the login, and stores it while the other steps end it
            logins.entries.drop_all()
        super().take(*steps)

    @invariant()
    def another_process_honours_what_lives_and_soon_refuses_what_has_ended(self):
        if len(self.worlds) > 1:  # the responses do not show yet which of them is the one
            return
        for text in self.world.of_kind("access"):
            token = self.world.tokens[text]
            if isinstance(token, StockToken) or not self.world.is_good(token) or text in self.refused_there:
                continue
            if self.world.lives(text):
                self.counts["unexplained"] += not self.is_honoured_there(text)
                assert self.is_honoured_there(text), f"{self.named(text)} is refused in another process"
            else:
                self.soon_refused_there(text)

    def soon_refused_there(self, text: str):
        try:
            wait_until(lambda: not self.is_honoured_there(text), seconds=5)
        except AssertionError:
            note(f"    {self.named(text)} is honoured in another process")
            self.counts["unexplained"] += 1
            raise
        self.refused_there.add(text)
        self.counts["ends heard of elsewhere"] += 1

    def is_honoured_there(self, text: str) -> bool:
        token = AccessToken.verified(text)
        try:
            return self.other.user_of(token).pk == self.world.tokens[text].user_id
        except TokenError:
            return False

    @rule(deaf=SELDOM)
    def silence(self, deaf):
        """Hear nothing until the rule comes again, or hear again what came in between."""
        for each in (logins, self.other):
            if each._channel is not None:
                each._channel.__dict__.pop("is_heard", None)
                each._channel.__dict__.update({"is_heard": lambda now: False} if deaf else {})
