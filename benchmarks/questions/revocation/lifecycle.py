"""The life of one scheme's credentials in the real service: log in, let something happen, ask again later.

Which endpoints a scheme has is asked of its URLconf, whether it has refresh tokens of its answer to a login,
and whether anybody signed them of the credential: a new row of the table needs nothing here.
"""

import io
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict
from uuid import uuid4

import jwt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, connection, models, transaction
from django.db.models.signals import post_save, pre_save
from django.urls import Resolver404, include, path, resolve
from django.utils.module_loading import import_string

from benchmarks.contenders.contender import headers
from benchmarks.contenders.lineup import find_scheme
from benchmarks.contenders.urlconf import WHOAMI, guarded_by
from benchmarks.contenders.wsgi import Answer, Handler, ask, request
from benchmarks.messages import RefusedError
from benchmarks.questions.revocation.clock import Clock
from benchmarks.questions.revocation.run import (
    AT_ACCESS_EXPIRY,
    AT_REFRESH_EXPIRY,
    DEACTIVATED,
    DELETED,
    HORIZON,
    LOGGED_OUT,
    LOGOUT,
    NO_EVENT,
    OBTAIN,
    PASSWORD_CHANGED,
    REFRESH,
    ROTATE,
    ROTATED,
    STAFF_TAKEN_AWAY,
    Assignment,
    Cell,
    Finding,
    Login,
    LongerLifeError,
    find,
    lifetime,
)
from config.schemes import Scheme
from config.switches import SWITCHES
from tracks.models import Track

PASSWORD, NEW_PASSWORD = "correct horse battery", "staple battery horse"

Happen = Callable[[Login], None]
Ask = Callable[[int], int]  # seconds after the event -> HTTP status


class Service:
    """The service with one scheme enabled, and the questions it is asked: (method, path)."""

    def __init__(self, scheme: Scheme):
        self.scheme = scheme
        self._handler = Handler()
        self.anybody = ("GET", WHOAMI)
        self.staff_only = ("PATCH", f"/tracks/{Track.objects.filter(owner=None).values_list('pk', flat=True)[0]}/")
        if (scheme,) == settings.SCHEMES:
            self._urlconf = settings.ROOT_URLCONF  # AUTH_SCHEMES names it alone: the URLs as they are served
        else:
            self._urlconf = guarded_by(scheme, [url for _, url in (self.anybody, self.staff_only)])
            if scheme.urlconf:
                self._urlconf.urlpatterns.append(path("", include(scheme.urlconf)))

    def send(self, method: str, url: str, credential: str | None = None, body: dict | None = None) -> Answer:
        sent = headers(self.scheme, credential) if credential else {}
        content = json.dumps(body or {}).encode()
        environ = request(self._urlconf, method, url, sent) | {
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(content)),
            "wsgi.input": io.BytesIO(content),
        }
        return ask(self._handler, environ)

    def endpoint(self, paths: tuple[str, ...]) -> str | None:
        """The first of these that the scheme has."""
        return next(filter(self._has, paths), None)

    def log_in(self, is_staff: bool = False) -> Login:
        """A new user's first login."""
        user = get_user_model().objects.create_user(uuid4().hex, password=PASSWORD, is_staff=is_staff)
        url = self.endpoint(OBTAIN)
        if url is None:
            return Login(user.pk, import_string(self.scheme.issue)(user), None)
        answer = self._post(url, None, {"username": user.get_username(), "password": PASSWORD})
        return Login(user.pk, answer["token"] if "token" in answer else answer["access"], answer.get("refresh"))

    def present(self, url: str, login: Login):
        """POST what the client has: an endpoint takes the header or the refresh token, as it likes."""
        self._post(url, login.access, {"refresh": login.refresh} if login.refresh else {})

    def by_access(self, login: Login, question: tuple[str, str]) -> int:
        """The status of the answer."""
        return self.send(*question, login.access).status

    def by_refresh(self, login: Login, question: tuple[str, str]) -> int:
        """The status of the answer to the access token that the refresh token still gives, or of that refusal."""
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
            raise RefusedError(f"{self.scheme.name} at {url}: answers {answer.status} to who has just logged in")
        return json.loads(answer.body or b"{}")


