from itertools import pairwise

from django.apps import apps
from django.conf import settings
from django.core.checks import Error, register

from config.keys import KeyFormatError, is_symmetric, signing_key, verifying_key

LEAST_SECRET_BYTES = 32


@register
def keys_fit_the_algorithm(app_configs, **kwargs):
    algorithm = settings.JWT_ALGORITHM
    if settings.JWT_SIGNING_KEY_IS_DERIVED and is_symmetric(algorithm):
        length = len(settings.SECRET_KEY.encode())
        if length < LEAST_SECRET_BYTES:
            yield Error(
                f"SECRET_KEY has {length} bytes, and {algorithm}'s key is derived from it.",
                hint=f"Set SECRET_KEY, or JWT_SIGNING_KEY, to {LEAST_SECRET_BYTES} random bytes or more.",
                id="jwt_auth.E001",
            )
    else:
        try:
            signing_key(settings.JWT_SIGNING_KEY, algorithm)
        except KeyFormatError as error:
            yield Error(
                f"JWT_SIGNING_KEY: {error}.",
                hint="Set JWT_SIGNING_KEY to such a key, or to file:PATH of one.",
                id="jwt_auth.E002",
            )
    for position, text in enumerate(settings.JWT_VERIFYING_KEYS, start=1):
        try:
            verifying_key(text, algorithm)
        except KeyFormatError as error:
            yield Error(
                f"JWT_VERIFYING_KEYS, key {position}: {error}.",
                hint="Every older key is of the present JWT_ALGORITHM; a secret that holds a comma goes into a file.",
                id="jwt_auth.E003",
            )


@register
def lifetimes_are_in_order(app_configs, **kwargs):
    lifetimes = {
        name: getattr(settings, name)
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
def blacklist_has_its_app(app_configs, **kwargs):
    # SimpleJWT says nothing: the old refresh tokens of its rows would just keep working.
    wants = settings.SIMPLE_JWT.get("BLACKLIST_AFTER_ROTATION")
    if wants and not apps.is_installed("rest_framework_simplejwt.token_blacklist"):
        yield Error(
            "SIMPLE_JWT['BLACKLIST_AFTER_ROTATION'] is on without its app.",
            hint="Add rest_framework_simplejwt.token_blacklist to INSTALLED_APPS.",
            id="jwt_auth.E005",
        )
