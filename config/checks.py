import ipaddress
import os

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register

from config.switches import misspelt

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
    if settings.DEBUG and not ipaddress.ip_address(settings.GRANIAN_HOST).is_loopback:
        yield Error(
            f"DEBUG is on for a service that listens on GRANIAN_HOST={settings.GRANIAN_HOST}.",
            hint="Its error pages show settings and local variables. Unset DEBUG, or GRANIAN_HOST.",
            id="config.E005",
        )


@register
def variables_are_spelt_right(app_configs, **kwargs):
    for name, switch in misspelt(os.environ).items():
        yield Warning(
            f"The environment sets {name}, which is not a switch.",
            hint=f"Did you mean {switch}? If another program needs {name}, do not pass it to this service.",
            id="config.W002",
        )


@register(Tags.caches)
def throttle_counts_in_one_place(app_configs, **kwargs):
    per_process = settings.CACHES["default"]["BACKEND"].endswith("LocMemCache")
    if settings.LOGIN_THROTTLE and settings.GRANIAN_WORKERS > 1 and per_process:
        yield Error(
            f"GRANIAN_WORKERS={settings.GRANIAN_WORKERS} with a cache per process: each worker would count "
            f"LOGIN_THROTTLE={settings.LOGIN_THROTTLE} on its own.",
            hint="Set CACHE_URL=valkey://host:6379/0, or LOGIN_THROTTLE=none.",
            id="config.E006",
        )


@register
def workers_count_together(app_configs, **kwargs):
    if settings.METRICS and settings.GRANIAN_WORKERS > 1 and not settings.PROMETHEUS_MULTIPROC_DIR:
        yield Error(
            f"METRICS is on with GRANIAN_WORKERS={settings.GRANIAN_WORKERS}: each worker would count on its own, "
            "and /metrics/ would show the counts of one of them.",
            hint="Set PROMETHEUS_MULTIPROC_DIR to a folder that is empty whenever the service starts.",
            id="config.E007",
        )


@register(Tags.security)
def metrics_are_not_everybodys(app_configs, **kwargs):
    if settings.METRICS and not settings.METRICS_TOKEN:
        yield Error(
            "METRICS is on without METRICS_TOKEN: nobody could read /metrics/.",
            hint="Set METRICS_TOKEN to 32 random characters or more, and configure Prometheus to send it.",
            id="config.E008",
        )


@register(Tags.security)
def stock_rows_are_a_reference(app_configs, **kwargs):
    for scheme in settings.SCHEMES:
        if scheme.is_stock:
            yield Warning(
                f"AUTH_SCHEMES names {scheme.name!r}: {scheme.summary}, with its library's known faults.",
                hint="It is there for comparison. Serve `token-hashed`, `token` or `jwt`.",
                id="config.W001",
            )
