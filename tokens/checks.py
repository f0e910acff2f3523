"""System checks: the order of the apps, and that the scopes of tokens are enforced."""

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Warning, register
from rest_framework.settings import api_settings

from auth_core.schemes import enabled_classes
from auth_core.scopes import HasScope


@register
def authtoken_is_installed_after_us(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Return an error unless rest_framework.authtoken is installed after this app."""
    names = [config.name for config in apps.get_app_configs()]
    if names.index("tokens") > names.index("rest_framework.authtoken"):
        return [
            Error(
                "tokens stands after rest_framework.authtoken in INSTALLED_APPS.",
                hint="Put it before: the first app's drf_create_token runs, and DRF's deletes before it creates.",
                id="tokens.E002",
            )
        ]
    return []


@register
def scopes_are_enforced(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Return an error if hashed tokens open the API and nothing asks for their scope."""
    from tokens.authentication import HashedTokenAuthentication

    if not any(issubclass(cls, HashedTokenAuthentication) for cls in enabled_classes()):
        return []
    permissions: Any = api_settings.DEFAULT_PERMISSION_CLASSES
    if any(issubclass(cls, HasScope) for cls in permissions):
        return []
    return [
        Error(
            "HashedTokenAuthentication opens the API, and DEFAULT_PERMISSION_CLASSES has no HasScope: a token that "
            "may only read could write.",
            hint="Add auth_core.scopes.HasScope there, and to each view that has permission_classes of its own.",
            id="tokens.E003",
        )
    ]


@register
def cache_is_used(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """Return a warning if each request runs in a transaction, whose reads are never cached."""
    from tokens.authentication import CachedTokenAuthentication

    is_enabled = any(issubclass(cls, CachedTokenAuthentication) for cls in enabled_classes())
    atomic = [alias for alias, database in settings.DATABASES.items() if database.get("ATOMIC_REQUESTS")]
    if not (is_enabled and atomic):
        return []
    return [
        Warning(
            f"DATABASES[{atomic[0]!r}] has ATOMIC_REQUESTS, so CachedTokenAuthentication caches nothing: what a "
            "transaction reads may be rolled back.",
            hint="Turn ATOMIC_REQUESTS off, or take TokenAuthentication.",
            id="tokens.W001",
        )
    ]
