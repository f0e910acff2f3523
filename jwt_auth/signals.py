from django.dispatch import receiver

from auth_core.revocation import credentials_revoked
from jwt_auth import models


@receiver(credentials_revoked, dispatch_uid="jwt_auth.end")
def end_families(sender, user_id, reason, using, **kwargs):
    models.end(reason, using=using, user_id=user_id)
