"""What a client does at a scheme's own endpoints, and the proof that each endpoint did it.

The scheme's URLconf says which of FLOWS it has, and the answer to a login what it gives: a new row
of the table needs nothing here.
"""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.core.signals import request_finished
from django.urls import Resolver404, include, path, resolve

from auth_core import revocation
from auth_core.conf import conf
from benchmarks.contenders import proof, wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI
from benchmarks.contenders.user import PASSWORD
from benchmarks.contenders.wsgi import ORIGIN, Answer, Handler
from benchmarks.messages import RefusedError
from benchmarks.questions.flows.messages import BY_COOKIE, OBTAIN, REFRESH
from config.schemes import Scheme
from jwt_auth import cookie

NEW, SAME, NOTHING = "new", "same", "nothing"

_TOKEN_PATH, _PAIR_PATH = "/api-token-auth/", "/api/token/"


@dataclass(slots=True)
class Client:
    """A user with a password.

    `credential`  as the header carries it; empty: the client holds none
    `refresh`     the refresh token; empty: the client holds none
    """

    user_id: int
    username: str
    password: str = PASSWORD
    credential: str = ""
    refresh: str = ""


Sent = tuple[str, dict[str, str]]  # the credential in the header (or empty), and the body


def _name_and_password(client: Client) -> Sent:
    return "", {"username": client.username, "password": client.password}


def _header(client: Client) -> Sent:
    return client.credential, {}


def _refresh_token(client: Client) -> Sent:
    return "", {"refresh": client.refresh}


def _wish(client: Client) -> Sent:
    return "", {"username": client.username, "password": client.password, "cookie": True}


def _nothing(client: Client) -> Sent:
    return "", {}


def _access_token(client: Client) -> Sent:
    return "", {"token": client.credential}


@dataclass(frozen=True, slots=True)
class Flow:
    """A POST to `path` with `status` as the expected answer.

    `cookie`   whether the refresh token comes and goes in the cookie of JWT_REFRESH_COOKIE
    `leaves`   what the client holds afterwards: what the answer gave (NEW), the SAME, or NOTHING
    `revokes`  the field of Client that must be refused afterwards; empty: none
    `holds`    whether the client holds a credential before; if not, all of its user's are revoked
    """

    name: str
    path: str
    sends: Callable[[Client], Sent]
    status: int
    leaves: str
    revokes: str = ""
    holds: bool = True
    cookie: bool = False


def _by_cookie(name: str, path: str, sends: Callable[[Client], Sent], *arguments: Any, **options: Any) -> Flow:
    return Flow(f"{name}{BY_COOKIE}", path, sends, *arguments, **options, cookie=True)


FLOWS = (
    *(
        flow
        for url in (_TOKEN_PATH, _PAIR_PATH)
        for flow in (
            Flow(OBTAIN, url, _name_and_password, 200, NEW, holds=False),
            # This differs where a user has one opaque token: the login finds it.
            Flow("obtain again", url, _name_and_password, 200, NEW),
        )
    ),
    # The refresh token may work for a grace period, so this revokes nothing at once.
    Flow(REFRESH, f"{_PAIR_PATH}refresh/", _refresh_token, 200, NEW),
    Flow("verify", f"{_PAIR_PATH}verify/", _access_token, 200, SAME),
    Flow("rotate", f"{_TOKEN_PATH}new/", _header, 200, NEW, revokes="credential"),
    Flow("revoke", f"{_TOKEN_PATH}revoke/", _header, 204, NOTHING, revokes="credential"),
    Flow("logout", f"{_PAIR_PATH}logout/", _refresh_token, 204, NOTHING, revokes="refresh"),
    _by_cookie(OBTAIN, _PAIR_PATH, _wish, 200, NEW, holds=False),
    _by_cookie(REFRESH, f"{_PAIR_PATH}refresh/", _nothing, 200, NEW),
    _by_cookie("logout", f"{_PAIR_PATH}logout/", _nothing, 204, NOTHING, revokes="refresh"),
    Flow("blacklist", f"{_PAIR_PATH}blacklist/", _refresh_token, 200, NOTHING, revokes="refresh"),
)


