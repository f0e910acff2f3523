"""Hold a credential of this service in an HTTP client: TokenAuth (opaque tokens), BearerAuth (JWT).

Copy this file. It needs httpx or httpx2 (httpx's continuation) and nothing else, and serves clients
of both. Both classes work in `Client` and in `AsyncClient` (asyncio), and any number of threads,
event loops and clients may share one instance. Logins and refreshes go through the client that
needs them, so they have its transport, TLS and timeouts. Its event hooks see them too; a hook that
raises on a 401 prevents the refresh that would have answered it.

A request can raise, besides what the library itself raises:

CredentialError         the password or the token was refused, or the login has ended
HTTPStatusError         a login or refresh was answered 429, 503 or anything else but 200;
                        `response` is the answer with its Retry-After. Nothing is lost, and the next
                        request tries again
RemoteProtocolError     a login or refresh was answered 200 without a credential, or was redirected
ValueError              the request goes to another origin, which must not see the credential
                        (RFC 6750 5.3)
TimeoutError            another client has held the store for WAIT seconds

HTTPStatusError and RemoteProtocolError are those of the library whose client sent the request.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import importlib
import json
import math
import os
import re
import sqlite3
import stat
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeAlias
from urllib.parse import parse_qsl
from weakref import WeakSet

# Seconds before its expiry at which an access token is refreshed; half its lifetime if that is less.
MARGIN = 30
WAIT = 60  # seconds for which a request waits while another one logs in or refreshes
POLL = 0.01  # seconds between two looks at whether it has finished


def _installed() -> list[Any]:
    """Return httpx2, httpx or both. Raise ModuleNotFoundError if neither is installed."""
    found = []
    for name in ("httpx2", "httpx"):
        try:
            found.append(importlib.import_module(name))
        except ModuleNotFoundError as missing:
            if missing.name != name:
                raise
    if not found:
        raise ModuleNotFoundError("clients.py needs httpx2 or httpx: pip install httpx2")
    return list(dict.fromkeys(found))  # after `httpx2.alias_httpx()` both names are one module


_LIBRARIES = _installed()

if TYPE_CHECKING:
    # The ignored errors arise where only one of the two is installed.
    import httpx  # type: ignore[import-not-found, unused-ignore]
    import httpx2  # type: ignore[import-not-found, unused-ignore]

    Request: TypeAlias = httpx.Request | httpx2.Request
    Response: TypeAlias = httpx.Response | httpx2.Response
    # They yield None to wait POLL seconds for the store.
    Steps: TypeAlias = Generator[Request | None, Response, None]
    Step: TypeAlias = Generator[Request | None, Response, Response]

    class _Auth(httpx.Auth, httpx2.Auth):  # type: ignore[misc, unused-ignore]
        pass

    class _Stream:
        pass
else:
    # Each client accepts only what descends from its own library's classes.
    _Auth = type("_Auth", tuple(library.Auth for library in _LIBRARIES), {})
    _Stream = type(
        "_Stream",
        tuple(kind for library in _LIBRARIES for kind in (library.SyncByteStream, library.AsyncByteStream)),
        {},
    )


class CredentialError(Exception):
    """The password or the token was refused, or the login has ended.

    `response` is the service's answer, or None if the service was not asked.
    """

    def __init__(self, message: str, response: Response | None = None):
        super().__init__(f"{message}: {_said(response)}" if response is not None else message)
        self.response = response


class Store:
    """Keep an opaque token, or the newest refresh token, in memory while the process lives.

    Subclass it to keep the credential elsewhere. Clients that share a store share a login. What a
    subclass must do, and what it can rely on:

    - `acquire` returns at once: True if the caller has the store now, False if somebody else has
      it. A client that got False asks again every POLL seconds, so `acquire` must not wait. Event
      loops call these methods too, so all of them must be quick.
    - `load` and `save` are called only between an `acquire` that returned True and its `release`.
      They and `release` may run in another thread than `acquire` did, but never at the same time.
    - What was saved must be safe when `release` returns, and nobody else may get the store before.
    - If `acquire` raises, the caller does not have the store. Raise there, rather than in `save`,
      what would keep the credential from being saved: when `save` is called, a refresh token has
      been spent.

    A forked process gets a copy of a store in memory. If it holds a refresh token, both processes
    spend the same one, and the service ends the login as stolen: give them a FileStore.
    """

    def __init__(self, credential: str | None = None):
        self._lock = threading.Lock()
        self._credential = credential
        _STORES.add(self)

    def acquire(self) -> bool:
        """Return True if the store is the caller's now. Never wait."""
        return self._lock.acquire(blocking=False)

    def release(self) -> None:
        """Let the next one have the store."""
        self._lock.release()

    def load(self) -> str | None:
        """Return the credential, or None if there is none."""
        return self._credential

    def save(self, credential: str | None) -> None:
        """Replace the credential; None removes it."""
        self._credential = credential


