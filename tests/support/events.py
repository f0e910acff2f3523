"""A client's steps with a credential, and the events that they log."""

import logging

from django.contrib.auth import get_user_model

from auth_core.event_messages import word_of
from config.schemes import SCHEMES
from jwt_auth import models as logins
from telemetry.logs import FIELDS
from tests.support.accounts import PASSWORD

User = get_user_model()
OPAQUE = ("token", "token-hashed", "token-cached")
PAIRS = ("jwt", "jwt-stateless", "jwt-pushed")
OURS = OPAQUE + PAIRS


class Logged(logging.Handler):
    """The events so far, each a dictionary of its fields and the name, `event`."""

    def __init__(self):
        super().__init__()
        self.events: list[dict[str, str]] = []

    def emit(self, record):
        fields = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        self.events.append({"event": word_of(record), **fields})

    def words(self) -> list[str]:
        """Return each event with its reason, and clear the list."""
        logged, self.events = self.events, []
        return [" ".join(filter(None, (event["event"], event.get("reason")))) for event in logged]


def enable(settings, name: str):
    """Make the scheme the only one that opens the API by default."""
    classes = [SCHEMES[name].authentication]
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "DEFAULT_AUTHENTICATION_CLASSES": classes}


def post(door, path, data=None, credential=None):
    headers = {"Authorization": f"{door.scheme.keyword} {credential}"} if credential else {}
    return door.client.post(path, data or {}, headers=headers)


def obtain(door, password=PASSWORD) -> dict:
    path = "/api-token-auth/" if door.scheme.keyword == "Token" else "/api/token/"
    return post(door, path, {"username": "ada", "password": password}).json()


def refresh(door, token) -> dict:
    return post(door, "/api/token/refresh/", {"refresh": token}).json()


def garbage(door, user):
    assert door.get("/whoami/", "garbage").status_code == 401


def rotate(door, user):
    key = door.credential(user)
    assert post(door, "/api-token-auth/new/", credential=key).status_code == 200
    assert post(door, "/api-token-auth/new/", credential=key).status_code == 401


def revoke(door, user):
    key = door.credential(user)
    assert post(door, "/api-token-auth/revoke/", credential=key).status_code == 204
    assert post(door, "/api-token-auth/revoke/", credential=key).status_code == 401


def log_out_everywhere(door, user):
    post(door, "/api/token/logout/", {"refresh": str(logins.log_in(user).refresh), "everywhere": True})


def change_password(door, user):
    user.set_password("another")
    user.save()


def deactivate(door, user):
    user.is_active = False
    user.save()


def delete(door, user):
    user.delete()
