from django.conf import settings
from django.db.models.signals import post_save
from django.dispatch import receiver
from rest_framework.authtoken.models import Token

from config.accounts import credentials_ended
from tokens.models import HashedToken


@receiver(post_save, sender=settings.AUTH_USER_MODEL, dispatch_uid="tokens.create")
def create_token(sender, instance, created, raw, using, **kwargs):
    """A token with every new user, by switch. In the user's transaction, where there is one: both or neither."""
    # raw: loaddata brings its own tokens, and a second one for the same user would break it.
    if created and not raw and settings.TOKEN_AUTO_CREATE:
        Token.objects.using(using).get_or_create(user=instance)


@receiver(credentials_ended, dispatch_uid="tokens.delete")
def delete_tokens(sender, user_id, using, **kwargs):
    for model in (Token, HashedToken):
        model.objects.using(using).filter(user_id=user_id).delete()
