"""The service with one scheme enabled, and what a client does with its credentials."""

import io
import json
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import get_user_model
from django.urls import Resolver404, include, path, resolve

from benchmarks.contenders import outside
from benchmarks.contenders.contender import headers
from benchmarks.contenders.urlconf import WHOAMI, guarded_by
from benchmarks.contenders.wsgi import Answer, Handler, ask, request
from benchmarks.messages import RefusedError
from benchmarks.questions.revocation.messages import OBTAIN, REFRESH, Login
from config.schemes import Scheme
from tracks.models import Track

PASSWORD = "correct horse battery"


class Service:
    """The service with one scheme enabled.

    `anybody`, `staff_only`  a request that the scheme guards, and one for staff: (method, path)
    """

    def __init__(self, scheme: Scheme):
        self.scheme = scheme
        self._handler = Handler()
        self.anybody = ("GET", WHOAMI)
        self.staff_only = ("PATCH", f"/tracks/{Track.objects.filter(owner=None).values_list('pk', flat=True)[0]}/")
        if (scheme,) == settings.SCHEMES:
            self._urlconf = settings.ROOT_URLCONF  # AUTH_SCHEMES names it alone
        else:
            self._urlconf = guarded_by(scheme, [url for _, url in (self.anybody, self.staff_only)])
            if scheme.urlconf:
                self._urlconf.urlpatterns.append(path("", include(scheme.urlconf)))

    def send(self, method: str, url: str, credential: str | None = None, body: dict | None = None) -> Answer:
        """Send a request with a body of JSON, and return its answer."""
        sent = headers(self.scheme, credential) if credential else {}
        content = json.dumps(body or {}).encode()
        environ = request(self._urlconf, method, url, sent) | {
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": io.BytesIO(content),
        }
        return ask(self._handler, environ)

    def endpoint(self, paths: tuple[str, ...]) -> str | None:
        """Return the first of these paths that the scheme has; None: it has none."""
        return next(filter(self._has, paths), None)

    def log_in(self, is_staff: bool = False) -> Login:
        """Create a user, log in, and return what the client gets."""
        user = get_user_model().objects.create_user(uuid4().hex, password=PASSWORD, is_staff=is_staff)
        url = self.endpoint(OBTAIN)
        if url is None:
            return Login(user.pk, outside.issued(self.scheme, user), None)
        answer = self._post(url, None, {"username": user.get_username(), "password": PASSWORD})
        return Login(user.pk, answer["token"] if "token" in answer else answer["access"], answer.get("refresh"))

    def present(self, url: str, login: Login):
        """POST both the credential and the refresh token: the endpoint takes which it needs."""
        self._post(url, login.access, {"refresh": login.refresh} if login.refresh else {})

    def by_access(self, login: Login, question: tuple[str, str]) -> int:
        """Return the status of the answer to the credential."""
        return self.send(*question, login.access).status

    def by_refresh(self, login: Login, question: tuple[str, str]) -> int:
        """Return the status of the answer to a refreshed access token, or to a refused refresh."""
        answer = self.send("POST", REFRESH, body={"refresh": login.refresh})
        if answer.status != 200:
            return answer.status
        return self.send(*question, json.loads(answer.body)["access"]).status

    def _has(self, url: str) -> bool:
        try:
            resolve(url, self._urlconf)
        except Resolver404:
            return False
        return True

    def _post(self, url: str, credential: str | None, body: dict) -> dict:
        answer = self.send("POST", url, credential, body)
        if not 200 <= answer.status < 300:
            raise RefusedError(f"{self.scheme.name} at {url}: answers {answer.status} right after login")
        return json.loads(answer.body or b"{}")
