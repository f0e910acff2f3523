"""A plain model of both kinds of credential, as docs/explanation/decisions.md defines them.

A model knows no database, no HTTP and no clock. Moments and lifetimes are whole seconds; None is a
lifetime without an end. A step takes the service's response, raises AssertionError if the model
cannot explain it, and updates the model. Another request may come between two parts of a step
(`yield`).
"""

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import jwt

MINUTE = 60
DAY = 86_400


@dataclass(frozen=True)
class Answer:
    status: int
    body: dict | list | None = None

    def must_be(self, status: int):
        assert self.status == status, f"{self.status} {self.body} instead of {status}"


Step = Callable[["World"], Iterator]


def atomic(step):
    """Make a step of one part."""

    @functools.wraps(step)
    def parts(*arguments):
        step(*arguments)
        return
        yield

    return parts


def explained(world: "World", steps: list[Step]) -> tuple[list["World"], list[str]]:
    """Return the worlds to which the steps may have led, in any order of their parts.

    Return also why other orders explain nothing.
    """
    worlds, complaints, orders = [], [], [()]
    while orders:
        order = orders.pop()
        after = copy.deepcopy(world)
        unfinished = {index: step(after) for index, step in enumerate(steps)}
        try:
            for index in order:
                if next(unfinished[index], "the end") == "the end":
                    del unfinished[index]
        except AssertionError as error:
            complaints.append(f"order {order}: {error}")
            continue
        orders += [(*order, index) for index in unfinished]
        if not unfinished and after not in worlds:
            worlds.append(after)
    return worlds, complaints


@dataclass
class User:
    id: int
    password: str
    active: bool = True


@dataclass
class World:
    now: int
    switches: dict[str, int | None]
    users: dict[str, User] = field(default_factory=dict)

    def create(self, name: str, user_id: int, password: str):
        self.users[name] = User(user_id, password)

    def delete(self, name: str):
        """Delete the user. The database deletes the user's credentials too, without a signal."""
        del self.users[name]
        self.forget(name)

    def change_password(self, name: str, password: str, answer: Answer):
        """Revoke every credential before the save and again after it.

        The second time catches a login that slipped in with the old password.
        """
        self.end(name)
        yield
        self.users[name].password = password
        self.end(name)

    def deactivate(self, name: str, answer: Answer):
        self.end(name)
        yield
        self.users[name].active = False
        self.end(name)

    def let_in(self, name: str, password: str) -> bool:
        user = self.users.get(name)
        return user is not None and user.active and user.password == password

    def is_active(self, name: str) -> bool:
        return name in self.users and self.users[name].active


# --- opaque tokens --------------------------------------------------------------------------------


@dataclass
class Row:
    """A row of the table of tokens. `key` is None until a client has received it."""

    user: str
    created: int
    used: int
    key: str | None


