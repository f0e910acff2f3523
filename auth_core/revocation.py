"""Revoke all credentials of a user, of either kind: one rule, sent to both apps by one signal."""

from collections.abc import Iterable
from copy import copy
from datetime import timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.contrib.auth import SESSION_KEY, get_user_model
from django.db import transaction
from django.db.models import Model, QuerySet
from django.db.models.signals import post_save, pre_delete, pre_save
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone
from rest_framework.request import Request

from auth_core import events, password_rehash

if TYPE_CHECKING:
    from django.contrib.admin import ModelAdmin

    _Admin = ModelAdmin[Model]
else:
    _Admin = object

PASSWORD_CHANGE = "password_change"
DEACTIVATION = "deactivation"
LOGOUT_EVERYWHERE = "logout_everywhere"
DELETION = "deletion"
ADMIN = "admin"

# A clock may be set wrong and back again. What cannot be undone waits this long after an expiry.
CLOCK_MARGIN = timedelta(days=1)

# Sent with user_id, reason (one of the words above) and using (database alias).
credentials_revoked = Signal()


def revoke_all_credentials(
    user_id: object, reason: str, using: str | None = None, request: HttpRequest | Request | None = None
) -> None:
    """Revoke every opaque token, access token, refresh token and session (the admin's) of the user.

    The event names the address of `request`, the request that asked for it, if there is one.
    """
    with transaction.atomic(using=using):
        _revoke_all(user_id, reason, using)
        events.log_event_on_commit(events.CREDENTIALS_ENDED, using=using, user=user_id, reason=reason, request=request)


def lock_users(user_ids: Iterable[Any], using: str | None = None) -> None:
    """Lock the rows of these users (keys, or a queryset of keys) until the transaction ends.

    A transaction that locks several tokens or logins of a user locks the user's row first, and
    several users' rows in the order of their keys. So of two such transactions only one can wait
    for the other, and they cannot deadlock. Statements that merely refer to the user, as the insert
    of a track, do not wait (FOR NO KEY UPDATE).
    """
    users = get_user_model()._base_manager.using(using).select_for_update(no_key=True)
    list(users.filter(pk__in=user_ids).order_by("pk").values_list("pk"))


class LogsRevocationMixin(_Admin):
    """For a ModelAdmin of credentials: pass each deleted one to `log_revocation(request, obj)`."""

    def log_revocation(self, request: HttpRequest, obj: Any) -> None:
        raise NotImplementedError

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        deleted = copy(obj)  # Django takes the id off what it deletes
        super().delete_model(request, obj)
        self.log_revocation(request, deleted)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        with transaction.atomic():
            lock_users(queryset.values("user"))
            deleted = list(queryset)
            super().delete_queryset(request, queryset)
            for obj in deleted:
                self.log_revocation(request, obj)


# --- receivers of signals -------------------------------------------------------------------------


def _revoke_all(user_id: object, reason: str, using: str | None) -> None:
    with transaction.atomic(using=using):
        lock_users([user_id], using)
        credentials_revoked.send(sender=get_user_model(), user_id=user_id, reason=reason, using=using)


def _revoke_before_save(sender: object, instance: Any, using: str, update_fields: Any, **kwargs: Any) -> None:
    """Revoke the credentials before a user is saved with another password or is deactivated.

    A fixture that is loaded over an existing user counts as well: its tokens come after its users.
    So does an instance made by hand with the key of an existing user. `QuerySet.update()` sends no
    signal: a user disabled that way is refused all the same, since every request reads is_active,
    but a password changed that way revokes nothing.
    """
    instance._credentials_end = None
    watched = {"password", "is_active"}.intersection(update_fields or {"password", "is_active"})
    watched = {name for name in watched if has_field(name)}
    if instance.pk is None or not watched:
        return
    users = get_user_model()._base_manager.using(using)
    before = users.filter(pk=instance.pk).values(*watched).first()
    if before is None:
        return
    if "password" in watched and before["password"] != instance.password:
        instance._credentials_end = PASSWORD_CHANGE
    elif "is_active" in watched and before["is_active"] and not instance.is_active:
        instance._credentials_end = DEACTIVATION
    if instance._credentials_end:
        # Here, so that no credential outlives the change if the process dies between two
        # statements; and again after saving, for a login with the old password that came in
        # between.
        revoke_all_credentials(instance.pk, instance._credentials_end, using)


