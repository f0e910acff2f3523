"""A credential for a user without asking for a password: what the scheme table's `issue` names."""

from rest_framework_simplejwt.tokens import AccessToken

from jwt_auth import models


def simplejwt(user) -> str:
    return str(AccessToken.for_user(user))


def jwt(user) -> str:
    """Raises ValueError when the account is disabled, or has changed since `user` was read."""
    pair = models.log_in(user)
    if pair is None:
        raise ValueError(f"user {user.pk} is disabled, deleted or has changed since it was read")
    return str(pair.access)
