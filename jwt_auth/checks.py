"""System checks: keys, lifetimes, and the settings of SimpleJWT that our rows do not honour."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, register
from rest_framework_simplejwt.settings import DEFAULTS

from auth_core.conf import conf, derived_signing_key
from auth_core.schemes import enabled_classes, scheme_of
from jwt_auth.authentication import JWTAuthentication
from jwt_auth.jwk import KeyFormatError, is_symmetric, signing_key, verifying_key

LEAST_SECRET_BYTES = 32


@register
def keys_fit_the_algorithm(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for each key that does not fit JWT_ALGORITHM."""
    algorithm = conf.JWT_ALGORITHM
    if is_symmetric(algorithm) and derived_signing_key(settings.SECRET_KEY) == conf.JWT_SIGNING_KEY:
        length = len(settings.SECRET_KEY.encode())
        if length < LEAST_SECRET_BYTES:
            yield Error(
                f"SECRET_KEY has {length} bytes, and {algorithm}'s key is derived from it.",
                hint=f"Set SECRET_KEY, or JWT_SIGNING_KEY, to {LEAST_SECRET_BYTES} random bytes or more.",
                id="jwt_auth.E001",
            )
    else:
        try:
            signing_key(conf.JWT_SIGNING_KEY, algorithm)
        except KeyFormatError as error:
            yield Error(
                f"JWT_SIGNING_KEY: {error}.",
                hint="Set JWT_SIGNING_KEY to such a key, or to file:PATH of one.",
                id="jwt_auth.E002",
            )
    for position, text in enumerate(conf.JWT_VERIFYING_KEYS, start=1):
        try:
            verifying_key(text, algorithm)
        except KeyFormatError as error:
            yield Error(
                f"JWT_VERIFYING_KEYS, key {position}: {error}.",
                hint="Every older key is of the present JWT_ALGORITHM; a secret that holds a comma goes into a file.",
                id="jwt_auth.E003",
            )


@register
def lifetimes_are_in_order(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for each lifetime that is longer than the next one."""
    lifetimes = {
        name: getattr(conf, name)
        for name in ("JWT_REUSE_GRACE", "JWT_ACCESS_LIFETIME", "JWT_REFRESH_LIFETIME", "JWT_SESSION_LIFETIME")
    }
    names = list(lifetimes)
    for shorter, longer in pairwise(names):
        if lifetimes[shorter] > lifetimes[longer]:
            yield Error(
                f"{shorter} ({lifetimes[shorter]}) is longer than {longer} ({lifetimes[longer]}).",
                hint=f"In this order, each at most as long as the next: {', '.join(names)}.",
                id="jwt_auth.E004",
            )


@register
def blacklist_has_its_app(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error if SimpleJWT would silently keep accepting old refresh tokens."""
    wants = settings.SIMPLE_JWT.get("BLACKLIST_AFTER_ROTATION")
    if wants and not apps.is_installed("rest_framework_simplejwt.token_blacklist"):
        yield Error(
            "SIMPLE_JWT['BLACKLIST_AFTER_ROTATION'] is on without its app.",
            hint="Add rest_framework_simplejwt.token_blacklist to INSTALLED_APPS.",
            id="jwt_auth.E005",
        )


# SimpleJWT's settings that its own rows honour and ours do not, each with what holds for ours.
_SERIALIZERS = "the endpoints' serializers are those of jwt_auth/serializers.py"
_SLIDING = "there are no sliding tokens"
_NOT_HONOURED = {
    "AUTH_HEADER_TYPES": "the keyword is Bearer",
    "AUTH_HEADER_NAME": "the credential stands in the Authorization header",
    "AUTH_TOKEN_CLASSES": "the class is jwt_auth.tokens.AccessToken",
    "TOKEN_TYPE_CLAIM": "the claim is token_type, and without it a refresh token would pass for an access token",
    "JTI_CLAIM": "the claim is jti",
    "USER_ID_CLAIM": "the claim is user_id",
    "USER_ID_FIELD": "the claim holds the user's primary key",
    "TOKEN_USER_CLASS": "a stateless user is a rest_framework_simplejwt.models.TokenUser",
    "USER_AUTHENTICATION_RULE": "is_active is read at each refresh, and by `jwt` at each request",
    "CHECK_USER_IS_ACTIVE": "is_active is read at each refresh, and by `jwt` at each request",
    "CHECK_REVOKE_TOKEN": "a changed password ends every login of its user",
    "REVOKE_TOKEN_CLAIM": "a changed password ends every login of its user",
    "UPDATE_LAST_LOGIN": "a login is a row of jwt_auth's table and an event, and last_login stays as it is",
    "LEEWAY": "set the switch JWT_LEEWAY",
    "JWK_URL": "set the switches JWT_SIGNING_KEY and JWT_VERIFYING_KEYS",
    "JSON_ENCODER": "every claim is plain JSON",
    **{name: _SERIALIZERS for name in DEFAULTS if name.endswith("_SERIALIZER")},
    **{name: _SLIDING for name in DEFAULTS if name.startswith("SLIDING_")},
}


@register
def every_simplejwt_setting_is_honoured(app_configs: Any, **kwargs: Any) -> Iterator[Error]:
    """Yield an error for each of SimpleJWT's settings that an enabled row of this app ignores."""
    ours = [scheme_of(cls) for cls in enabled_classes() if issubclass(cls, JWTAuthentication)]
    for name, value in settings.SIMPLE_JWT.items() if ours else ():
        default = DEFAULTS.get(name)
        same = default == (tuple(value) if isinstance(value, list) else value)
        if name in _NOT_HONOURED and not same:
            yield Error(
                f"SIMPLE_JWT[{name!r}] is {value!r}, which {ours[0]!r} does not honour: {_NOT_HONOURED[name]}.",
                hint="Remove it, or take one of SimpleJWT's own rows, which honour it.",
                id="jwt_auth.E006",
            )
