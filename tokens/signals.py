"""What happens to tokens when users are saved, and what the token cache drops."""

from typing import Any

from django.db import transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save
from django.dispatch import receiver
from rest_framework.authtoken.models import Token

from auth_core.conf import conf
from auth_core.revocation import credentials_revoked, user_models
from auth_core.transactions import after_commit
from tokens.cache import token_cache
from tokens.models import HashedToken


def create_token(sender: object, instance: Any, created: bool, raw: bool, using: str, **kwargs: Any) -> None:
    """Create a token with every new user, if TOKEN_AUTO_CREATE is on, in the same transaction."""
    # raw: loaddata brings its own tokens, and a second one for the same user would break it.
    if created and not raw and conf.TOKEN_AUTO_CREATE:
        Token.objects.using(using).get_or_create(user=instance)


@receiver(credentials_revoked, dispatch_uid="tokens.delete")
def delete_tokens(sender: object, user_id: Any, using: str | None, **kwargs: Any) -> None:
    """Delete every token of the user."""
    with transaction.atomic(using):
        # Locked as they are read: Django deletes the keys that it has read, since drop_token
        # listens. A rotation in between would keep the token under its new key.
        for token in Token.objects.using(using).select_for_update().filter(user_id=user_id):
            token.delete()
        HashedToken.objects.using(using).filter(user_id=user_id).delete()


# --- what the cache drops, on commit: a change that is rolled back drops nothing ------------------


@receiver([post_save, post_delete], sender=Token, dispatch_uid="tokens.drop_token")
def drop_token(sender: object, instance: Token, using: str, created: bool = False, **kwargs: Any) -> None:
    """Drop a token that was changed or deleted, also with its user or in the admin.

    A receiver costs each deletion a query, by which Django reads what it deletes.
    """
    if not created:
        after_commit(token_cache.drop, instance.key, using=using)


def drop_user(sender: object, instance: Any, created: bool, using: str, **kwargs: Any) -> None:
    """Drop the tokens of a user who was saved, whatever changed: the cache holds the whole row."""
    if not created and token_cache.is_used:
        after_commit(_drop_tokens_of, instance.pk, using, using=using)


def _drop_tokens_of(user_id: Any, using: str) -> None:
    # Read after the commit: a token that is issued later is cached with the user as saved.
    for key in Token.objects.using(using).filter(user_id=user_id).values_list("key", flat=True):
        token_cache.drop(key)


def watch(model: type[Model]) -> None:
    """Connect the receivers for users that are saved as instances of this model."""
    post_save.connect(create_token, sender=model, dispatch_uid="tokens.create")
    post_save.connect(drop_user, sender=model, dispatch_uid="tokens.drop_user")


for _model in user_models():
    watch(_model)
