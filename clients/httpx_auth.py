"""Authentication for httpx clients of this service: TokenAuth (opaque tokens) and BearerAuth (JWT).

Copy this file. It is one file, however long, so that there is nothing else to copy. It needs only
httpx or httpx2 (httpx's continuation), and works with clients of both.

Both classes work in `Client` and in `AsyncClient` (asyncio). Any number of threads, event loops and
clients may share one instance. Logins and refreshes use the transport, TLS and timeouts of the
client whose request needs them. Its event hooks see them too: a hook that raises on a 401 prevents
the refresh.

A request can raise the library's own exceptions, and these:

CredentialError         the service refused the password or the token, or the login has ended
HTTPStatusError         the response to a login or refresh was 429, 503 or another status than 200;
                        `response` holds it with its Retry-After. The credential is kept, and the
                        next request tries again
RemoteProtocolError     a login or refresh was redirected, or its 200 carried no credential
ValueError              the request goes to another origin, which must not see the credential
                        (RFC 6750 5.3)
TimeoutError            another client has held the store for WAIT seconds

HTTPStatusError and RemoteProtocolError come from the library whose client sent the request.
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

MARGIN = 30  # refresh an access token this many seconds before it expires, or at half its lifetime
WAIT = 60  # seconds that a request waits while another one logs in or refreshes
POLL = 0.01  # seconds between two attempts to get the store


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
        raise ModuleNotFoundError("httpx_auth.py needs httpx2 or httpx: pip install httpx2")
    return list(dict.fromkeys(found))  # after `httpx2.alias_httpx()` both names are one module


_LIBRARIES = _installed()

if TYPE_CHECKING:
    # mypy reports the ignored errors where only one of the two is installed.
    import httpx  # type: ignore[import-not-found, unused-ignore]
    import httpx2  # type: ignore[import-not-found, unused-ignore]

    Request: TypeAlias = httpx.Request | httpx2.Request
    Response: TypeAlias = httpx.Response | httpx2.Response
    # These yield None to wait POLL seconds for the store.
    Steps: TypeAlias = Generator[Request | None, Response, None]
    Step: TypeAlias = Generator[Request | None, Response, Response]

    class _Auth(httpx.Auth, httpx2.Auth):  # type: ignore[misc, unused-ignore]
        pass

    class _Stream:
        pass
else:
    # Each client accepts only subclasses of its own library's classes.
    _Auth = type("_Auth", tuple(library.Auth for library in _LIBRARIES), {})
    _Stream = type(
        "_Stream",
        tuple(kind for library in _LIBRARIES for kind in (library.SyncByteStream, library.AsyncByteStream)),
        {},
    )


class CredentialError(Exception):
    """The service refused the password or the token, or the login has ended.

    `response` is the service's response, or None if there was no request to it.
    """

    def __init__(self, message: str, response: Response | None = None):
        super().__init__(f"{message}: {_said(response)}" if response is not None else message)
        self.response = response


class Store:
    """A store that keeps an opaque token, or the newest refresh token, in memory.

    Subclass it to keep the credential elsewhere. Clients that share a store share a login. A
    subclass must follow these rules, and can rely on them:

    - `acquire` returns at once: True if the caller has the store now, False if somebody else has
      it. A client that got False tries again every POLL seconds. Event loops call these methods
      too, so none of them may wait.
    - Clients call `load` and `save` only between an `acquire` that returned True and its `release`.
      They and `release` may run in another thread than `acquire` did, but never concurrently.
    - What was saved must be durable when `release` returns. Nobody else gets the store before.
    - If `acquire` raises, the caller does not have the store. Detect there, not in `save`, that the
      credential cannot be saved: `save` comes after a refresh token has been spent.

    A forked process gets a copy of a store in memory. If it holds a refresh token, both processes
    spend the same one, and the service revokes the session as stolen: use a FileStore.
    """

    def __init__(self, credential: str | None = None):
        self._lock = threading.Lock()
        self._credential = credential
        _STORES.add(self)

    def acquire(self) -> bool:
        """Return True if the caller has the store now. Never wait."""
        return self._lock.acquire(blocking=False)

    def release(self) -> None:
        """Give the store back."""
        self._lock.release()

    def load(self) -> str | None:
        """Return the credential, or None if there is none."""
        return self._credential

    def save(self, credential: str | None) -> None:
        """Replace the credential; None removes it."""
        self._credential = credential


class FileStore(Store):
    """A store in a file, which later processes and concurrent ones share.

    SQLite provides a lock that ends with its holder, and atomic writes. Only the owner may read the
    file, its journal and its WAL. Each use creates a missing file with mode 0600, and restores that
    mode if it became looser. Where the system has no such modes (Windows), the folder must be
    private. A relative path is resolved once, in the constructor.

    The constructor raises OSError if the file belongs to somebody else or is not a regular file,
    or if its folder is missing. A later use raises OSError or sqlite3.Error, always before a
    refresh token is spent.
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
        """Return a new connection with the file locked. Raise OperationalError if it is busy."""
        self._keep_private()
        database = sqlite3.connect(
            Path(self._path).as_uri() + "?mode=rw",  # SQLite would create it readable to all
            uri=True,
            timeout=0,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            database.execute("BEGIN IMMEDIATE")
            database.execute("CREATE TABLE IF NOT EXISTS credential (text TEXT NOT NULL)")
            database.execute("PRAGMA user_version = 1")  # a write, so that a full disk raises here
            # The commit waits for another process that tries to begin.
            database.execute("PRAGMA busy_timeout = 10000")  # milliseconds
        except BaseException:
            database.close()
            raise
        return database

    def _keep_private(self) -> None:
        """Create the file if it is missing, and let only its owner read it."""
        # Never open an existing file here: closing it would drop every lock of this process on it
        # (POSIX). So would closing a new file that another thread has begun to use.
        with FileStore._creating, suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        for path in (self._path, *(self._path + suffix for suffix in ("-journal", "-wal", "-shm"))):
            with suppress(FileNotFoundError):  # SQLite's own files come and go
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
    """Replace, in a forked process, the locks that threads of its parent may hold."""
    FileStore._creating = threading.Lock()
    for store in _STORES:
        store._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_locks)


