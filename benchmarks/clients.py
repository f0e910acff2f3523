"""How a client holds a credential of this service: an `httpx.Auth` for opaque tokens, and one for pairs.

To copy: this file needs nothing but httpx. Both classes work in `httpx.Client` and in `httpx.AsyncClient` (asyncio),
and one instance may be shared by any number of threads, event loops and clients. They send what they need through
the client that uses them, so that its transport, TLS and timeouts hold for a login too. Its event hooks see logins as
well; one that raises on a 401 keeps it from being answered by a refresh.

What can happen to a request, beside what httpx itself raises:

CredentialError              the password or the token was refused, or the login has ended: to try again is no help
httpx.HTTPStatusError        a login or refresh was answered 429, 503 or anything but 200; `response` is the answer,
                             Retry-After and all. Nothing is lost by it, and the next request tries again
httpx.RemoteProtocolError    a login or refresh was answered 200 without a credential, or by way of a redirect
ValueError                   the request goes to another origin, which must not see the credential (RFC 6750 5.3)
TimeoutError                 another client has held the store for WAIT seconds
"""

import asyncio
import base64
import json
import math
import os
import re
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass
from time import monotonic

import httpx

MARGIN = 30  # seconds before its expiry at which an access token is refreshed, or half its lifetime if that is less
WAIT = 60  # seconds for which a request waits while another one logs in or refreshes
POLL = 0.01  # seconds between two looks at whether it has

_LOCK = None  # what a flow yields, instead of a request, when it needs the store to itself

Flow = Generator[httpx.Request | None, httpx.Response, None]
Step = Generator[httpx.Request | None, httpx.Response, httpx.Response]


class CredentialError(Exception):
    """The password or the token was refused, or the login has ended.

    `response` is what the service answered, or None if it was not asked.
    """

    def __init__(self, message: str, response: httpx.Response | None = None):
        super().__init__(f"{message}: {_said(response)}" if response is not None else message)
        self.response = response


class Store:
    """Where an opaque token, or the newest refresh token, is kept: here, in memory, as long as the process lives.

    A store of your own may keep it anywhere. `load` and `save` are called between an `acquire` that returned True and
    its `release`; what is saved must be safe when `release` returns, and nobody else be let in before.
    """

    def __init__(self, credential: str | None = None):
        self._lock = threading.Lock()
        self._credential = credential

    def acquire(self) -> bool:
        """Whether the store is the caller's now. Never waits."""
        return self._lock.acquire(blocking=False)

    def release(self) -> None:
        self._lock.release()

    def load(self) -> str | None:
        return self._credential

    def save(self, credential: str | None) -> None:
        self._credential = credential


class FileStore(Store):
    """In a file that only its owner may read, for the next process and for several at once.

    SQLite, since it has what is needed: a lock that dies with its holder, and writes that are whole or not at all.
    Raises OSError or sqlite3.Error where the file cannot be used, before a refresh token is spent.
    """

    def __init__(self, path: str | os.PathLike[str]):
        super().__init__()
        self._path = path
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))

    def acquire(self) -> bool:
        if not super().acquire():
            return False
        try:
            # A connection for each time: none is carried into a forked process.
            self._database = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
            try:
                self._database.execute("BEGIN IMMEDIATE")
                self._database.execute("CREATE TABLE IF NOT EXISTS credential (text TEXT NOT NULL)")
                self._database.execute("PRAGMA user_version = 1")  # a write: of a full disk it is told here
                # Who only tries to begin has the file for a moment, and a commit must not be lost to that.
                self._database.execute("PRAGMA busy_timeout = 10000")  # milliseconds
            except BaseException:
                self._database.close()
                raise
        except sqlite3.OperationalError as error:
            super().release()
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY:  # or one of its extended codes
                return False
            raise
        except BaseException:
            super().release()
            raise
        return True

    def release(self) -> None:
        try:
            with closing(self._database):
                self._database.execute("COMMIT")
        finally:
            super().release()

    def load(self) -> str | None:
        row = self._database.execute("SELECT text FROM credential").fetchone()
        return row and row[0]

    def save(self, credential: str | None) -> None:
        self._database.execute("DELETE FROM credential")
        if credential is not None:
            self._database.execute("INSERT INTO credential VALUES (?)", (credential,))


