"""System checks: the settings of auth_core/conf.py, and what a project must have for our apps."""

from collections.abc import Callable, Iterator
from difflib import get_close_matches
from functools import wraps
from importlib.util import find_spec
from typing import Any

from django.apps import apps
from django.conf import global_settings, settings
from django.contrib.auth import get_user_model
from django.core.cache.backends.locmem import LocMemCache
from django.core.checks import CheckMessage, Error, Warning, register
from django.core.exceptions import FieldDoesNotExist
from django.db import connections, router
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string
from rest_framework.settings import api_settings

from auth_core import revocation
from auth_core.address import ForwardedMiddleware
from auth_core.caches import cache_alias, servers
from auth_core.conf import Conf, conf, source_of
from auth_core.rules import RULES
from auth_core.schemes import dotted, enabled_classes, kind_of

_SECRET = ("JWT_SIGNING_KEY", "JWT_VERIFYING_KEYS")
_PREFIXES = ("JWT_", "TOKEN_", "TOKENS_")
_REDIS_URLS = ("redis://", "rediss://", "unix://")


def wrong_settings() -> dict[str, str]:
    """Return what each wrong setting may be, by its name."""
    wrong: dict[str, str] = {}
    for name, rule in RULES.items():
        try:
            rule(getattr(conf, name))
        except ValueError as error:
            wrong[name] = str(error)
        except (AttributeError, TypeError):
            if not wrong:  # otherwise its default is computed from one that is wrong
                raise
    return wrong


def needs_settings(*prefixes: str) -> Callable[[Callable[..., Iterator[CheckMessage]]], Any]:
    """Return a decorator: a check that says nothing while a setting that it reads is wrong."""

    def decorate(check: Callable[..., Iterator[CheckMessage]]) -> Callable[..., list[CheckMessage]]:
        @wraps(check)
        def checked(app_configs: Any, **kwargs: Any) -> list[CheckMessage]:
            is_wrong = any(name.startswith(prefixes) for name in wrong_settings())
            return [] if is_wrong else list(check(app_configs, **kwargs))

        return checked

    return decorate


