from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import transaction
from rest_framework.authtoken.management.commands import drf_create_token
from rest_framework.authtoken.models import Token

from auth_core import events, revocation, usernames
from auth_core.commands import CheckedCommand
from tokens import models


class Command(CheckedCommand, drf_create_token.Command):
    """DRF's command; -r is one conditional UPDATE, so the user has a token at every moment.

    If several resets read the same token, one wins, and all print its token. A later reset revokes
    an earlier one's token.
    """

    def create_user_token(self, username: str, reset_token: bool) -> Token:
        user = get_user_model()._default_manager.get_by_natural_key(usernames.normal(username))
        before = Token.objects.filter(user=user).first()
        with transaction.atomic():
            revocation.lock_users([user.pk])
            if before and reset_token and models.rotate(before.key):
                models.log_event(events.TOKEN_ROTATED, before, reason="command")
            key = Token.objects.filter(user=user).values_list("key", flat=True).first()
            obtained = models.obtain(user)
            if obtained and obtained.key != key:
                models.log_event(events.TOKEN_ISSUED, obtained, reason="command")
        if obtained is None:
            raise CommandError(f"Cannot create the Token: user {username} is disabled or was just changed")
        return obtained
