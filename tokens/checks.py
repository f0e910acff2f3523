"""System checks: the order of the apps."""

from typing import Any

from django.apps import apps
from django.core.checks import Error, register


@register
def authtoken_is_installed_after_us(app_configs: Any, **kwargs: Any) -> list[Error]:
    """Return an error unless rest_framework.authtoken is installed, and after this app."""
    names = [config.name for config in apps.get_app_configs()]
    if "rest_framework.authtoken" not in names:
        return [
            Error(
                "rest_framework.authtoken is not in INSTALLED_APPS.",
                hint="Its table holds the tokens.",
                id="tokens.E001",
            )
        ]
    if names.index("tokens") > names.index("rest_framework.authtoken"):
        return [
            Error(
                "tokens stands after rest_framework.authtoken in INSTALLED_APPS.",
                hint="Put it before: the first app's drf_create_token runs, and DRF's deletes before it creates.",
                id="tokens.E002",
            )
        ]
    return []