@register
def settings_are_right(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for each setting whose value is not allowed."""
    for name, allowed in wrong_settings().items():
        value = getattr(conf, name)
        shown = f"a {type(value).__name__}" if name in _SECRET else repr(value)[:100]
        yield Error(f"{source_of(name)} is {shown}.", hint=f"Allowed: {allowed}.", id="auth_core.E001")


@register
def settings_are_spelt_right(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Yield an error for each misspelt setting, and a warning for an unknown one."""
    ours = [name for name in vars(Conf) if name.isupper()]
    for name in dir(settings):
        if not name.isupper() or name in ours or hasattr(global_settings, name):
            continue
        near = get_close_matches(name, ours, 1, 0.87)
        if near:
            yield Error(
                f"{name} is no setting, and nothing reads it.", hint=f"Did you mean {near[0]}?", id="auth_core.E002"
            )
        elif name.startswith(_PREFIXES):
            yield Warning(
                f"{name} is no setting of auth_core, tokens or jwt_auth.",
                hint="If another library reads it, add auth_core.W001 to SILENCED_SYSTEM_CHECKS.",
                id="auth_core.W001",
            )


@register
def framework_is_installed(app_configs: Any, **kwargs: Any) -> Iterator[CheckMessage]:
    """Yield a message for each part of Django REST framework that our apps need."""
    from auth_core.errors import exception_handler

    if not apps.is_installed("rest_framework"):
        yield Error(
            "rest_framework is not in INSTALLED_APPS, so its pages have no templates.",
            hint='Add "rest_framework".',
            id="auth_core.E003",
        )
    if api_settings.EXCEPTION_HANDLER is not exception_handler:
        yield Warning(
            "REST_FRAMEWORK['EXCEPTION_HANDLER'] is not ours: a 401 has the first challenge only, and refused "
            "credentials are not logged.",
            hint='Set it to "auth_core.errors.exception_handler". If your own handler calls ours, add auth_core.W002 '
            "to SILENCED_SYSTEM_CHECKS.",
            id="auth_core.W002",
        )


@register
def user_model_can_log_in(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for each column of the user model that a login needs."""
    users = get_user_model()
    for name in ("password", users.USERNAME_FIELD):
        try:
            users._meta.get_field(name)
        except FieldDoesNotExist:
            yield Error(
                f"{users._meta.label} has no field {name!r}, by which a user logs in.",
                hint="Derive the model from django.contrib.auth.base_user.AbstractBaseUser.",
                id="auth_core.E004",
            )


@register
def database_is_supported(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for a database whose locks and transactions are not those we rely on."""
    vendor = connections[router.db_for_write(get_user_model())].vendor
    if vendor not in ("postgresql", "sqlite"):
        yield Error(
            f"The users are in a database of {vendor}.",
            hint="Allowed: PostgreSQL and SQLite, for which row locks and unique digests were tested.",
            id="auth_core.E005",
        )


@register
@needs_settings("LOGIN_THROTTLE")
def cache_can_count(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for a cache that cannot count attempts in one atomic step."""
    alias = cache_alias()
    backend = settings.CACHES.get(alias, {}).get("BACKEND")
    if conf.LOGIN_THROTTLE is None or not backend:
        return
    cls = import_string(backend)
    if not (hasattr(cls, "count") or issubclass(cls, LocMemCache)):
        on_redis = 'CACHES["auth"] = {"BACKEND": "auth_core.caches.RedisCache", "LOCATION": "redis://host:6379/0"}'
        yield Error(
            f"CACHES[{alias!r}]: {backend} cannot count attempts in one step, as LOGIN_THROTTLE needs.",
            hint=f'Add {on_redis}, or {{"BACKEND": "auth_core.caches.LocMemCache"}}, by which each process counts '
            "on its own.",
            id="auth_core.E006",
        )
    elif backend == "auth_core.caches.RedisCache" and find_spec("redis") is None:
        yield Error(
            f"CACHES[{alias!r}]: {backend} needs the package redis.", hint="pip install redis", id="auth_core.E006"
        )
    elif backend == "auth_core.caches.RedisCache":
        urls = servers(settings.CACHES[alias])  # not printed: they may hold passwords
        if not all(isinstance(url, str) and url.startswith(_REDIS_URLS) for url in urls):
            yield Error(
                f"CACHES[{alias!r}]['LOCATION'] is no URL of a server.",
                hint=f"Allowed: a URL, or a list of them, each beginning with {', '.join(_REDIS_URLS)}.",
                id="auth_core.E006",
            )


@register
def each_keyword_has_one_class(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error if two enabled classes read the same keyword."""
    found: dict[str, type] = {}
    for cls in enabled_classes():
        keyword: Any = getattr(cls, "keyword", None) or ()
        for word in keyword if isinstance(keyword, tuple) else (keyword,):
            other = found.setdefault(str(word).lower(), cls)
            if other is not cls:
                yield Error(
                    f"{dotted(other)} and {dotted(cls)} both answer to the keyword {word!r}, so the first refuses "
                    "every credential of the second.",
                    hint="Enable one of them, or give a subclass of one another `keyword`. For jwt_auth, "
                    "SIMPLE_JWT['AUTH_HEADER_TYPES'] sets the keyword.",
                    id="auth_core.E007",
                )


@register
def proxies_are_required(app_configs: Any, **kwargs: Any) -> Iterator[Warning]:
    """Yield a warning if clients behind no proxy could write their address themselves."""
    middleware = [import_string(path) for path in settings.MIDDLEWARE] if api_settings.NUM_PROXIES else []
    if middleware and not any(isinstance(cls, type) and issubclass(cls, ForwardedMiddleware) for cls in middleware):
        yield Warning(
            f"NUM_PROXIES={api_settings.NUM_PROXIES} without ForwardedMiddleware: a request that comes through fewer "
            "proxies names its own address, and no limit per address holds.",
            hint='Put "auth_core.address.ForwardedMiddleware" first in MIDDLEWARE.',
            id="auth_core.W003",
        )


@register
def sessions_can_be_ended(app_configs: Any, **kwargs: Any) -> Iterator[Warning]:
    """Yield a warning for sessions that "log out everywhere" cannot find."""
    if apps.is_installed("django.contrib.sessions") and revocation.session_store() is None:
        yield Warning(
            f"SESSION_ENGINE={settings.SESSION_ENGINE!r}: a logout everywhere ends no session.",
            hint="A password change and a deactivation end them all the same. Allowed for a logout everywhere: "
            "django.contrib.sessions.backends.db and .cached_db.",
            id="auth_core.W004",
        )


@register
def clock_is_steady(app_configs: Any, **kwargs: Any) -> Iterator[Warning]:
    """Yield a warning if lifetimes count a clock that is set forward and back each year."""
    if not settings.USE_TZ and settings.TIME_ZONE not in ("UTC", "Etc/UTC"):
        yield Warning(
            f"USE_TZ is off and TIME_ZONE is {settings.TIME_ZONE!r}: each lifetime is an hour off when the clocks "
            "change.",
            hint="Set USE_TZ=True, or TIME_ZONE='UTC'.",
            id="auth_core.W005",
        )


@register
def credentials_are_accepted(app_configs: Any, **kwargs: Any) -> Iterator[Warning]:
    """Yield a warning for each login whose credentials no enabled class accepts."""
    for kind in ("token", "jwt"):
        try:
            path = reverse(f"{kind}-obtain")
        except NoReverseMatch:
            continue
        if not any(kind_of(cls) == kind for cls in enabled_classes()):
            yield Warning(
                f"{path} issues credentials that no class in DEFAULT_AUTHENTICATION_CLASSES accepts.",
                hint="Add the class, or remove the endpoints. If your views name their own, add auth_core.W006 to "
                "SILENCED_SYSTEM_CHECKS.",
                id="auth_core.W006",
            )
