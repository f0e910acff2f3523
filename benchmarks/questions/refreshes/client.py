"""What a client of a library sends, and the credentials that it holds.

A client knows the library's documented endpoints and nothing of its code: every step is a request
through Django's handler.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode

from django.core.handlers.wsgi import WSGIHandler

from benchmarks.contenders import wsgi
from benchmarks.messages import RefusedError

PASSWORD = "correct horse battery"
NEW_PASSWORD = "staple battery horse"
WHOAMI = "/whoami/"


@dataclass(slots=True)
class Held:
    """A user's login: a credential for requests, a refresh token or None, and a cookie jar."""

    user_id: int
    username: str
    access: str = ""
    refresh: str | None = None
    cookies: dict[str, str] = field(default_factory=dict)

    @property
    def email(self) -> str:
        return f"{self.username}@example.com"

    def copy(self) -> "Held":
        return Held(self.user_id, self.username, self.access, self.refresh, dict(self.cookies))


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: its status, the JSON of its body (or {}), and the cookies that it sets."""

    status: int
    data: dict[str, Any]
    cookies: dict[str, str]


class Client:
    """A client that sends JSON, and its credential in the Authorization header.

    `waits`      seconds to move the clock before each refresh, where a library renews rarely
    `logout`     its endpoint; empty: the library has none
    `password`   its endpoint for a change of password; empty: the library has none
    """

    keyword = "Bearer"
    waits = 0
    logout = ""
    password = ""

    def __init__(self, handler: WSGIHandler):
        self._handler = handler

    # --- what each library answers differently ----------------------------------------------------

    def log_in(self, held: Held):
        """Fill `held` with what a login gives."""
        raise NotImplementedError

    def renew(self, held: Held) -> int:
        """Refresh; on success `held` holds what was given. Return the status."""
        raise NotImplementedError

    def log_out(self, held: Held) -> Reply:
        return self.post(self.logout, held)

    def change_password(self, held: Held) -> Reply:
        return self.post(self.password, held, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})

    def ask(self, held: Held) -> int:
        """Return the status of the answer to a request with the credential alone."""
        return self.send("GET", WHOAMI, headers=self.credential(held)).status

    def credential(self, held: Held) -> dict[str, str]:
        """Return the header that carries the credential, as WSGI names it."""
        return {"HTTP_AUTHORIZATION": f"{self.keyword} {held.access}"}

    # --- requests ---------------------------------------------------------------------------------

    def post(self, url: str, held: Held, body: Mapping[str, Any] | None = None) -> Reply:
        """POST JSON with the credential."""
        return self.send("POST", url, body, self.credential(held))

    def send(
        self,
        method: str,
        url: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        cookies: Mapping[str, str] | None = None,
        is_form: bool = False,
    ) -> Reply:
        """Send one request; its body is JSON unless it is a form."""
        content = (urlencode(body or {}) if is_form else json.dumps(body or {})).encode()
        environ = wsgi.request("", method, url, headers or {}) | {
            "CONTENT_TYPE": "application/x-www-form-urlencoded" if is_form else "application/json",
            "CONTENT_LENGTH": str(len(content)) if method != "GET" else "0",
            "wsgi.input": io.BytesIO(content),
            "wsgi.errors": io.StringIO(),
            "HTTP_ORIGIN": wsgi.ORIGIN,
        }
        del environ[wsgi.URLCONF]
        if cookies:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
        answer = wsgi.ask(self._handler, environ)
        try:
            data = json.loads(answer.body)
        except ValueError:
            data = {}
        jar = SimpleCookie()
        for name, value in answer.headers:
            if name == "Set-Cookie":
                jar.load(value)
        given = {name: morsel.value for name, morsel in jar.items()}
        return Reply(answer.status, data if isinstance(data, dict) else {}, given)


def expect(reply: Reply, what: str) -> Reply:
    """Return the reply if it is a success. Raises RefusedError."""
    if not 200 <= reply.status < 300:
        raise RefusedError(f"{what}: answers {reply.status} {json.dumps(reply.data)[:200]}")
    return reply
