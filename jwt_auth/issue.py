"""Issue a credential to a user without a password: what the scheme table's `issue` names."""

from typing import Any

from rest_framework_simplejwt.tokens import AccessToken

from jwt_auth import models


def simplejwt(user: Any) -> str:
    """Return an access token of SimpleJWT's own."""
    return str(AccessToken.for_user(user))


def jwt(user: Any) -> str:
    """Return the access token of a new login.

    Raises ValueError if the account is disabled, or has changed since `user` was read.
    """
    pair = models.log_in(user)
    if pair is None:
        raise ValueError(f"user {user.pk} is disabled, deleted or has changed since it was read")
    return str(pair.access)
