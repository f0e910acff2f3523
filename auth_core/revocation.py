"""What ends every credential of a user, of either kind: one rule, told to both scheme apps by one signal."""

from copy import copy
from datetime import timedelta

from asgiref.sync import sync_to_async
from django.apps import apps
from django.contrib.auth import SESSION_KEY, get_user_model, hashers
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.models import Session
from django.db import router, transaction
from django.db.models.signals import post_save, pre_delete, pre_save
from django.dispatch import Signal
from django.utils import timezone

from auth_core import events

PASSWORD_CHANGE = "password_change"
DEACTIVATION = "deactivation"
LOGOUT_EVERYWHERE = "logout_everywhere"
DELETION = "deletion"
ADMIN = "admin"

# A clock may be set wrong and back again. What cannot be undone waits this long after an expiry.
CLOCK_MARGIN = timedelta(days=1)

# Sent with user_id, reason (one of the words above) and using (database alias).
credentials_revoked = Signal()


def revoke_all_credentials(user_id, reason: str, using: str | None = None, request=None):
    """End every opaque token, access token, refresh token and session (the admin's) of the user.

    `request` is the one that asked for it, if one did: its event names the client's address.
    """
    with transaction.atomic(using=using):
        _end_all(user_id, reason, using)
        events.log_event_on_commit(events.CREDENTIALS_ENDED, using=using, user=user_id, reason=reason, request=request)


def lock_users(user_ids, using: str | None = None):
    """Lock the rows of these users (keys, or a queryset of keys) until the transaction ends.

    A transaction that locks several tokens or logins of a user locks the user's row first, and several users' rows in
    the order of their keys. Two such transactions then wait for one another one way only, and cannot deadlock. The
    lock leaves alone who merely refers to the user (FOR NO KEY UPDATE): a track that is being created.
    """
    users = get_user_model()._base_manager.using(using).select_for_update(no_key=True)
    list(users.filter(pk__in=user_ids).order_by("pk").values_list("pk"))


def lock_if_unchanged(user) -> bool:
    """Lock the user's row until the transaction ends, and return True if the account is still what was checked.

    Call it inside `transaction.atomic()`, between checking a password and issuing a credential. A change of password,
    a deactivation or a deletion then either came before, and the answer is False, or waits. A hash that was renewed
    is no change: `check_password` leaves the renewed hash on `user`.
    """
    now = get_user_model()._default_manager.select_for_update(no_key=True).filter(pk=user.pk).first()
    return now is not None and now.is_active and now.password == user.password


class LogsRevocationMixin:
    """For a ModelAdmin of credentials: give what it deleted, one or many, to its `log_revocation(request, obj)`."""

    def delete_model(self, request, obj):
        told = copy(obj)  # Django takes the id off what it deletes
        super().delete_model(request, obj)
        self.log_revocation(request, told)

    def delete_queryset(self, request, queryset):
        with transaction.atomic():
            lock_users(queryset.values("user"))
            told = list(queryset)
            super().delete_queryset(request, queryset)
            for obj in told:
                self.log_revocation(request, obj)


# --- the hash that Django renews ---------------------------------------------------------------------


def check_password(user: AbstractBaseUser, raw_password: str) -> bool:
    """Return True if this is the user's password, and renew a hash whose hasher or rounds are out of date.

    It stands in for Django's method of this name (see `connect`), which saves the renewed hash as if somebody had
    chosen a new password: no sign that a receiver of `pre_save` can see tells the two apart. Here a renewal is one
    conditional UPDATE and no save. So every save of another hash is a change of password, and no renewal writes an
    old password's hash over a new one. `user` has the renewed hash afterwards, its own or that of a login which
    renewed it at the same moment.
    """
    is_outrun = False

    def renew(raw_password):
        nonlocal is_outrun
        renewed = hashers.make_password(raw_password)
        if users.filter(pk=user.pk, password=user.password).update(password=renewed):
            user.password = renewed
        else:
            is_outrun = True

    users = get_user_model()._base_manager.using(router.db_for_write(type(user), instance=user))
    is_correct = hashers.check_password(raw_password, user.password, renew)
    if is_outrun:
        written = users.filter(pk=user.pk).values_list("password", flat=True).first()
        # Of another password, or of no user at all, it is not taken over: `lock_if_unchanged` refuses then.
        if written is not None and hashers.check_password(raw_password, written):
            user.password = written
    return is_correct


