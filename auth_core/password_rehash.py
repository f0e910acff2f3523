"""Renew a password's hash, whose hasher or rounds are out of date, without saving the user.

Django's `check_password` saves the renewed hash as if somebody had chosen a new password, and a
receiver of `pre_save` cannot tell the two apart. Here a renewal is one conditional UPDATE. So every
save of another hash is a change of password (auth_core/revocation.py), and no renewal writes an old
password's hash over a new one.
"""

from asgiref.sync import sync_to_async
from django.contrib.auth import get_user_model, hashers
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import router


def check_password(user: AbstractBaseUser, raw_password: str) -> bool:
    """Return True if this is the user's password, and renew a hash that is out of date.

    `user` has the renewed hash afterwards, its own or that of a login which renewed it at the same
    moment.
    """
    is_outrun = False

    def renew(raw_password: str) -> None:
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
        # The hash of another password is not taken over: `accounts.lock_if_unchanged` refuses then.
        if written is not None and hashers.check_password(raw_password, written):
            user.password = written
    return is_correct


async def acheck_password(user: AbstractBaseUser, raw_password: str) -> bool:
    """Return what the user's `check_password` returns, from a thread that may use the database."""
    return await sync_to_async(user.check_password)(raw_password)


def connect() -> None:
    """Replace Django's methods on the user model, when the apps are ready.

    A user model with a `check_password` of its own keeps it, and what that saves is a change of
    password.
    """
    user_model = get_user_model()
    if user_model.check_password is AbstractBaseUser.check_password:
        user_model.check_password = check_password  # type: ignore[method-assign,assignment]
        user_model.acheck_password = acheck_password  # type: ignore[method-assign,assignment]
