from django.conf import settings
from django.core.checks import Error, Tags, Warning, register

_LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "testserver"}


@register(Tags.security)
def debug_is_local(app_configs, **kwargs):
    others = sorted(set(settings.ALLOWED_HOSTS) - _LOOPBACK)
    if settings.DEBUG and others:
        yield Error(
            f"DEBUG is on for a service that answers to {', '.join(others)}.",
            hint="Its error pages show settings and local variables. Unset DEBUG, or ALLOWED_HOSTS.",
            id="config.E005",
        )


@register(Tags.caches)
def throttle_counts_in_one_place(app_configs, **kwargs):
    per_process = settings.CACHES["default"]["BACKEND"].endswith("LocMemCache")
    if settings.LOGIN_THROTTLE and settings.GRANIAN_WORKERS > 1 and per_process:
        yield Error(
            f"GRANIAN_WORKERS={settings.GRANIAN_WORKERS} with a cache per process: each worker would count "
            f"LOGIN_THROTTLE={settings.LOGIN_THROTTLE} for itself.",
            hint="Set CACHE_URL=valkey://host:6379/0, or LOGIN_THROTTLE=none.",
            id="config.E006",
        )


@register(Tags.security)
def stock_rows_are_a_reference(app_configs, **kwargs):
    for scheme in settings.SCHEMES:
        if scheme.is_stock:
            yield Warning(
                f"AUTH_SCHEMES names {scheme.name!r}: {scheme.summary}, with all that its library gets wrong.",
                hint="It is here to be compared with. Serve `token` or `jwt`.",
                id="config.W001",
            )