@dataclass
class Tokens(World):
    """A world of opaque tokens.

    If `per_client`, each login gets a token of its own, which may expire when it is not used.
    Otherwise a user has one token.
    """

    per_client: bool = False
    auto_create: bool = False
    rows: list[Row] = field(default_factory=list)
    told_at: dict[str, int] = field(default_factory=dict)  # when a client first received each key, valid or not

    def create(self, name, user_id, password):
        super().create(name, user_id, password)
        if self.auto_create:
            self.rows.append(Row(name, self.now, self.now, None))

    def end(self, name):
        self.rows = [row for row in self.rows if row.user != name]

    forget = end

    def own(self, name: str) -> list[Row]:
        return [row for row in self.rows if row.user == name]

    def ends(self, row: Row) -> list[int]:
        """Return the moments at which it expires."""
        starts = {"TOKEN_LIFETIME": row.created} | ({"TOKEN_IDLE_LIFETIME": row.used} if self.per_client else {})
        return [start + self.switches[name] for name, start in starts.items() if self.switches[name]]

    def is_expired(self, row: Row, ago: int = 0) -> bool:
        return any(end + ago <= self.now for end in self.ends(row))

    def living(self, key: str) -> Row | None:
        alive = (row for row in self.rows if self.is_active(row.user) and not self.is_expired(row))
        return next((row for row in alive if row.key == key), None)

    def lives(self, key: str) -> bool:
        return self.living(key) is not None

    def honoured(self, key: str) -> Row | None:
        """Return the row of a valid key, and note the use at most once a minute."""
        row = self.living(key)
        if row and self.now >= row.used + MINUTE:
            row.used = self.now
        return row

    @atomic
    def use(self, key, answer):
        row = self.honoured(key)
        answer.must_be(200 if row else 401)
        assert row is None or answer.body["id"] == self.users[row.user].id

    @atomic
    def log_in(self, name, password, answer):
        own, limit = self.own(name), self.switches["TOKENS_PER_USER"]
        living = [row for row in own if not self.is_expired(row)]
        if not self.let_in(name, password):
            answer.must_be(400)
        elif self.per_client and limit and len(living) >= limit:
            answer.must_be(409)
        else:
            answer.must_be(200)
            if self.per_client:  # a login deletes its user's tokens that expired a day ago
                self.rows = [row for row in self.rows if row.user != name or not self.is_expired(row, DAY)]
            if self.per_client or not own:
                self.rows.append(Row(name, self.now, self.now, None))
            elif self.is_expired(own[0]):  # an expired shared token is replaced
                own[0].key, own[0].created = None, self.now
            self.told(self.own(name)[-1], answer)

    @atomic
    def rotate(self, key, answer):
        """Replace the key in its row.

        The service does it in one conditional UPDATE, so one of several callers wins.
        """
        row = self.honoured(key)
        answer.must_be(200 if row else 401)
        if row:
            row.key, row.created, row.used = None, self.now, self.now
            self.told(row, answer)

    @atomic
    def revoke(self, key, answer):
        row = self.honoured(key)
        answer.must_be(204 if row else 401)
        if row:
            self.rows.remove(row)

    def revoke_everywhere(self, key, answer):
        row = self.honoured(key)
        answer.must_be(204 if row else 401)
        yield  # the request is accepted; a rotation from here on saves no token
        if row:
            self.end(row.user)

    @atomic
    def list_own(self, key, answer):
        """Return the user's tokens, newest first.

        An expired one stays until a login at least a day later.
        """
        row = self.honoured(key)
        answer.must_be(200 if row else 401)
        if row:
            oldest_first = sorted(self.own(row.user), key=lambda each: each.created)
            assert [each["last_four"] for each in reversed(answer.body)] == [each.key[-4:] for each in oldest_first]

    @atomic
    def delete_by_id(self, key, other, answer):
        """Delete the token with the id of `other`, if it belongs to the same user."""
        row = self.honoured(key)
        own = [each for each in self.own(row.user) if each.key == other] if row else []
        answer.must_be(401 if row is None else 204 if own else 404)
        self.rows = [each for each in self.rows if each not in own]

    def told(self, row: Row, answer: Answer):
        key = answer.body["token"]
        if row.key is None:
            assert key not in self.told_at, "this key was issued before"
            row.key = key
        assert row.key == key, "the key differs from the row's"
        self.told_at.setdefault(key, self.now)

    def moments(self) -> set[int]:
        """Return the moments at which something changes by itself."""
        gone = {end + DAY for row in self.rows for end in self.ends(row)} if self.per_client else set()
        return gone | {moment for row in self.rows for moment in (*self.ends(row), row.used + MINUTE)}


# --- pairs ----------------------------------------------------------------------------------------


@dataclass
class Login:
    """A refresh family. Each login has one row."""

    user: str
    end: int  # nothing extends it
    refresh_tokens: list[str] = field(default_factory=list)  # their ids, oldest first
    rotated: int = 0
    refresh_end: int = 0
    ended: bool = False


@dataclass(frozen=True)
class Token:
    kind: str
    login: str
    user_id: int
    id: str
    end: int
    key: int


