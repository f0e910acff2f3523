"""A credential for a user without asking for a password: what the scheme table's `issue` names."""

from rest_framework.authtoken.models import Token

from tokens import hashed, models


def drf_token(user) -> str:
    token, _ = Token.objects.get_or_create(user=user)
    return token.key


def token(user) -> str:
    """Raises ValueError when the account is disabled, or has changed since `user` was read."""
    return _key_of(models.obtain(user), user)


def hashed_token(user) -> str:
    """A new one each time. Raises as above, and hashed.TokenLimitError."""
    return _key_of(hashed.obtain(user), user)


def _key_of(obtained, user) -> str:
    if obtained is None:
        raise ValueError(f"user {user.pk} is disabled, deleted or has changed since it was read")
    return obtained.key