def _revoke_after_save(sender: object, instance: Any, using: str, **kwargs: Any) -> None:
    reason = instance.__dict__.pop("_credentials_end", None)
    if reason:
        _revoke_all(instance.pk, reason, using)


def _revoke_before_deletion(sender: object, instance: Any, using: str, **kwargs: Any) -> None:
    """Revoke the credentials before a user is deleted.

    Django deletes the keys that it has read, and a token rotated since then has another. The lock
    keeps out a login that would refer to a deleted user.
    """
    get_user_model()._base_manager.using(using).select_for_update().filter(pk=instance.pk).first()
    revoke_all_credentials(instance.pk, DELETION, using)


def _end_sessions(sender: object, user_id: Any, reason: str, using: str | None, **kwargs: Any) -> None:
    """Delete the user's sessions. All are read, since each names its user inside: 50 µs each.

    A session that expired within CLOCK_MARGIN is read too: if the clock is ahead now, the session
    is valid again later. A change of password ends no session here: Django compares each with the
    hash, and keeps the one that changed it. A user who never logged in to the admin has no session,
    and only a login with a session sets `last_login`.
    """
    store = session_store()
    if store is None or reason == PASSWORD_CHANGE or not _may_have_sessions(user_id, using):
        return
    sessions = store.get_model_class()._default_manager.using(using)
    living = sessions.filter(expire_date__gt=timezone.now() - CLOCK_MARGIN)
    ended = [session.pk for session in living.iterator() if session.get_decoded().get(SESSION_KEY) == str(user_id)]
    sessions.filter(pk__in=ended).delete()
    if ended and hasattr(store, "cache_key_prefix"):
        for key in ended:
            store(key).delete(key)  # what `cached_db` keeps in the cache too


def session_store() -> Any:
    """Return the class of the sessions that the database keeps, or None if it keeps none."""
    if not apps.is_installed("django.contrib.sessions"):
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore
    return store if hasattr(store, "get_model_class") else None


def has_field(name: str) -> bool:
    """Return True if the user model has this column; one that is None or a constant has none."""
    return name in {field.name for field in get_user_model()._meta.concrete_fields}


def _may_have_sessions(user_id: Any, using: str | None) -> bool:
    users = get_user_model()._base_manager.using(using).filter(pk=user_id)
    return not has_field("last_login") or users.filter(last_login__isnull=False).exists()


def user_models() -> list[type[Model]]:
    """Return the user model and its subclasses: each sends signals under its own name."""
    return [model for model in apps.get_models() if issubclass(model, get_user_model())]


def watch(model: type[Model]) -> None:
    """Revoke credentials when users are saved or deleted as instances of this model."""
    pre_save.connect(_revoke_before_save, sender=model, dispatch_uid="auth_core.revocation.before")
    post_save.connect(_revoke_after_save, sender=model, dispatch_uid="auth_core.revocation.after")
    # A model with a table of its own has the user deleted with it, which is a deletion of its own.
    if model._meta.concrete_model is get_user_model():
        pre_delete.connect(_revoke_before_deletion, sender=model, dispatch_uid="auth_core.revocation.deletion")


def connect() -> None:
    """Watch the users; each app of credentials calls this when it is ready, and once counts."""
    password_rehash.connect()
    credentials_revoked.connect(_end_sessions, dispatch_uid="auth_core.revocation.sessions")
    for model in user_models():
        watch(model)
