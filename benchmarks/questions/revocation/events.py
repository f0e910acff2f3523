"""The events that may end a credential, done to the real service.

Which endpoints a scheme has follows from its URLconf: a new row of the table needs nothing here.
"""

from collections.abc import Callable

from django.apps import apps
from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db import models
from django.db.models.signals import post_save, pre_save

from benchmarks.questions.revocation.messages import (
    DEACTIVATED,
    DELETED,
    LOGGED_OUT,
    LOGOUT,
    PASSWORD_CHANGED,
    ROTATE,
    ROTATED,
    STAFF_TAKEN_AWAY,
    Login,
)
from benchmarks.questions.revocation.service import Service

NEW_PASSWORD = "staple battery horse"

Happen = Callable[[Login], None]


def nothing(login: Login):
    """Do nothing: the control."""


def events(service: Service) -> dict[str, tuple[Happen | None, str]]:
    """Return event -> what does it, and how.

    None: it cannot happen. The text is empty if the way does not depend on the scheme.
    """
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
    """Return the row in the admin whose unique text is the access credential itself, or None."""
    for model in filter(admin.site.is_registered, apps.get_models()):
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


def disconnect_revocation():
    """Disconnect auth_core.revocation, with which this service mends a library's own class."""
    for signal, moment in ((pre_save, "before"), (post_save, "after")):
        if not signal.disconnect(sender=get_user_model(), dispatch_uid=f"auth_core.revocation.{moment}"):
            raise RuntimeError(
                f"auth_core.revocation no longer watches users under the name auth_core.revocation.{moment}"
            )
