"""What ends every credential of a user, of either kind: one rule, told to both scheme apps by one signal."""

from django.contrib.auth import SESSION_KEY, get_user_model
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models.signals import post_save, pre_delete, pre_save
from django.dispatch import Signal
from django.utils import timezone

from config import events

PASSWORD_CHANGE = "password_change"
DEACTIVATION = "deactivation"
LOGOUT_EVERYWHERE = "logout_everywhere"
DELETION = "deletion"
ADMIN = "admin"

# Sent with user_id, reason (one of the words above) and using (database alias).
credentials_ended = Signal()


def end_credentials(user_id, reason: str, using: str | None = None, request=None):
    """Every opaque token, access token, refresh token and session (the admin's) of the user stops working.

    `request` is the one that asked for it, if one did: its event tells the client's address.
    """
    with transaction.atomic(using=using):
        credentials_ended.send(sender=get_user_model(), user_id=user_id, reason=reason, using=using)
        events.tell_on_commit(events.CREDENTIALS_ENDED, using=using, user=user_id, reason=reason, request=request)


def lock_unchanged(user) -> bool:
    """Lock the user's row until the transaction ends; whether the account is still what was checked.

    To be called inside `transaction.atomic()` between checking a password and issuing a credential: a change
    of password, a deactivation or a deletion either comes before, and False is returned, or waits.
    """
    now = get_user_model()._default_manager.select_for_update().filter(pk=user.pk).first()
    return now is not None and now.is_active and now.password == user.password


def _remember_what_ends(sender, instance, raw, using, update_fields, **kwargs):
    """Before a user is saved: does this end the credentials? A changed hash does, and is_active taken away.

    A hash that Django renews at login because its hasher changed counts as a change: nothing tells it from
    one written by hand, and sessions end then too. `QuerySet.update()` sends no signal: a user disabled that
    way is refused all the same, since every request looks at is_active; a password so changed ends nothing.
    """
    instance._credentials_end = None
    watched = {"password", "is_active"}.intersection(update_fields or {"password", "is_active"})
    if raw or instance._state.adding or not watched:
        return
    before = sender._base_manager.using(using).filter(pk=instance.pk).values("password", "is_active").first()
    if before is None:
        return
    if "password" in watched and before["password"] != instance.password:
        instance._credentials_end = PASSWORD_CHANGE
    elif "is_active" in watched and before["is_active"] and not instance.is_active:
        instance._credentials_end = DEACTIVATION
    if instance._credentials_end:
        # Here, so that no credential outlives the change if the process dies between two statements; and
        # again after saving, for a login with the old password that slipped in between.
        end_credentials(instance.pk, instance._credentials_end, using)


def _end_what_slipped_in(sender, instance, using, **kwargs):
    reason = instance.__dict__.pop("_credentials_end", None)
    if reason:
        credentials_ended.send(sender=sender, user_id=instance.pk, reason=reason, using=using)


def _end_before_deletion(sender, instance, using, **kwargs):
    """Both apps' rows go with the user's, by the keys that Django read before; a token rotated since has another.

    The lock keeps out a login that would refer to a user who is gone.
    """
    sender._base_manager.using(using).select_for_update().filter(pk=instance.pk).first()
    end_credentials(instance.pk, DELETION, using)


def _end_sessions(sender, user_id, reason, using, **kwargs):
    """A session names its user only inside, so every living one is read: about 50 µs each.

    Not at a change of password, which every session's own hash notices, and Django lets the one that changed it
    live. Nor for a user who never logged in to the admin: a token is none of what sets `last_login`.
    """
    users = get_user_model()._base_manager.using(using)
    if reason == PASSWORD_CHANGE or not users.filter(pk=user_id, last_login__isnull=False).exists():
        return
    living = Session.objects.using(using).filter(expire_date__gt=timezone.now())
    ended = [session.pk for session in living.iterator() if session.get_decoded().get(SESSION_KEY) == str(user_id)]
    Session.objects.using(using).filter(pk__in=ended).delete()


def connect():
    """Watch the user model; called once, when the apps are ready."""
    user_model = get_user_model()
    credentials_ended.connect(_end_sessions, dispatch_uid="config.accounts.sessions")
    pre_save.connect(_remember_what_ends, sender=user_model, dispatch_uid="config.accounts.before")
    post_save.connect(_end_what_slipped_in, sender=user_model, dispatch_uid="config.accounts.after")
    pre_delete.connect(_end_before_deletion, sender=user_model, dispatch_uid="config.accounts.deletion")
