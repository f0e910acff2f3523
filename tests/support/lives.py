"""A plain model of opaque tokens, and what it has in common with that of pairs (lives_of_pairs.py).

The models do what docs/explanation/decisions.md promises. They know no database, no HTTP and no
clock. Moments and lifetimes are whole seconds; None is a lifetime without an end. A step takes the
service's response, raises AssertionError if the model cannot explain it, and updates the model.
Another request may come between two parts of a step (`yield`).
"""

import copy
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

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
    scope: str = "read write"


@dataclass
class Tokens(World):
    """A world of opaque tokens.

    If `per_client`, each login gets a token of its own, which may expire when it is not used.
    Otherwise a user has one token.
    """

    per_client: bool = False
    auto_create: bool = False
    rows: list[Row] = field(default_factory=list)
    issued_at: dict[str, int] = field(default_factory=dict)  # when a client first received each key, valid or not

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

    def let_through(self, key: str, needed: str, answer: Answer) -> Row | None:
        """Return the row of a valid key whose scope includes `needed`, or explain the refusal."""
        row = self.honoured(key)
        if row is None:
            answer.must_be(401)
        elif needed not in row.scope.split():
            answer.must_be(403)
        else:
            return row
        return None

    @atomic
    def use(self, key, answer):
        if row := self.let_through(key, "read", answer):
            answer.must_be(200)
            assert answer.body["id"] == self.users[row.user].id

    @atomic
    def write(self, key, answer):
        """Send a track without any field, which whoever may write is told."""
        if self.let_through(key, "write", answer):
            answer.must_be(400)

    @atomic
    def log_in(self, name, password, scope, answer):
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
                self.rows.append(Row(name, self.now, self.now, None, scope))
            elif self.is_expired(own[0]):  # an expired shared token is replaced
                own[0].key, own[0].created = None, self.now
            self.issued(self.own(name)[-1], answer)

    @atomic
    def move(self, name, age, answer):
        """Move a key that DRF issued so long ago; the move counts as a use."""
        self.rows.append(Row(name, self.now - age, self.now, answer.body["key"]))
        self.issued_at[answer.body["key"]] = self.now

    @atomic
    def rotate(self, key, answer):
        """Replace the key in its row.

        The service does it in one conditional UPDATE, so one of several callers wins.
        """
        row = self.honoured(key)
        answer.must_be(200 if row else 401)
        if row:
            row.key, row.created, row.used = None, self.now, self.now
            self.issued(row, answer)

    @atomic
    def revoke(self, key, answer):
        row = self.honoured(key)
        answer.must_be(204 if row else 401)
        if row:
            self.rows.remove(row)

    def revoke_everywhere(self, key, answer):
        row = self.let_through(key, "write", answer)
        if row:
            answer.must_be(204)
        yield  # the request is accepted; a rotation from here on saves no token
        if row:
            self.end(row.user)

    @atomic
    def list_own(self, key, answer):
        """Return the user's tokens, newest first.

        An expired one stays until a login at least a day later.
        """
        if row := self.let_through(key, "read", answer):
            answer.must_be(200)
            oldest_first = sorted(self.own(row.user), key=lambda each: each.created)
            listed = [(each["last_four"], each["scope"]) for each in reversed(answer.body)]
            assert listed == [(each.key[-4:], each.scope) for each in oldest_first]

    @atomic
    def delete_by_id(self, key, other, answer):
        """Delete the token with the id of `other`, if it belongs to the same user."""
        if row := self.let_through(key, "write", answer):
            own = [each for each in self.own(row.user) if each.key == other]
            answer.must_be(204 if own else 404)
            self.rows = [each for each in self.rows if each not in own]

    def issued(self, row: Row, answer: Answer):
        key = answer.body["token"]
        assert answer.body.get("scope") == (row.scope if self.per_client else None)
        if row.key is None:
            assert key not in self.issued_at, "this key was issued before"
            row.key = key
        assert row.key == key, "the key differs from the row's"
        self.issued_at.setdefault(key, self.now)

    def moments(self) -> set[int]:
        """Return the moments at which something changes by itself."""
        gone = {end + DAY for row in self.rows for end in self.ends(row)} if self.per_client else set()
        return gone | {moment for row in self.rows for moment in (*self.ends(row), row.used + MINUTE)}
