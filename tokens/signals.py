from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from rest_framework.authtoken.models import Token

from auth_core.revocation import credentials_revoked, user_models
from tokens.cache import token_cache
from tokens.models import HashedToken


def create_token(sender, instance, created, raw, using, **kwargs):
    """A token with every new user, by switch. In the user's transaction, where there is one: both or neither."""
    # raw: loaddata brings its own tokens, and a second one for the same user would break it.
    if created and not raw and settings.TOKEN_AUTO_CREATE:
        Token.objects.using(using).get_or_create(user=instance)


@receiver(credentials_revoked, dispatch_uid="tokens.delete")
def delete_tokens(sender, user_id, using, **kwargs):
    with transaction.atomic(using):
        # Locked as they are read: Django deletes by the keys it has read, since forget_token listens, and a
        # rotation that came in between would save the token under its new key.
        for token in Token.objects.using(using).select_for_update().filter(user_id=user_id):
            token.delete()
        HashedToken.objects.using(using).filter(user_id=user_id).delete()


# --- what the cache must forget: on commit, so that nothing is forgotten that is rolled back ---------


@receiver([post_save, post_delete], sender=Token, dispatch_uid="tokens.forget_token")
def forget_token(sender, instance, using, created=False, **kwargs):
    """Also when it goes with its user, or in the admin, whose proxies delete by way of Token.

    That somebody listens costs each deletion a query, by which Django reads what it deletes.
    """
    if not created:
        transaction.on_commit(partial(token_cache.drop, instance.key), using, robust=True)


def forget_user(sender, instance, created, using, **kwargs):
    """Any save: what is remembered is the row."""
    if not created and token_cache.is_used:
        transaction.on_commit(partial(_forget_tokens_of, instance.pk, using), using, robust=True)


def _forget_tokens_of(user_id, using):
    # Asked for now that it is committed: a token that came after is remembered with the user as saved.
    for key in Token.objects.using(using).filter(user_id=user_id).values_list("key", flat=True):
        token_cache.drop(key)


def watch(model):
    """Do the above for users that are saved as instances of this model, which sends signals under its own name."""
    post_save.connect(create_token, sender=model, dispatch_uid="tokens.create")
    post_save.connect(forget_user, sender=model, dispatch_uid="tokens.forget_user")


for _model in user_models():
    watch(_model)