def run(assignment: Assignment, clock: Clock) -> dict:
    """What the process answers. Raises RefusedError."""
    scheme = find_scheme(assignment.scheme)
    service = Service(scheme)
    if assignment.login:
        return _after_restart(service, clock, assignment).to_dict()
    if scheme.is_stock:
        _leave_the_user_alone()

    def cell(happen: Happen, how: str = "", is_staff: bool = False) -> Cell:
        after = _trials(service, clock, happen, is_staff=is_staff)
        return Cell(
            _find(service, after(service.by_access), access_seconds, AT_ACCESS_EXPIRY),
            _find(service, after(service.by_refresh), refresh_seconds, AT_REFRESH_EXPIRY) if has_refresh else None,
            how,
        )

    if service.send(*service.anybody).status == 200:
        raise RefusedError(f"{scheme.name}: lets in who presents no credential")
    has_refresh = service.log_in().refresh is not None
    undisturbed = _trials(service, clock, _nothing)
    if has_refresh and (status := undisturbed(service.by_refresh)(0)) != 200:
        raise RefusedError(f"{scheme.name}: answers {status} to what its refresh token gives, not 200")
    access_seconds = lifetime(undisturbed(service.by_access))
    refresh_seconds = lifetime(undisturbed(service.by_refresh)) if has_refresh else None
    no_event = Cell(Finding(NO_EVENT))
    possible = events(service)
    if not _has_staff(service, clock, access_seconds):
        possible[STAFF_TAKEN_AWAY] = None, ""
    cells = {
        event: cell(happen, how, is_staff=event == STAFF_TAKEN_AWAY) if happen else no_event
        for event, (happen, how) in possible.items()
    }
    login = service.log_in()
    return {
        "scheme": scheme.name,
        "access_seconds": access_seconds,
        "refresh_seconds": refresh_seconds,
        "cells": {event: each.to_dict() for event, each in cells.items()},
        # What a restart with another signing key could end.
        "login": asdict(login) if _is_signed(login.access) else None,
        "issued_at": clock.now(),
        "from_memory": _is_remembered(service, login),
        "service": _service(),
    }


# --- asking ---------------------------------------------------------------------------------------


def remember(service: Service, login: Login, seconds: float):
    """Ask until the credential is answered from memory. Raises RefusedError after so many seconds."""
    end = time.perf_counter() + seconds
    while not _is_remembered(service, login):
        if time.perf_counter() > end:
            raise RefusedError(f"{service.scheme.name}: asks the database on every request for {seconds} s")