class FileStore(Store):
    """Keep the credential in a file, for the next process and for several at once.

    SQLite provides what this needs: a lock that dies with its holder, and writes that are whole or
    absent. Only the owner may read the file, its journal and its WAL. Each use creates the file
    with mode 0600 if it is gone, and sets this mode again if it became looser. Where the system has
    no such modes (Windows), the folder must be private. A relative path is resolved once, here.

    Raise OSError if the file belongs to somebody else, is a symbolic link or no regular file, or if
    its folder is missing; raise OSError or sqlite3.Error if it cannot be used later. All of these
    come before a refresh token is spent.
    """

    _creating = threading.Lock()

    def __init__(self, path: str | os.PathLike[str]):
        super().__init__()
        self._path = os.path.abspath(path)
        self._keep_private()

    def acquire(self) -> bool:
        if not super().acquire():
            return False
        try:
            self._database = self._begin()
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
        return None if row is None else str(row[0])

    def save(self, credential: str | None) -> None:
        self._database.execute("DELETE FROM credential")
        if credential is not None:
            self._database.execute("INSERT INTO credential VALUES (?)", (credential,))

    def _begin(self) -> sqlite3.Connection:
        """Return a new connection that has the file to itself. Raise OperationalError if busy."""
        self._keep_private()
        database = sqlite3.connect(
            Path(self._path).as_uri() + "?mode=rw",  # SQLite would create it readable for everybody
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("CREATE TABLE IF NOT EXISTS credential (text TEXT NOT NULL)")
            database.execute("PRAGMA user_version = 1")  # a write, so that a full disk raises here
            # Another process that tries to begin has the file for a moment: the commit waits.
            database.execute("PRAGMA busy_timeout = 10000")  # milliseconds
        except BaseException:
            database.close()
            raise
        return database

    def _keep_private(self) -> None:
        """Create the file if it is missing, and let only its owner read it."""
        # An existing file is never opened here: closing it would drop every lock that this process
        # has on it (POSIX), and so would closing a new one that another thread has begun to use.
        with FileStore._creating, suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        for path in (self._path, *(self._path + suffix for suffix in ("-journal", "-wal", "-shm"))):
            with suppress(FileNotFoundError):  # removed just now; SQLite's own files come and go
                found = os.lstat(path)
                if not stat.S_ISREG(found.st_mode):
                    raise OSError(errno.EINVAL, "not a regular file; allowed: a file of your own, no link", path)
                if os.name == "posix":
                    if found.st_uid != os.geteuid():
                        raise PermissionError(
                            errno.EPERM, f"belongs to user {found.st_uid}; allowed: a file of your own", path
                        )
                    if found.st_mode & 0o077:
                        os.chmod(path, 0o600)


_STORES: WeakSet[Store] = WeakSet()


def _renew_locks() -> None:
    """Free, in a forked process, the locks of threads that were not forked with it."""
    FileStore._creating = threading.Lock()
    for store in _STORES:
        store._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class _StoredAuth(_Auth):
    """Share what both kinds have: a password that is good for one login, and a store."""

    scheme: str
    path: str  # of the endpoint that exchanges a password for a credential, above the others

    # For those who drive `auth_flow` themselves. The flows below read only the bodies that matter.
    requires_response_body = True

    def __init__(
        self,
        base_url: str,
        username: str | None = None,
        password: str | None = None,
        *,
        store: Store | None = None,
    ):
        self._endpoint = _endpoint(base_url, self.path)
        if (username is None) != (password is None):
            raise ValueError("allowed: a user name and a password, or neither")
        if username is None and store is None:
            raise ValueError("allowed: a user name and a password, or a store that holds a credential, or both")
        self._password = None if username is None else {"username": username, "password": password}
        self._store = Store() if store is None else store
        # What the next request raises when there is nothing left to log in with.
        self._refusal: tuple[str, Response | None] = (
            "there is no login: nothing is stored, and no password left",
            None,
        )

    def _steps(self, request: Request) -> Steps:
        """Yield the requests to send for `request`, and None while somebody else has the store."""
        raise NotImplementedError

    # The library throws nothing into a flow. It closes the flow when sending fails, so what must
    # happen then stands in a `finally`.
    def auth_flow(self, request: Request) -> Generator[Any, Any, None]:
        """Yield the requests to send for `request`. Sleep while somebody else has the store."""
        self._refuse_other_origin(request)
        with closing(self._steps(request)) as steps:
            answer: Any = None
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration:
                    return
                if step is None:
                    time.sleep(POLL)
                    answer = None
                else:
                    answer = _bound(step, (yield step))
                    if self._needs_body(step, answer):
                        answer.read()

    def sync_auth_flow(self, request: Request) -> Generator[Any, Any, None]:
        """Do as `auth_flow`. The library's own method would read every body, streamed ones too."""
        return self.auth_flow(request)

    async def async_auth_flow(self, request: Request) -> AsyncGenerator[Any, Any]:
        """Do as `auth_flow`, and let the event loop go on while somebody else has the store."""
        self._refuse_other_origin(request)
        with closing(self._steps(request)) as steps:
            answer: Any = None
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration:
                    return
                if step is None:
                    # An asyncio.Lock would belong to one event loop and to no thread.
                    await asyncio.sleep(POLL)
                    answer = None
                else:
                    answer = _bound(step, (yield step))
                    if self._needs_body(step, answer):
                        await answer.aread()

    def _acquire(self) -> Generator[None, Any, None]:
        """Wait for the store. Raise TimeoutError after WAIT seconds."""
        end = monotonic() + WAIT
        while not self._store.acquire():
            if monotonic() > end:
                raise TimeoutError(f"another client has held the store of {self._endpoint} for {WAIT} s")
            yield None

    def _needs_body(self, request: Request, response: Response) -> bool:
        # Other bodies are left to the caller, who may stream them.
        return response.status_code == 401 or request.url.path.startswith(self._endpoint.path)

    def _refuse_other_origin(self, request: Request) -> None:
        if _origin(request.url) != _origin(self._endpoint):
            raise ValueError(
                f"a credential of {self._endpoint} is not sent to {request.url}; allowed: that origin, or auth=None"
            )

    def _is(self, request: Request, name: str) -> bool:
        """Return True if the request goes to the endpoint of this name."""
        return bool(request.url.path == self._endpoint.path + name)

    def _is_ours(self, response: Response) -> bool:
        """Return True unless the client followed a redirect to another origin."""
        return _origin(response.request.url) == _origin(self._endpoint)

    def _is_refused(self, response: Response) -> bool:
        """Return True if the credential is wrong, so that another can help (RFC 6750 3.1)."""
        challenges = response.headers.get("WWW-Authenticate", "")
        invalid = re.search(r'error\s*=\s*"?invalid_token\b', challenges)
        return response.status_code == 401 and invalid is not None and self._is_ours(response)

    def _log_in(self, request: Request) -> Step:
        """Return the answer to a login. Raise CredentialError for a wrong password, or none."""
        if self._password is None:
            raise CredentialError(*self._refusal)
        response = yield from self._post(request, "", self._password)
        if response.status_code in (400, 401):  # DRF's own view answers a wrong password 400
            self._password = None
            self._refuse("the login was refused", response)
        _require_200(response)
        return response

    def _refuse(self, why: str, response: Response) -> None:
        self._refusal = (why, response)
        raise CredentialError(why, response)

    def _post(self, request: Request, name: str, fields: dict[str, str | None]) -> Step:
        """POST to an endpoint on behalf of a request, with that request's timeouts and Host."""
        library = _library(request)
        # "target" would send the password wherever that request was sent.
        extensions = {name: value for name, value in request.extensions.items() if name != "target"}
        post = library.Request(
            "POST",
            f"{self._endpoint}{name}",
            headers={"Accept": "application/json", "Host": request.headers["Host"]},
            json=fields,
            extensions=extensions,
        )
        post.stream = _Once(post.content, library.RemoteProtocolError)
        response = yield post
        if response.request is not post:
            raise library.RemoteProtocolError(_REDIRECTED, request=post)
        return response

    def _forget(self, is_ended: Callable[[str], bool]) -> Generator[None, Any, None]:
        """Empty the store of what was ended. Another process may have stored a newer login."""
        yield from self._acquire()
        try:
            stored = self._store.load()
            if stored is not None and is_ended(stored):
                self._store.save(None)
            self._refusal = ("logged out", None)
        finally:
            self._store.release()


@dataclass(frozen=True, slots=True)
class _Access:
    token: str
    refresh: str | None  # the stored refresh token when this access token came
    due: float  # monotonic seconds at which it is to be refreshed

    def is_of_login(self, refresh: str) -> bool:
        """Return True if this refresh token belongs to the same login."""
        sid = _claims(self.token).get("sid")
        return refresh == self.refresh or (sid is not None and sid == _claims(refresh).get("sid"))


class BearerAuth(_StoredAuth):
    """Send `Authorization: Bearer …` (RFC 6750 2.1): log in at the first request, refresh when due.

    An access token is refreshed MARGIN seconds before its expiry, or when it is refused with
    error="invalid_token" (RFC 6750 3.1); the refused request is then sent once more. Its lifetime
    is exp - iat, counted from the moment of the login or refresh by a clock that nobody sets, so
    the client's time of day may be wrong. Requests that find it due at the same time make one
    refresh.

    A refresh token is replaced only by its successor. If the answer to a refresh is lost, the next
    request presents the same refresh token again, and the service returns the same successor within
    JWT_REUSE_GRACE seconds of the first refresh, so retry soon. The same holds for a process that
    dies before it has the answer, if it has a FileStore.

    When the service says that the login has expired or ended, every request raises CredentialError
    and the refresh token is not presented again. Any other refusal may pass, for example that of a
    server which does not know a new signing key yet: the request raises CredentialError, and the
    next one presents the refresh token again. A password is good for one login: at the first
    request, or if the stored refresh token is refused then. It does not bring back a login that
    this client has had.

    Log out by `client.post("/api/token/logout/")`. That empties the store too, unless another
    process has logged in since: its login stays, and this client goes on with it.
    """

    scheme = "Bearer"
    path = "/api/token/"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._access: _Access | None = None
        self._ended: str | None = None  # the refresh token that need not be presented again

    def _steps(self, request: Request) -> Steps:
        access = self._access
        if access is None or monotonic() >= access.due:
            access = yield from self._renewed(request, access)
        response = yield _with(request, self.scheme, access.token)
        if self._is_refused(response):
            access = yield from self._renewed(request, access)
            _require_replayable(request, response)
            response = yield _with(request, self.scheme, access.token)
        if self._is(request, "logout/") and response.status_code == 204 and self._is_ours(response):
            named = _refresh_in(request)
            if named is not None and not access.is_of_login(named):
                return  # it ended another login
            if self._access is access:
                self._access = None
            yield from self._forget(access.is_of_login)

    def _renewed(self, request: Request, stale: _Access | None) -> Generator[Request | None, Response, _Access]:
        """Return another access token than `stale`: one that another thread got, or a new one."""
        yield from self._acquire()
        try:
            access = self._access
            if access is None or access is stale:
                asked = monotonic()
                response = yield from self._refresh(request)
                # A server may keep the refresh token as it is and send none (RFC 6749 6).
                if "refresh" in _fields(response) or not self._is(response.request, "refresh/"):
                    self._store.save(_credential(response, "refresh"))
                token = _credential(response, "access")
                lifetime = _lifetime(token)
                access = _Access(token, self._store.load(), asked + lifetime - min(MARGIN, lifetime / 2))
                self._access = access
                self._password = None
            return access
        finally:
            self._store.release()

    def _refresh(self, request: Request) -> Step:
        """Return the answer to a refresh, or to a login if there is nothing to refresh with."""
        refresh = self._store.load()
        if refresh is None or refresh == self._ended:
            return (yield from self._log_in(request))
        response = yield from self._post(request, "refresh/", {"refresh": refresh})
        if response.status_code == 401:
            if _is_final(response):
                self._ended, self._refusal = refresh, ("the login has ended, log in again", response)
            else:
                self._refusal = ("the refresh token was refused, the next request presents it again", response)
            return (yield from self._log_in(request))
        _require_200(response)
        return response


class TokenAuth(_StoredAuth):
    """Send `Authorization: Token …`: an opaque token from the store or from a login.

    Raise CredentialError when the token is refused with error="invalid_token", unless another
    client has rotated it: then the request is sent once more, with the successor. The next request
    presents the same token again. A password is good for one login, as in BearerAuth.

    Rotate by `client.post("/api-token-auth/new/")`, and revoke by
    `client.post("/api-token-auth/revoke/")`: the store then holds the successor, or nothing. A
    newer token that another process has stored since stays. If the answer to a rotation is lost, so
    is the token: log in again.
    """

    scheme = "Token"
    path = "/api-token-auth/"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._key: str | None = None

    def _steps(self, request: Request) -> Steps:
        key = self._key or (yield from self._other_than(None, request))[0]
        if self._is(request, "new/"):
            yield from self._rotate(request)
            return
        response = yield _with(request, self.scheme, key)
        is_new = False
        # Population may have rotated the successor too, before it got there.
        while self._is_refused(response) and not is_new:
            self._refusal = ("the token was refused, log in again", response)
            key, is_new = yield from self._other_than(key, request)
            _require_replayable(request, response)
            response = yield _with(request, self.scheme, key)
        if response.is_success:
            self._password = None
        if self._is(request, "revoke/") and response.status_code == 204 and self._is_ours(response):
            if self._key == key:
                self._key = None
            yield from self._forget(lambda stored: stored == key)

    def _other_than(
        self, refused: str | None, request: Request
    ) -> Generator[Request | None, Response, tuple[str, bool]]:
        """Return another key, from the store or by a login, and whether a login gave it."""
        yield from self._acquire()
        try:
            key = self._store.load()
            is_new = key is None or key == refused
            if key is None or key == refused:
                key = _credential((yield from self._log_in(request)), "token")
                self._store.save(key)
                self._password = None
            self._key = key
            return key, is_new
        finally:
            self._store.release()

    def _rotate(self, request: Request) -> Steps:
        """Send a rotation, one at a time: of two with the same token the service refuses one."""
        yield from self._acquire()
        try:
            key = self._store.load()
            if key is None:
                raise CredentialError(*self._refusal)  # revoked by another client
            response = yield _with(request, self.scheme, key)
            if self._is_refused(response):
                self._refuse("the token was refused, log in again", response)
            if response.status_code == 200 and self._is_ours(response):
                self._key = _credential(response, "token")
                self._store.save(self._key)
        finally:
            self._store.release()


class _Once(_Stream):
    """Send a body once. A client that follows redirects would send it on to another host."""

    def __init__(self, content: bytes, error: Callable[[str], Exception]):
        self._parts = [content]
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        if not self._parts:
            raise self._error(_REDIRECTED)
        yield self._parts.pop()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self:
            yield part


_REDIRECTED = "a login or refresh was redirected, and is not sent on; give the address it was redirected to as base_url"


def _library(request: Request) -> Any:
    """Return the library whose client sends this request."""
    return next(library for library in _LIBRARIES if isinstance(request, library.Request))


def _bound(request: Request, response: Any) -> Any:
    """Return the response, and set its request if whoever drives the flow has not done that."""
    try:
        response.request  # noqa: B018
    except RuntimeError:
        response.request = request
    return response


def _endpoint(base_url: str, path: str) -> Any:
    """Return the URL of an endpoint of the service. Raise ValueError if it is no address of one."""
    library = _LIBRARIES[0]
    shown = re.sub("//.*@", "//…@", base_url)  # without a password
    refused = ValueError(
        f"base_url={shown!r}; allowed: the service's address, http(s)://host, without user, query and fragment"
    )
    try:
        url = library.URL(base_url)
    except library.InvalidURL:
        raise refused from None
    if url.scheme not in ("http", "https") or not url.host or url.userinfo or url.query or url.fragment:
        raise refused
    return library.URL(base_url.rstrip("/") + path)


def _origin(url: Any) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _with(request: Request, scheme: str, credential: str) -> Request:
    request.headers["Authorization"] = f"{scheme} {credential}"
    return request


# What this service and SimpleJWT say of a refresh token that no later try can help. A text that is
# not recognized costs one refresh for each request, and nothing else.
_FINAL = re.compile(r"\b(expired|ended|blacklisted)\b")


def _is_final(response: Response) -> bool:
    """Return True if the refused refresh token will never be accepted again."""
    return _FINAL.search(str(_fields(response).get("detail"))) is not None


def _refresh_in(request: Request) -> str | None:
    """Return the refresh token in a logout's body, JSON or form; None if there is none to be read."""
    try:
        text = request.content.decode()
    except (_library(request).RequestNotRead, UnicodeDecodeError):
        return None
    try:
        fields = json.loads(text)
    except ValueError:
        fields = dict(parse_qsl(text))
    named = fields.get("refresh") if isinstance(fields, dict) else None
    return named if isinstance(named, str) else None


def _require_replayable(request: Request, response: Response) -> None:
    library = _library(request)
    try:
        request.content  # noqa: B018
    except library.RequestNotRead:
        raise library.HTTPStatusError(
            "the credential was refused, and the body of this request is a stream, which cannot be sent twice; "
            "there is a new credential now, send the request again",
            request=request,
            response=response,
        ) from None


def _require_200(response: Response) -> None:
    if response.status_code != 200:
        what = " ".join(filter(None, (str(response.status_code), response.headers.get("Location"))))
        raise _library(response.request).HTTPStatusError(
            f"POST {response.request.url} was answered {what}, not 200: {_said(response)}",
            request=response.request,
            response=response,
        )


def _fields(response: Response) -> dict[str, Any]:
    try:
        fields = response.json()
    except (ValueError, RecursionError):
        return {}
    return fields if isinstance(fields, dict) else {}


def _credential(response: Response, name: str) -> str:
    """Return a field of the answer that can stand in a header (b64token, RFC 6750 2.1)."""
    text = _fields(response).get(name)
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", text):
        # The message does not show the field: it may be a credential after all.
        raise _library(response.request).RemoteProtocolError(
            f"{response.request.method} {response.request.url} was answered 200 without a usable {name!r}",
            request=response.request,
        )
    return text


def _claims(token: str) -> dict[str, Any]:
    """Return the claims of a JWT without a look at its signature, or {} for any other text."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, LookupError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _lifetime(token: str) -> float:
    """Return the seconds from iat to exp; infinity without them: it is used until a 401."""
    claims = _claims(token)
    try:
        lifetime = float(claims["exp"]) - float(claims["iat"])
    except (ValueError, LookupError, TypeError, OverflowError):
        return math.inf
    return lifetime if lifetime == lifetime else math.inf


def _said(response: Response) -> str:
    return " ".join(response.text[:200].split()) or "no more was said"