class Endpoints:
    """The endpoints of one scheme, and `/whoami/` behind the scheme's own class.

    `flows`  by name

    Raises RefusedError for a scheme without a login.
    """

    def __init__(self, scheme: Scheme, contender: Contender, handler: Handler):
        self.name = scheme.name
        self._scheme = scheme
        self._handler = handler
        self._contender = replace(contender, urlconf=_with_endpoints(contender.urlconf, scheme.urlconf))
        self.flows = {flow.name: flow for flow in FLOWS if self._has(flow)}
        if OBTAIN not in self.flows:
            raise RefusedError(f"{scheme.name}: no login among its endpoints ({_TOKEN_PATH} or {_PAIR_PATH})")

    def clients(self, count: int) -> list[Client]:
        """Create `count` users for this scheme alone.

        If schemes shared a user, one scheme's flow could revoke the other's credential.
        """
        users = get_user_model().objects
        names = [f"{self.name}-{index}" for index in range(count)]
        password = make_password(PASSWORD)
        users.bulk_create([users.model(username=name, password=password) for name in names], ignore_conflicts=True)
        ids = dict(users.filter(username__in=names).values_list("username", "pk"))
        return [Client(ids[name], name) for name in names]

    def prepare(self, flow: Flow, client: Client) -> dict:
        """Return the environ of the client's request, after giving the client what it needs."""
        if not flow.holds:
            revocation.revoke_all_credentials(client.user_id, revocation.LOGOUT_EVERYWHERE)
            client.credential = client.refresh = ""
        elif not client.credential:
            obtain = self.flows[OBTAIN]
            self.settle(obtain, client, self._ask(obtain, client))
        environ = self._environ(flow, client)
        request_finished.send(type(self))  # may close the connection, off the clock
        return environ

    def settle(self, flow: Flow, client: Client, answer: Answer):
        """Give the client what the answer holds, and prove that it works.

        Raises RefusedError if the flow did not do what it says.
        """
        if answer.status != flow.status:
            raise self._refused(flow, f"answers {answer.status}, not {flow.status}")
        before = replace(client)
        if flow.leaves == NEW:
            self._take(flow, client, answer)
        if flow.leaves == NOTHING:
            client.credential = client.refresh = ""
        elif (who := self._who(client)) != client.user_id:
            raise self._refused(flow, f"leaves a credential that lets in {who}, not user {client.user_id}")
        if flow.revokes == "credential" and self._who(before) is not None:
            raise self._refused(flow, "does not revoke the presented credential")
        if flow.revokes == "refresh" and self._ask(self.flows[REFRESH], before).status != 401:
            raise self._refused(flow, "does not revoke the presented refresh token")

    def prove(self, client: Client) -> list[str]:
        """Return what is wrong with these endpoints, a sentence each; empty: they may be timed."""
        faults = proof.prove(self._handler, self._contender, WHOAMI, b"")
        stranger = Client(client.user_id, client.username, "a wrong password", "garbage", "garbage")
        for flow in self.flows.values():
            status = self._ask(flow, stranger).status
            if status not in (400, 401, 403):
                faults.append(
                    f"{self.name} at {flow.path}: {flow.name} answers {status} to garbage, not 400, 401 or 403"
                )
            try:
                self.settle(flow, client, self.call(self.prepare(flow, client)))
            except RefusedError as error:
                faults.append(str(error))
        return faults

    def call(self, environ: dict) -> Answer:
        """Send the request to the service."""
        return wsgi.ask(self._handler, environ)

    def _ask(self, flow: Flow, client: Client) -> Answer:
        return self.call(self._environ(flow, client))

    def _environ(self, flow: Flow, client: Client) -> dict:
        credential, fields = flow.sends(client)
        body = json.dumps(fields).encode()
        return self._contender.environ(flow.path, self._headers(credential)) | {
            "REQUEST_METHOD": "POST",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
            **(self._page(client) if flow.cookie else {}),
        }

    @staticmethod
    def _page(client: Client) -> dict[str, str]:
        """Return what a browser adds to the request of a page of this service."""
        held = {"HTTP_COOKIE": f"{cookie.name()}={client.refresh}"} if client.refresh else {}
        return {"HTTP_ORIGIN": ORIGIN, **held}

    def _headers(self, credential: str) -> dict[str, str]:
        return {"HTTP_AUTHORIZATION": f"{self._scheme.keyword} {credential}"} if credential else {}

    def _take(self, flow: Flow, client: Client, answer: Answer):
        given = json.loads(answer.body)
        if "access" not in given and "token" not in given:
            raise self._refused(flow, f"gives {', '.join(given) or 'nothing'}, neither access nor token")
        client.credential = given.get("access") or given["token"]
        if flow.cookie:
            set_cookie = answer.cookie(cookie.name())
            if "refresh" in given or not set_cookie or set_cookie == client.refresh:
                raise self._refused(flow, "gives no new refresh token in the cookie alone")
            given["refresh"] = set_cookie
        client.refresh = given.get("refresh", client.refresh)  # absent if refresh tokens do not rotate

    def _who(self, client: Client) -> int | None:
        """Return the id of the user that the credential authenticates; None: it is refused."""
        answer = self.call(self._contender.environ(WHOAMI, self._headers(client.credential)))
        return json.loads(answer.body)["id"] if answer.status == 200 else None

    def _has(self, flow: Flow) -> bool:
        try:
            resolve(flow.path, self._contender.urlconf)
        except Resolver404:
            return False
        return not flow.cookie or (conf.JWT_REFRESH_COOKIE and self._takes_cookies())

    def _takes_cookies(self) -> bool:
        """Return True if these are not a library's endpoints, which know no cookie."""
        try:
            view = resolve(f"{_PAIR_PATH}refresh/", self._contender.urlconf).func
        except Resolver404:
            return False
        return issubclass(getattr(view, "cls", object), cookie.RefreshCookieMixin)

    def _refused(self, flow: Flow, why: str) -> RefusedError:
        return RefusedError(f"{self.name} at {flow.path}: {flow.name} {why}")


def _with_endpoints(urlconf: ModuleType, endpoints: str | None) -> ModuleType:
    whole = ModuleType(f"{urlconf.__name__} with endpoints")
    whole.urlpatterns = [*urlconf.urlpatterns, *([path("", include(endpoints))] if endpoints else [])]
    return whole