def _is_remembered(service: Service, login: Login) -> bool:
    """Whether a credential that was let in is let in again without a statement."""
    statements = []

    def note(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    service.by_access(login, service.anybody)
    with connection.execute_wrapper(note):
        status = service.by_access(login, service.anybody)
    return status == 200 and not statements


def _has_staff(service: Service, clock: Clock, access_seconds: int | None) -> bool:
    """Whether a member of staff may do with this scheme what only staff may; if ever, then to the credential's end."""
    if service.by_access(service.log_in(is_staff=True), service.staff_only) != 200:
        return False
    last = HORIZON if access_seconds is None else access_seconds - 1
    status = _trials(service, clock, _nothing, is_staff=True)(service.by_access)(last)
    if status != 200:
        raise RefusedError(f"{service.scheme.name}: answers {status} to staff {last} s after the login, not 200")
    return True


def _trials(service: Service, clock: Clock, happen: Happen, *, is_staff: bool = False) -> Callable[..., Ask]:
    """A new user for every question: to ask a refresh token is to spend it, and to ask at all may fill a cache."""
    question = service.staff_only if is_staff else service.anybody

    def asking(present: Callable[[Login, tuple[str, str]], int]) -> Ask:
        def ask(seconds: int) -> int:
            login = service.log_in(is_staff)
            status = service.by_access(login, question)
            if status != 200:
                raise RefusedError(f"{service.scheme.name}: answers {status} to who has just logged in, not 200")
            happen(login)
            clock.move(seconds)
            return present(login, question)

        return ask

    return asking


def _after_restart(service: Service, clock: Clock, assignment: Assignment) -> Cell:
    """One login answers for all times: each question is undone, so that to ask a refresh token is not to spend it."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)  # which would end the transaction; Django's test client does the same

    def asking(present: Callable[[Login, tuple[str, str]], int]) -> Ask:
        def ask(seconds: int) -> int:
            clock.move(assignment.issued_at + seconds - clock.now())
            with transaction.atomic():
                status = present(assignment.login, service.anybody)
                transaction.set_rollback(True)
            return status

        return ask

    return Cell(
        _find(service, asking(service.by_access), assignment.access_seconds, AT_ACCESS_EXPIRY),
        _find(service, asking(service.by_refresh), assignment.refresh_seconds, AT_REFRESH_EXPIRY)
        if assignment.login.refresh
        else None,
    )


def _find(service: Service, ask: Ask, life: int | None, at_expiry: str) -> Finding:
    try:
        return find(ask, life, at_expiry)
    except LongerLifeError as error:
        raise RefusedError(f"{service.scheme.name}: {error}") from None


# --- what may happen ------------------------------------------------------------------------------


def _nothing(login: Login):
    """The control."""


def events(service: Service) -> dict[str, tuple[Happen | None, str]]:
    """What may happen to a login, None where it cannot, and how, where that depends on the scheme."""
    rotation = service.endpoint(ROTATE)
    rotated = (lambda login: service.present(rotation, login), f"POST {rotation}") if rotation else (None, "")
    return {
        LOGGED_OUT: _logout(service),
        ROTATED: rotated,
        PASSWORD_CHANGED: (_change_password, ""),
        DEACTIVATED: (_deactivate, ""),
        DELETED: (lambda login: _user(login).delete(), ""),
        STAFF_TAKEN_AWAY: (_take_staff_away, ""),
    }


def _logout(service: Service) -> tuple[Happen | None, str]:
    url = service.endpoint(LOGOUT)
    if url:
        return (lambda login: service.present(url, login)), f"POST {url}"
    row = _row_of(service.log_in())
    if row is not None:
        return (lambda login: _row_of(login).delete()), f"the {row._meta.verbose_name}'s row deleted"
    return None, ""


def _row_of(login: Login) -> models.Model | None:
    """The row in the admin whose unique text is the access credential itself."""
    for model in admin.site._registry:
        for field in model._meta.concrete_fields:
            if field.unique and isinstance(field, models.CharField):
                row = model._default_manager.filter(**{field.attname: login.access}).first()
                if row is not None:
                    return row
    return None


def _change_password(login: Login):
    user = _user(login)
    user.set_password(NEW_PASSWORD)
    user.save()


def _deactivate(login: Login):
    user = _user(login)
    user.is_active = False
    user.save()


def _take_staff_away(login: Login):
    user = _user(login)
    user.is_staff = False
    user.save()


def _user(login: Login):
    return get_user_model()._default_manager.get(pk=login.user_id)


def _leave_the_user_alone():
    """A library's own class is measured as it is without auth_core.revocation, by which this service mends it."""
    for signal, moment in ((pre_save, "before"), (post_save, "after")):
        if not signal.disconnect(sender=get_user_model(), dispatch_uid=f"auth_core.revocation.{moment}"):
            raise RuntimeError(
                f"auth_core.revocation no longer watches users under the name auth_core.revocation.{moment}"
            )


def _is_signed(credential: str) -> bool:
    try:
        jwt.get_unverified_header(credential)
    except jwt.InvalidTokenError:
        return False
    return True


def _service() -> dict:
    """What the service runs on, and the switches that are neither pinned nor at their default."""
    return {
        "database": connection.display_name,
        "database_version": ".".join(map(str, connection.get_database_version())),
        "switches": {
            name: switch.shown(os.environ[name])
            for name, switch in SWITCHES.items()
            if name not in settings.PINNED and os.environ.get(name, switch.default) != switch.default
        },
    }