@dataclass
class Pairs(World):
    """A world of JWT pairs.

    If `stateless`, an access token is accepted until it expires, even after its login or user ends.
    """

    stateless: bool = False
    signing: int = 0  # the number of the key that signs
    verifying: set[int] = field(default_factory=lambda: {0})
    rows: dict[str, Login] = field(default_factory=dict)
    tokens: dict[str, Token] = field(default_factory=dict)  # each that a client ever received, valid or not

    def end(self, name):
        for login in self.rows.values():
            login.ended = login.ended or login.user == name

    def forget(self, name):
        self.rows = {sid: login for sid, login in self.rows.items() if login.user != name}

    def of_kind(self, kind: str) -> list[str]:
        return [text for text, token in self.tokens.items() if token.kind == kind]

    def is_good(self, token: Token) -> bool:
        """Return True if the text of the token passes all checks that need no database."""
        return token.key in self.verifying and self.now < token.end + self.switches["JWT_LEEWAY"]

    def living(self, token: Token) -> Login | None:
        """Return the login of a token, if neither has ended."""
        login = self.rows.get(token.login)
        lives = login and not login.ended and self.is_active(login.user)
        return login if lives and self.is_good(token) else None

    def is_current(self, token: Token, login: Login) -> bool:
        return token.id == login.refresh_tokens[-1]

    def is_recent_parent(self, token: Token, login: Login) -> bool:
        """Return True for the token of a client that missed the answer, or of a second tab."""
        return [token.id] == login.refresh_tokens[-2:-1] and self.now < login.rotated + self.switches["JWT_REUSE_GRACE"]

    def lives(self, text: str) -> bool:
        """Return True if a view accepts the access token, or a refresh the refresh token."""
        token = self.tokens[text]
        if token.kind == "access" and self.stateless:
            return self.is_good(token)
        return self.would_be_honoured(token)

    def would_be_honoured(self, token: Token) -> bool:
        login = self.living(token)
        return login is not None and (
            token.kind == "access" or self.is_current(token, login) or self.is_recent_parent(token, login)
        )

    @atomic
    def use(self, access, answer):
        answer.must_be(200 if self.lives(access) else 401)
        assert answer.status == 401 or answer.body["id"] == self.tokens[access].user_id

    @atomic
    def verify(self, text, answer):
        """Verify a token. Even `jwt-stateless` refuses the tokens of an ended login here."""
        token = self.tokens[text]
        answer.must_be(200 if self.would_be_honoured(token) else 401)
        assert answer.status == 401 or answer.body == {"token_type": token.kind}

    @atomic
    def log_in(self, name, password, answer):
        answer.must_be(200 if self.let_in(name, password) else 401)
        if answer.status == 200:
            sid = claims(answer.body["refresh"])["sid"]
            assert sid not in self.rows
            self.rows[sid] = Login(name, end=self.now + self.switches["JWT_SESSION_LIFETIME"])
            self.renew(self.rows[sid], answer)

    @atomic
    def refresh(self, refresh, answer):
        token = self.tokens[refresh]
        login = self.living(token)
        if login is None:
            answer.must_be(401)
        elif self.is_current(token, login):
            answer.must_be(200)
            self.renew(login, answer)
        elif self.is_recent_parent(token, login):
            answer.must_be(200)
            self.told(login, answer)  # the same child as before
        else:
            answer.must_be(401)
            login.ended = True  # either the client or a thief holds a spent token

    def log_out(self, text, everywhere, answer):
        """End the login by either of its tokens, a spent refresh token included.

        A second logout succeeds and changes nothing.
        """
        token = self.tokens[text]
        login = self.rows.get(token.login)
        is_known = login is not None and self.is_good(token)
        answer.must_be(204 if is_known else 401)
        had_ended = is_known and login.ended
        yield
        if is_known:
            login.ended = True
        yield
        if is_known and everywhere and not had_ended:
            self.end(login.user)

    @atomic
    def flush(self, answer):
        """Delete what expired over a day ago. Nobody can use any of it."""
        before = self.now - self.switches["JWT_LEEWAY"] - DAY
        kept = {sid: login for sid, login in self.rows.items() if login.refresh_end >= before}
        assert answer.body == f"{len(self.rows) - len(kept)} expired logins deleted\n"
        self.rows = kept

    def renew(self, login: Login, answer: Answer):
        """Make the refresh token of the response the current one."""
        new = claims(answer.body["refresh"])["jti"]
        assert new not in {token.id for token in self.tokens.values()}
        login.refresh_tokens.append(new)
        login.rotated = self.now
        login.refresh_end = min(self.now + self.switches["JWT_REFRESH_LIFETIME"], login.end)
        self.told(login, answer)

    def told(self, login: Login, answer: Answer):
        """Check that no access token outlives its refresh token, and no refresh token its login."""
        ends = {
            "refresh": login.refresh_end,
            "access": min(self.now + self.switches["JWT_ACCESS_LIFETIME"], login.refresh_end),
        }
        for kind, end in ends.items():
            text, user = answer.body[kind], self.users[login.user]
            told = claims(text)
            assert (told["exp"], told["user_id"]) == (end, str(user.id))
            assert self.rows[told["sid"]] is login
            assert kind == "access" or told["jti"] == login.refresh_tokens[-1]
            self.tokens[text] = Token(kind, told["sid"], user.id, told["jti"], end, self.signing)

    def moments(self) -> set[int]:
        """Return the moments at which something changes by itself."""
        leeway = self.switches["JWT_LEEWAY"]
        logins = self.rows.values()
        return {
            *(token.end + leeway for token in self.tokens.values()),
            *(login.rotated + self.switches["JWT_REUSE_GRACE"] for login in logins),
            *(login.refresh_end + leeway + DAY for login in logins),
        }


def claims(text: str) -> dict:
    return jwt.decode(text, options={"verify_signature": False})
