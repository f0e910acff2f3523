"""A credential for a user without asking for a password: what the scheme table's `issue` names."""

from rest_framework.authtoken.models import Token

from tokens import models


def drf_token(user) -> str:
    token, _ = Token.objects.get_or_create(user=user)
    return token.key


def token(user) -> str:
    """Raises ValueError when the account is disabled, or has changed since `user` was read."""
    obtained = models.obtain(user)
    if obtained is None:
        raise ValueError(f"user {user.pk} is disabled, deleted or has changed since it was read")
    return obtained.key