class _StoredAuth(_Auth):
    """What both kinds share: a password that is good for one login, and a store."""

    scheme: str
    path: str  # the endpoint that exchanges a password for a credential; the others are below it

    # For callers that drive `auth_flow` themselves. The flows below read only the bodies they need.
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
        # The CredentialError that the next request raises if it has no password to log in with.
        self._refusal: tuple[str, Response | None] = (
            "there is no login: nothing is stored, and no password left",
            None,
        )

    def _steps(self, request: Request) -> Steps:
        """Yield the requests to send for `request`, and None to wait for the store."""
        raise NotImplementedError

    # The library closes a flow when sending fails, so the clean-up for that is in a `finally`.
    def auth_flow(self, request: Request) -> Generator[Any, Any, None]:
        """Yield the requests to send for `request`. Sleep to wait for the store."""
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
        """Do the same as `auth_flow`. The library's own method would read streamed bodies too."""
        return self.auth_flow(request)

    async def async_auth_flow(self, request: Request) -> AsyncGenerator[Any, Any]:
        """Do the same as `auth_flow`, without blocking the event loop."""
        self._refuse_other_origin(request)
        with closing(self._steps(request)) as steps:
            answer: Any = None
            while True:
                try:
                    step = steps.send(answer)
                except StopIteration:
                    return
                if step is None:
                    # An asyncio.Lock would belong to one event loop, and know no threads.
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
        # The caller may stream all other bodies.
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
        """Return True if the service refused the credential itself (RFC 6750 3.1)."""
        challenges = response.headers.get("WWW-Authenticate", "")
        invalid = re.search(r'error\s*=\s*"?invalid_token\b', challenges)
        return response.status_code == 401 and invalid is not None and self._is_ours(response)

    def _log_in(self, request: Request) -> Step:
        """Return the response to a login. Raise CredentialError without a correct password."""
        if self._password is None:
            raise CredentialError(*self._refusal)
        response = yield from self._post(request, "", self._password)
        if response.status_code in (400, 401):  # DRF's own view returns 400 for a wrong password
            self._password = None
            self._refuse("the login was refused", response)
        _require_200(response)
        return response

    def _refuse(self, why: str, response: Response) -> None:
        self._refusal = (why, response)
        raise CredentialError(why, response)

    def _post(self, request: Request, name: str, fields: dict[str, str | None]) -> Step:
        """POST to an endpoint for `request`, with the same timeouts and Host."""
        library = _library(request)
        # "target" would send the password to the target of that request.
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
        """Empty the store, unless another process has stored a newer login in it."""
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
    refresh: str | None  # the stored refresh token when this access token was issued
    due: float  # when to refresh, in monotonic seconds

    def is_of_login(self, refresh: str) -> bool:
        """Return True if this refresh token belongs to the same login."""
        sid = _claims(self.token).get("sid")
        return refresh == self.refresh or (sid is not None and sid == _claims(refresh).get("sid"))


