"""What happens to logins when all credentials of a user are revoked."""

from typing import Any

from django.dispatch import receiver

from auth_core.conf import conf
from auth_core.revocation import DELETION, credentials_revoked
from jwt_auth import models, stock


@receiver(credentials_revoked, dispatch_uid="jwt_auth.end")
def end_families(sender: object, user_id: Any, reason: str, using: str | None, **kwargs: Any) -> None:
    """End every login of the user."""
    if reason == DELETION:
        models.note_deletion(models.RefreshFamily.objects.using(using).filter(user_id=user_id))
    models.end(reason, using=using, user_id=user_id)


@receiver(credentials_revoked, dispatch_uid="jwt_auth.end_stock")
def end_stock_tokens(sender: object, user_id: Any, reason: str, using: str | None, **kwargs: Any) -> None:
    """Refuse from now on what SimpleJWT issued to the user. A deleted user needs no row for it."""
    if conf.JWT_ACCEPT_STOCK_UNTIL is not None and reason != DELETION:
        stock.end_all(user_id, using)
