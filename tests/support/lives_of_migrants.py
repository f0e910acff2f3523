"""The model of pairs while SimpleJWT's own tokens are accepted, too (see lives_of_pairs.py)."""

from dataclasses import dataclass, field

from tests.support.lives import DAY
from tests.support.lives_of_pairs import Login, Pairs, Token, claims

NO_LOGIN = "0" * 32


@dataclass(frozen=True)
class StockToken(Token):
    user: str
    issued: int


@dataclass
class Migrants(Pairs):
    """A world of JWT pairs in which some clients hold a pair that SimpleJWT issued."""

    # The login that a token became or None, its end, and the name of its user; the key is its id.
    spent: dict[str, tuple[str | None, int, str]] = field(default_factory=dict)
    cutoffs: dict[str, int] = field(default_factory=dict)

    def issued_by_simplejwt(self, name: str, pair: dict[str, str]):
        for kind, text in pair.items():
            payload = claims(text)
            self.tokens[text] = StockToken(
                kind, NO_LOGIN, self.users[name].id, payload["jti"], payload["exp"], -1, name, payload["iat"]
            )

    def end(self, name):
        super().end(name)
        self.cutoffs[name] = self.now

    def forget(self, name):
        super().forget(name)
        self.cutoffs.pop(name, None)
        self.spent = {key: row for key, row in self.spent.items() if row[2] != name}

    def is_good(self, token):
        """Check what needs no database; SimpleJWT has no leeway."""
        return self.now < token.end if isinstance(token, StockToken) else super().is_good(token)

    def exists(self, token: StockToken) -> bool:
        user = self.users.get(token.user)
        return user is not None and user.id == token.user_id

    def is_cut_off(self, token: StockToken) -> bool:
        return token.issued <= self.cutoffs.get(token.user, -1)

    def presenter(self, token):
        if not isinstance(token, StockToken):
            return super().presenter(token)
        lives = self.exists(token) and self.is_active(token.user) and not self.is_cut_off(token)
        return token.user if lives and self.is_good(token) else None

    def would_be_honoured(self, token):
        if not isinstance(token, StockToken):
            return super().would_be_honoured(token)
        if self.presenter(token) is None:
            return False
        if token.kind == "access" or token.id not in self.spent:
            return True
        login = self.rows.get(self.spent[token.id][0])
        return login is not None and not login.ended and self.is_recent_parent(token, login)

    def refresh(self, refresh, answer):
        """Exchange SimpleJWT's token once: the first refresh token of a login is its child."""
        token = self.tokens[refresh]
        if not isinstance(token, StockToken):
            yield from super().refresh(refresh, answer)
        elif self.presenter(token) is None:
            answer.must_be(401)
        elif token.id not in self.spent:
            answer.must_be(200)
            sid = claims(answer.body["refresh"])["sid"]
            assert sid not in self.rows
            end = self.now + self.switches["JWT_SESSION_LIFETIME"]
            self.rows[sid] = Login(token.user, end=end, refresh_tokens=[token.id])
            self.spent[token.id] = (sid, token.end, token.user)
            self.renew(self.rows[sid], answer)
        elif self.would_be_honoured(token):
            answer.must_be(200)
            self.issued(self.rows[self.spent[token.id][0]], answer)
        else:
            answer.must_be(401)
            login = self.rows.get(self.spent[token.id][0])
            if login:
                login.ended = True

    def log_out(self, text, everywhere, answer):
        """Spend a refresh token of SimpleJWT's; an access token names no login to end."""
        token = self.tokens[text]
        if not isinstance(token, StockToken):
            yield from super().log_out(text, everywhere, answer)
        elif token.kind == "access":
            name = self.presenter(token)
            answer.must_be(401 if name is None else 204 if everywhere else 400)
            yield
            if name and everywhere:
                self.end(name)
        elif not (self.is_good(token) and self.exists(token)):
            answer.must_be(401)
        else:
            answer.must_be(204)
            is_new = token.id not in self.spent
            sid, *_ = self.spent.setdefault(token.id, (None, token.end, token.user))
            login = self.rows.get(sid)
            lived = (is_new and not self.is_cut_off(token)) or (login is not None and not login.ended)
            if login:
                login.ended = True
            if lived and everywhere:
                self.end(token.user)

    def flushed(self, before):
        return self.flushed_logins(before) + self.flushed_spent(before) + self.flushed_notes(before)

    def flushed_spent(self, before: int) -> str:
        kept = {key: row for key, row in self.spent.items() if row[1] >= before}
        number, self.spent = len(self.spent) - len(kept), kept
        return f"{number} spent tokens of SimpleJWT deleted\n" if number else ""

    def moments(self):
        stock = {token.end for token in self.tokens.values() if isinstance(token, StockToken)}
        return super().moments() | stock | {row[1] + self.switches["JWT_LEEWAY"] + DAY for row in self.spent.values()}