class _StoredAuth(httpx.Auth):
    """What both kinds share: a password that is used for one login, a store, and who may have it."""

    scheme: str
    path: str  # of the endpoint that gives a credential for a password; the others of its kind are below it

    def __init__(
        self,
        base_url: str,
        username: str | None = None,
        password: str | None = None,
        *,
        store: Store | None = None,
    ):
        self._endpoint = httpx.URL(base_url.rstrip("/") + self.path)
        if self._endpoint.scheme not in ("http", "https") or not self._endpoint.host:
            raise ValueError(f"base_url={base_url!r}; allowed: the service's address, http(s)://host")
        if (username is None) != (password is None):
            raise ValueError("allowed: a user name and a password, or neither")
        if username is None and store is None:
            raise ValueError("allowed: a user name and a password, or a store that holds a credential, or both")
        self._password = None if username is None else {"username": username, "password": password}
        self._store = Store() if store is None else store
        # What the next request is told when there is nothing left to log in with.
        self._refusal: tuple[str, httpx.Response | None] = (
            "there is no login: nothing is stored, and no password left",
            None,
        )

    def auth_flow(self, request: httpx.Request) -> Flow:
        """The requests to send for `request`, and _LOCK where the store is needed; the flow releases it itself."""
        raise NotImplementedError

    # httpx throws nothing into a flow; where sending fails it is closed. What must happen then stands in a `finally`.
    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        self._refuse_other_origin(request)
        with closing(self.auth_flow(request)) as flow:
            step, answer = next(flow), None
            while True:
                if step is _LOCK:
                    for _ in self._acquire():
                        time.sleep(POLL)
                    answer = None
                else:
                    answer = yield step
                    if self._needs_body(step, answer):
                        answer.read()
                try:
                    step = flow.send(answer)
                except StopIteration:
                    return

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        self._refuse_other_origin(request)
        with closing(self.auth_flow(request)) as flow:
            step, answer = next(flow), None
            while True:
                if step is _LOCK:
                    # By looking again and again, since an asyncio.Lock belongs to one event loop and to no thread.
                    for _ in self._acquire():
                        await asyncio.sleep(POLL)
                    answer = None
                else:
                    answer = yield step
                    if self._needs_body(step, answer):
                        await answer.aread()
                try:
                    step = flow.send(answer)
                except StopIteration:
                    return

    def _acquire(self) -> Iterator[None]:
        end = monotonic() + WAIT
        while not self._store.acquire():
            if monotonic() > end:
                raise TimeoutError(f"another client has held the store of {self._endpoint} for {WAIT} s")
            yield

    def _needs_body(self, request: httpx.Request, response: httpx.Response) -> bool:
        # Others are left to the caller, who may stream them.
        return response.status_code == 401 or request.url.path.startswith(self._endpoint.path)

    def _refuse_other_origin(self, request: httpx.Request) -> None:
        asked, ours = ((url.scheme, url.host, url.port) for url in (request.url, self._endpoint))
        if asked != ours:
            raise ValueError(
                f"a credential of {self._endpoint} is not sent to {request.url}; allowed: that origin, or auth=None"
            )

    def _is(self, request: httpx.Request, name: str) -> bool:
        """Whether it goes to the endpoint of this name."""
        return request.url.path == self._endpoint.path + name

    def _log_in(self, request: httpx.Request) -> Step:
        """The answer to a login. Raises CredentialError where there is no password, or it is refused."""
        if self._password is None:
            raise CredentialError(*self._refusal)
        response = yield from self._post(request, "", self._password)
        if response.status_code in (400, 401):  # DRF's own view answers a wrong password 400
            self._password = None
            self._refuse("the login was refused", response)
        _require_200(response)
        return response

    def _refuse(self, why: str, response: httpx.Response):
        self._refusal = (why, response)
        raise CredentialError(why, response)

    def _post(self, request: httpx.Request, name: str, fields: dict[str, str | None]) -> Step:
        """POST to an endpoint on behalf of a request, whose timeouts hold for it."""
        post = httpx.Request(
            "POST",
            self._endpoint.join(self._endpoint.path + name),
            headers={"Accept": "application/json"},
            json=fields,
            extensions=request.extensions,
        )
        post.stream = _Once(post.content)
        response = yield post
        if response.request is not post:
            raise httpx.RemoteProtocolError(_REDIRECTED, request=post)
        return response

    def _forget(self) -> Flow:
        yield _LOCK
        try:
            self._store.save(None)
            self._refusal = ("logged out", None)
        finally:
            self._store.release()


