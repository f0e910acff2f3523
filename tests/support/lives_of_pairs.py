"""A plain model of JWT pairs, as docs/explanation/decisions.md defines them (see lives.py)."""

from dataclasses import dataclass, field

import jwt

from tests.support.lives import DAY, Answer, World, atomic


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
    notes: dict[str, int] = field(default_factory=dict)  # when each deleted login was deleted

    def end(self, name):
        for login in self.rows.values():
            login.ended = login.ended or login.user == name

    def forget(self, name):
        gone = {sid: login for sid, login in self.rows.items() if login.user == name}
        self.rows = {sid: login for sid, login in self.rows.items() if sid not in gone}
        self.notes |= {sid: self.now for sid, login in gone.items() if self.now < login.refresh_end + DAY}

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

    def presenter(self, token: Token) -> str | None:
        """Return the name of the user whose living login this token belongs to, or None."""
        login = self.living(token)
        return login.user if login else None

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
            self.issued(login, answer)  # the same child as before
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
        assert answer.body == self.flushed(before)

    def flushed(self, before: int) -> str:
        """Delete what expired before, and return what the command prints."""
        return self.flushed_logins(before) + self.flushed_notes(before)

    def flushed_logins(self, before: int) -> str:
        kept = {sid: login for sid, login in self.rows.items() if login.refresh_end >= before}
        number, self.rows = len(self.rows) - len(kept), kept
        return f"{number} expired logins deleted\n"

    def flushed_notes(self, before: int) -> str:
        kept = {sid: deleted for sid, deleted in self.notes.items() if deleted >= before}
        number, self.notes = len(self.notes) - len(kept), kept
        return f"{number} notes of deleted logins deleted\n" if number else ""

    @atomic
    def list_sessions(self, access, answer):
        """List the user's logins that could still be refreshed. Every row reads the database."""
        name = self.presenter(self.tokens[access])
        answer.must_be(200 if name else 401)
        if name:
            living = {sid for sid, each in self.rows.items() if each.user == name and self.is_listed(each)}
            assert {each["id"].replace("-", "") for each in answer.body} == living
            current = {each["id"].replace("-", "") for each in answer.body if each["current"]}
            assert current == {self.tokens[access].login} & living

    def end_session(self, access, other, answer):
        """End the login with this id, if it belongs to the same user and has not ended."""
        name = self.presenter(self.tokens[access])
        if name is None:
            answer.must_be(401)
            return
        yield  # the request is accepted; a logout from here on does not stop it
        ended = self.rows.get(other)
        own = ended is not None and ended.user == name and self.is_listed(ended)
        answer.must_be(204 if own else 404)
        if own:
            ended.ended = True

    def is_listed(self, login: Login) -> bool:
        return not login.ended and self.now < login.refresh_end + self.switches["JWT_LEEWAY"]

    def renew(self, login: Login, answer: Answer):
        """Make the refresh token of the response the current one."""
        new = claims(answer.body["refresh"])["jti"]
        assert new not in {token.id for token in self.tokens.values()}
        login.refresh_tokens.append(new)
        login.rotated = self.now
        login.refresh_end = min(self.now + self.switches["JWT_REFRESH_LIFETIME"], login.end)
        self.issued(login, answer)

    def issued(self, login: Login, answer: Answer):
        """Check that no access token outlives its refresh token, and no refresh token its login."""
        ends = {
            "refresh": login.refresh_end,
            "access": min(self.now + self.switches["JWT_ACCESS_LIFETIME"], login.refresh_end),
        }
        for kind, end in ends.items():
            text, user = answer.body[kind], self.users[login.user]
            prefix = "refresh_" if kind == "refresh" else ""
            payload = claims(text)
            assert (payload["exp"], payload["user_id"]) == (end, str(user.id))
            assert answer.body[f"{prefix}expires_in"] == max(0, end - self.now)
            assert self.rows[payload["sid"]] is login
            assert kind == "access" or payload["jti"] == login.refresh_tokens[-1]
            self.tokens[text] = Token(kind, payload["sid"], user.id, payload["jti"], end, self.signing)

    def moments(self) -> set[int]:
        """Return the moments at which something changes by itself."""
        leeway = self.switches["JWT_LEEWAY"]
        logins = self.rows.values()
        return {
            *(token.end + leeway for token in self.tokens.values()),
            *(login.rotated + self.switches["JWT_REUSE_GRACE"] for login in logins),
            *(login.refresh_end + leeway + DAY for login in logins),
            *(deleted + leeway + DAY for deleted in self.notes.values()),
        }


def claims(text: str) -> dict:
    return jwt.decode(text, options={"verify_signature": False})
