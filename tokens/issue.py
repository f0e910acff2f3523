"""Issue a credential to a user without a password: what the scheme table's `issue` names."""

from typing import Any

from rest_framework.authtoken.models import Token

from tokens import hashed, models
from tokens.models import HashedToken


def drf_token(user: Any) -> str:
    """Return the key of the user's token in DRF's table."""
    token, _ = Token.objects.get_or_create(user=user)
    return token.key


def token(user: Any) -> str:
    """Return the key of the user's token.

    Raises ValueError if the account is disabled, or has changed since `user` was read.
    """
    return _key_of(models.obtain(user), user)


def hashed_token(user: Any) -> str:
    """Return the key of a new token. Raises as above, and hashed.TokenLimitError."""
    return _key_of(hashed.obtain(user), user)


def _key_of(obtained: Token | HashedToken | None, user: Any) -> str:
    if obtained is None or obtained.key is None:
        raise ValueError(f"user {user.pk} is disabled, deleted or has changed since it was read")
    return obtained.key