@dataclass(frozen=True, slots=True)
class _Access:
    token: str
    due: float  # monotonic seconds at which it is to be refreshed


class BearerAuth(_StoredAuth):
    """`Authorization: Bearer …` (RFC 6750 2.1): logs in at the first request, refreshes when it is due.

    An access token is refreshed MARGIN seconds before its expiry, or when it is refused with error="invalid_token"
    (RFC 6750 3.1); the refused request is then sent once more. Its lifetime is exp - iat from the moment it was asked
    for, by a clock that nobody sets: the client's time of day may be wrong. Many requests that find it due make one
    refresh.

    A refresh token is given up only for its successor. Where the answer to a refresh is lost, the next request
    presents the same one again, and the service gives it the same successor, if it comes within JWT_REUSE_GRACE
    seconds of the first: so retry soon. The same holds for a process that dies with the answer, and has a FileStore.

    When the refresh token is refused the login has ended, and every request raises CredentialError. A password is good
    for one login: at the first request, or where the stored refresh token is refused then. It does not bring back a
    login that this client has had.

    Log out by `client.post("/api/token/logout/")`, which empties the store.
    """

    scheme = "Bearer"
    path = "/api/token/"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._access: _Access | None = None
        self._refused: str | None = None  # the refresh token which need not be presented again

    def auth_flow(self, request: httpx.Request) -> Flow:
        access = self._access
        if access is None or monotonic() >= access.due:
            access = yield from self._renewed(request, access)
        response = yield _with(request, self.scheme, access.token)
        if _is_refused(response):
            access = yield from self._renewed(request, access)
            _require_replayable(request, response)
            response = yield _with(request, self.scheme, access.token)
        if self._is(request, "logout/") and response.status_code == 204:
            self._access = None
            yield from self._forget()

    def _renewed(
        self, request: httpx.Request, stale: _Access | None
    ) -> Generator[httpx.Request | None, httpx.Response, _Access]:
        yield _LOCK
        try:
            if self._access is stale or self._access is None:
                asked = monotonic()
                response = yield from self._refresh(request)
                # A server may keep the refresh token as it is and send none (RFC 6749 6).
                if "refresh" in _fields(response) or not self._is(response.request, "refresh/"):
                    self._store.save(_credential(response, "refresh"))
                token = _credential(response, "access")
                lifetime = _lifetime(token)
                self._access = _Access(token, asked + lifetime - min(MARGIN, lifetime / 2))
                self._password = None
            return self._access
        finally:
            self._store.release()

    def _refresh(self, request: httpx.Request) -> Step:
        refresh = self._store.load()
        if refresh is None or refresh == self._refused:
            return (yield from self._log_in(request))
        response = yield from self._post(request, "refresh/", {"refresh": refresh})
        if response.status_code == 401:
            self._refused, self._refusal = refresh, ("the login has ended, log in again", response)
            return (yield from self._log_in(request))
        _require_200(response)
        return response


