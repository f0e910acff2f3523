"""System checks: the order of the apps, and that the scopes of tokens are enforced."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, Warning, register
from django.urls import get_resolver
from rest_framework.permissions import AND, AllowAny, OperandHolder
from rest_framework.settings import api_settings

from auth_core.schemes import dotted, enabled_from
from auth_core.scopes import HasScope

MOST_NAMED = 5


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

    if not enabled_from(HashedTokenAuthentication):
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
def views_ask_for_the_scope(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """Return a warning that names the views whose own permission_classes ask for no scope.

    It reads attributes: what `get_permissions` of a view returns is not known before a request.
    """
    patterns = get_resolver().url_patterns if getattr(settings, "ROOT_URLCONF", None) else []
    views = sorted({dotted(cls) for cls, options in _views(patterns) if _ignores_scope(cls, options)})
    if not views:
        return []
    named = ", ".join(views[:MOST_NAMED]) + (f" and {len(views) - MOST_NAMED} more" if views[MOST_NAMED:] else "")
    return [
        Warning(
            f"The scope of a token does not count where permission_classes has no HasScope: {named}.",
            hint="Add auth_core.scopes.HasScope there. If you issue no limited tokens, add tokens.W002 to "
            "SILENCED_SYSTEM_CHECKS.",
            id="tokens.W002",
        )
    ]


def _views(patterns: Iterable[Any]) -> Iterator[tuple[type, dict[str, Any]]]:
    """Yield the class of each view of DRF, and the attributes that its route gives it."""
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from _views(pattern.url_patterns)
        elif cls := getattr(pattern.callback, "cls", None):
            yield cls, getattr(pattern.callback, "initkwargs", {})


def _ignores_scope(cls: type, options: dict[str, Any]) -> bool:
    """Return True if a limited token may do at this view whatever a full one may."""
    from tokens.authentication import HashedTokenAuthentication

    classes, permissions = (
        options.get(name, getattr(cls, name, ())) for name in ("authentication_classes", "permission_classes")
    )
    is_own = not hasattr(cls, "kind") and list(permissions) != list(api_settings.DEFAULT_PERMISSION_CLASSES)
    # AllowAny lets everybody in without any token.
    asks_who = any(permission is not AllowAny for permission in permissions)
    accepts = any(isinstance(each, type) and issubclass(each, HashedTokenAuthentication) for each in classes)
    return is_own and asks_who and accepts and not any(map(_asks_for_scope, permissions))


def _asks_for_scope(permission: Any) -> bool:
    """Return True for HasScope, and for permissions combined with & or | that always ask it."""
    if isinstance(permission, OperandHolder):
        operator: Any = permission.operator_class
        operands = [permission.op1_class, permission.op2_class]
        return any(map(_asks_for_scope, operands if operator is AND else operands[:1]))
    return isinstance(permission, type) and issubclass(permission, HasScope)


@register
def cache_is_used(app_configs: Any, **kwargs: Any) -> list[Warning]:
    """Return a warning if each request runs in a transaction, whose reads are never cached."""
    from tokens.authentication import CachedTokenAuthentication

    atomic = [alias for alias, database in settings.DATABASES.items() if database.get("ATOMIC_REQUESTS")]
    if not (enabled_from(CachedTokenAuthentication) and atomic):
        return []
    return [
        Warning(
            f"DATABASES[{atomic[0]!r}] has ATOMIC_REQUESTS, so CachedTokenAuthentication caches nothing: what a "
            "transaction reads may be rolled back.",
            hint="Turn ATOMIC_REQUESTS off, or take TokenAuthentication.",
            id="tokens.W001",
        )
    ]