class BearerAuth(_StoredAuth):
    """JWT authentication, `Authorization: Bearer …` (RFC 6750 2.1).

    Logs in at the first request. Refreshes the access token MARGIN seconds before it expires, or
    when the service refuses it with error="invalid_token" (RFC 6750 3.1), and then sends the
    refused request once more. Its lifetime is exp - iat, counted by the monotonic clock from the
    login or refresh, so the client's time of day may be wrong. Concurrent requests make one
    refresh.

    Only its successor replaces a refresh token. If the response to a refresh is lost, the next
    request presents the same refresh token again. The service returns the same successor within
    JWT_REUSE_GRACE of the first refresh, so retry soon. A FileStore extends that to a
    process that dies before it has the response.

    After the service says that the login has expired or ended, every request raises CredentialError
    and none presents the refresh token again. Any other refusal may be temporary, as from a server
    that does not know a new signing key yet: the request raises CredentialError, and the next one
    presents the refresh token again. A password is good for one login: at the first request, or
    if the service refuses the stored refresh token then. It does not revive a login that this
    client has had.

    To log out, call `client.post("/api/token/logout/")`. It empties the store too, unless another
    process has logged in since. That login stays, and this client uses it.
    """

    scheme = "Bearer"
    path = "/api/token/"

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self._access: _Access | None = None
        self._ended: str | None = None  # a refresh token that is refused for good

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
                return  # the request ended another login
            if self._access is access:
                self._access = None
            yield from self._forget(access.is_of_login)

    def _renewed(self, request: Request, stale: _Access | None) -> Generator[Request | None, Response, _Access]:
        """Return an access token other than `stale`: from another thread, or a new one."""
        yield from self._acquire()
        try:
            access = self._access
            if access is None or access is stale:
                asked = monotonic()
                response = yield from self._refresh(request)
                # A server may keep the refresh token, and then send none (RFC 6749 6).
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
        """Return the response to a refresh, or to a login if there is no refresh token."""
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
    """Authentication by an opaque token, `Authorization: Token …`, from the store or from a login.

    If the service refuses the token with error="invalid_token", a request raises CredentialError,
    and the next one presents the same token again. If another client has rotated the token, the
    request is instead sent once more with the successor. A password is good for one login, as in
    BearerAuth.

    To rotate, call `client.post("/api-token-auth/new/")`; to revoke,
    `client.post("/api-token-auth/revoke/")`. The store then holds the successor, or nothing. It
    keeps a newer token that another process has stored since. If the response to a rotation is
    lost, the token is lost too: log in again.
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
        # Other clients may have rotated the successor too, before the request arrived.
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
        """Return a key other than `refused`, and whether it comes from a login."""
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
        """Send one rotation at a time. The service refuses a second one with the same token."""
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
    """A body that can be sent once. A client that follows redirects would send it on elsewhere."""

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


_REDIRECTED = "a login or refresh was redirected and not sent on; use the address it was redirected to as base_url"


def _library(request: Request) -> Any:
    """Return the library whose client sends this request."""
    return next(library for library in _LIBRARIES if isinstance(request, library.Request))


def _bound(request: Request, response: Any) -> Any:
    """Return the response, and set its request if the caller of the flow has not."""
    try:
        response.request  # noqa: B018
    except RuntimeError:
        response.request = request
    return response


def _endpoint(base_url: str, path: str) -> Any:
    """Return the URL of an endpoint. Raise ValueError unless `base_url` is a service's address."""
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


# Words of this service and of SimpleJWT for a refresh token that is refused for good. A text that
# is not recognized costs only one refresh per request.
_FINAL = re.compile(r"\b(expired|ended|blacklisted)\b")


def _is_final(response: Response) -> bool:
    """Return True if the refused refresh token will never be accepted again."""
    return _FINAL.search(str(_fields(response).get("detail"))) is not None


def _refresh_in(request: Request) -> str | None:
    """Return the refresh token in a logout's body (JSON or form), or None."""
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
            "the service refused the credential, and the body of this request is a stream, which cannot be sent twice; "
            "there is a new credential now, send the request again",
            request=request,
            response=response,
        ) from None


def _require_200(response: Response) -> None:
    if response.status_code != 200:
        what = " ".join(filter(None, (str(response.status_code), response.headers.get("Location"))))
        raise _library(response.request).HTTPStatusError(
            f"POST {response.request.url} returned {what}, not 200: {_said(response)}",
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
    """Return a field of the response that can stand in a header (b64token, RFC 6750 2.1)."""
    text = _fields(response).get(name)
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", text):
        # The message does not show the field, which may be a credential after all.
        raise _library(response.request).RemoteProtocolError(
            f"{response.request.method} {response.request.url} returned 200 without a usable {name!r}",
            request=response.request,
        )
    return text


def _claims(token: str) -> dict[str, Any]:
    """Return the claims of a JWT without verifying it, or {} for any other text."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (ValueError, LookupError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _lifetime(token: str) -> float:
    """Return the seconds from iat to exp, or infinity without them."""
    claims = _claims(token)
    try:
        lifetime = float(claims["exp"]) - float(claims["iat"])
    except (ValueError, LookupError, TypeError, OverflowError):
        return math.inf
    return lifetime if lifetime == lifetime else math.inf


def _said(response: Response) -> str:
    return " ".join(response.text[:200].split()) or "the body is empty"