async def acheck_password(user: AbstractBaseUser, raw_password: str) -> bool:
    """Return what the user's `check_password` does, from a thread that may use the database."""
    return await sync_to_async(user.check_password)(raw_password)


# --- what is watched ---------------------------------------------------------------------------------


def _end_all(user_id, reason: str, using: str | None):
    with transaction.atomic(using=using):
        lock_users([user_id], using)
        credentials_revoked.send(sender=get_user_model(), user_id=user_id, reason=reason, using=using)


def _remember_what_ends(sender, instance, using, update_fields, **kwargs):
    """End the credentials before a user is saved with another password hash, or without `is_active`.

    A fixture that is loaded over an existing user counts as well: its tokens come after its users. So does an
    instance made by hand with the key of an existing user. `QuerySet.update()` sends no signal: a user disabled that
    way is refused all the same, since every request looks at is_active; a password so changed ends nothing.
    """
    instance._credentials_end = None
    watched = {"password", "is_active"}.intersection(update_fields or {"password", "is_active"})
    if instance.pk is None or not watched:
        return
    users = get_user_model()._base_manager.using(using)
    before = users.filter(pk=instance.pk).values("password", "is_active").first()
    if before is None:
        return
    if "password" in watched and before["password"] != instance.password:
        instance._credentials_end = PASSWORD_CHANGE
    elif "is_active" in watched and before["is_active"] and not instance.is_active:
        instance._credentials_end = DEACTIVATION
    if instance._credentials_end:
        # Here, so that no credential outlives the change if the process dies between two statements; and
        # again after saving, for a login with the old password that slipped in between.
        revoke_all_credentials(instance.pk, instance._credentials_end, using)


def _end_what_slipped_in(sender, instance, using, **kwargs):
    reason = instance.__dict__.pop("_credentials_end", None)
    if reason:
        _end_all(instance.pk, reason, using)


def _end_before_deletion(sender, instance, using, **kwargs):
    """End the credentials first: Django deletes by the keys it has read, and a token rotated since has another.

    The lock keeps out a login that would refer to a user who is gone.
    """
    get_user_model()._base_manager.using(using).select_for_update().filter(pk=instance.pk).first()
    revoke_all_credentials(instance.pk, DELETION, using)


def _end_sessions(sender, user_id, reason, using, **kwargs):
    """End the user's sessions. Each names its user only inside, so every living one is read: about 50 µs each.

    A session that expired within CLOCK_MARGIN is read too: if the clock is ahead now, it lives again later. A change
    of password ends nothing here: Django compares each session with the hash, and lets the one that changed it live.
    A user who never logged in to the admin has no session, and only the admin's login sets `last_login`.
    """
    users = get_user_model()._base_manager.using(using)
    if reason == PASSWORD_CHANGE or not users.filter(pk=user_id, last_login__isnull=False).exists():
        return
    living = Session.objects.using(using).filter(expire_date__gt=timezone.now() - CLOCK_MARGIN)
    ended = [session.pk for session in living.iterator() if session.get_decoded().get(SESSION_KEY) == str(user_id)]
    Session.objects.using(using).filter(pk__in=ended).delete()


def user_models() -> list[type[AbstractBaseUser]]:
    """Return the user model and the models that inherit from it: each sends signals under its own name."""
    return [model for model in apps.get_models() if issubclass(model, get_user_model())]


def watch(model: type[AbstractBaseUser]):
    """End credentials when users are saved or deleted as instances of this model."""
    pre_save.connect(_remember_what_ends, sender=model, dispatch_uid="auth_core.revocation.before")
    post_save.connect(_end_what_slipped_in, sender=model, dispatch_uid="auth_core.revocation.after")
    # A model with a table of its own has the user deleted with it, which is a deletion of its own.
    if model._meta.concrete_model is get_user_model():
        pre_delete.connect(_end_before_deletion, sender=model, dispatch_uid="auth_core.revocation.deletion")


def connect():
    """Watch the users, and let a renewed hash end nothing; called once, when the apps are ready.

    A user model with a `check_password` of its own keeps it, and what that saves is a change of password.
    """
    user_model = get_user_model()
    if user_model.check_password is AbstractBaseUser.check_password:
        user_model.check_password, user_model.acheck_password = check_password, acheck_password
    credentials_revoked.connect(_end_sessions, dispatch_uid="auth_core.revocation.sessions")
    for model in user_models():
        watch(model)