class TokenAuth(_StoredAuth):
    """`Authorization: Token …`: an opaque token from the store, or for a user name and password.

    Raises CredentialError when the token is refused with error="invalid_token", unless it was rotated meanwhile: then
    the request is sent once more, with the successor. A password is good for one login, as in BearerAuth.

    Rotate by `client.post("/api-token-auth/new/")`, and revoke by `client.post("/api-token-auth/revoke/")`: the store
    holds the successor then, or nothing. If the answer to a rotation is lost, so is the token: log in again.
    """

    scheme = "Token"
    path = "/api-token-auth/"

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._key: str | None = None

    def auth_flow(self, request: httpx.Request) -> Flow:
        key = self._key or (yield from self._other_than(None, request))[0]
        if self._is(request, "new/"):
            yield from self._rotate(request)
            return
        response = yield _with(request, self.scheme, key)
        is_new = False
        # A successor may have been rotated, too, before it got there. After another login nothing else is left.
        while _is_refused(response) and not is_new:
            self._refusal = ("the token was refused, log in again", response)
            key, is_new = yield from self._other_than(key, request)
            _require_replayable(request, response)
            response = yield _with(request, self.scheme, key)
        if response.is_success:
            self._password = None
        if self._is(request, "revoke/") and response.status_code == 204:
            self._key = None
            yield from self._forget()

    def _other_than(
        self, refused: str | None, request: httpx.Request
    ) -> Generator[httpx.Request | None, httpx.Response, tuple[str, bool]]:
        """The key in the store, if it is another one than this; else that of a login, and whether it is one's."""
        yield _LOCK
        try:
            key = self._store.load()
            is_new = key is None or key == refused
            if is_new:
                key = _credential((yield from self._log_in(request)), "token")
                self._store.save(key)
                self._password = None
            self._key = key
            return key, is_new
        finally:
            self._store.release()

    def _rotate(self, request: httpx.Request) -> Flow:
        # One after the other: of two with the same token the service refuses one.
        yield _LOCK
        try:
            key = self._store.load()
            if key is None:
                raise CredentialError(*self._refusal)  # revoked meanwhile
            response = yield _with(request, self.scheme, key)
            if _is_refused(response):
                self._refuse("the token was refused, log in again", response)
            if response.status_code == 200:
                self._key = _credential(response, "token")
                self._store.save(self._key)
        finally:
            self._store.release()


class _Once(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that is sent once. A client that follows redirects would send it on to whatever host a 307 names."""

    def __init__(self, content: bytes):
        self._parts = [content]

    def __iter__(self) -> Iterator[bytes]:
        if not self._parts:
            raise httpx.RemoteProtocolError(_REDIRECTED)
        yield self._parts.pop()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


_REDIRECTED = "a login or refresh was redirected, and is not sent on; give the address it was redirected to as base_url"


def _with(request: httpx.Request, scheme: str, credential: str) -> httpx.Request:
    request.headers["Authorization"] = f"{scheme} {credential}"
    return request


def _is_refused(response: httpx.Response) -> bool:
    """Whether the credential is what is wrong: only then can another one help (RFC 6750 3.1)."""
    challenges = response.headers.get("WWW-Authenticate", "")
    return response.status_code == 401 and re.search(r'error\s*=\s*"?invalid_token\b', challenges) is not None


def _require_replayable(request: httpx.Request, response: httpx.Response) -> None:
    try:
        request.content  # noqa: B018
    except httpx.RequestNotRead:
        raise httpx.HTTPStatusError(
            "the credential was refused, and the body of this request is a stream, which cannot be sent twice; "
            "there is a new credential now, send the request again",
            request=request,
            response=response,
        ) from None


def _require_200(response: httpx.Response) -> None:
    if response.status_code != 200:
        what = " ".join(filter(None, (str(response.status_code), response.headers.get("Location"))))
        raise httpx.HTTPStatusError(
            f"POST {response.request.url} was answered {what}, not 200: {_said(response)}",
            request=response.request,
            response=response,
        )


def _fields(response: httpx.Response) -> dict:
    try:
        fields = response.json()
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _credential(response: httpx.Response, name: str) -> str:
    """A field of the answer, which must be one that can stand in a header (b64token, RFC 6750 2.1)."""
    text = _fields(response).get(name)
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", text):
        # What it said is not shown: it may be a credential after all.
        raise httpx.RemoteProtocolError(
            f"{response.request.method} {response.request.url} was answered 200 without a usable {name!r}",
            request=response.request,
        )
    return text


def _lifetime(token: str) -> float:
    """Seconds from iat to exp, the signature not looked at; infinite for a token that does not tell: a 401 will."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        lifetime = float(claims["exp"]) - float(claims["iat"])
    except (ValueError, LookupError, TypeError, OverflowError, RecursionError):
        return math.inf
    return lifetime if lifetime == lifetime else math.inf


def _said(response: httpx.Response) -> str:
    return " ".join(response.text[:200].split()) or "no more was said"
