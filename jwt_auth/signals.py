"""What happens to logins when all credentials of a user are revoked."""

from typing import Any

from django.dispatch import receiver

from auth_core.revocation import credentials_revoked
from jwt_auth import models


@receiver(credentials_revoked, dispatch_uid="jwt_auth.end")
def end_families(sender: object, user_id: Any, reason: str, using: str | None, **kwargs: Any) -> None:
    """End every login of the user."""
    models.end(reason, using=using, user_id=user_id)
