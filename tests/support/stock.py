"""Support for the tests of stock beside ours."""

from importlib.metadata import version
from types import ModuleType

import pytest
from django.db import connection
from rest_framework.parsers import JSONParser
from rest_framework.test import APIClient
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import exception_handler as drf_exception_handler

from tests.support.accounts import PASSWORD

LOGIN = {"username": "ada", "password": PASSWORD}
# The first letter of a finding -> the libraries it is about, and the versions it was seen in.
HOLDS_FOR = {
    "T": {"djangorestframework": ("3.18.1", "3.18.2", "3.18.3")},
    "J": {"djangorestframework_simplejwt": ("5.5.1",), "PyJWT": ("2.15",)},
    "B": {"Django": ("5.2", "6.0", "6.1"), "djangorestframework": ("3.18.1", "3.18.2", "3.18.3")},
}
ON_POSTGRESQL = connection.vendor == "postgresql"
postgresql_only = pytest.mark.skipif(not ON_POSTGRESQL, reason="shows on PostgreSQL only")


def installed(library: str) -> tuple[int, ...]:
    """Return the installed version of a library as numbers."""
    return tuple(int(part) for part in version(library).split(".") if part.isdigit())


def holds_for(finding: str) -> str:
    """Return for which versions a finding holds, and which are installed."""
    said = (
        f"{library} {', '.join(versions)}; installed {version(library)}"
        for library, versions in HOLDS_FOR[finding[0]].items()
    )
    return f"{finding} holds for {'. '.join(said)}."


def beside(finding: str, stock, ours, names="row, expected"):
    """Parametrise one test with the stock library's row and result, and with ours."""
    return pytest.mark.parametrize(
        names, [pytest.param(*stock, id=f"{finding}-stock"), pytest.param(*ours, id=f"{finding}-ours")]
    )


def by_the_library(view, **attributes):
    """Return the library's view with DRF's exception handler and parsers, as in a stock project."""
    attributes = {
        "get_exception_handler": lambda self: drf_exception_handler,
        "parser_classes": (JSONParser,),
    } | attributes
    return type(view.__name__, (view,), attributes).as_view()


def serve(settings, *patterns) -> APIClient:
    """Return a client of these URLs alone, with none of the project's middleware."""
    settings.ROOT_URLCONF = ModuleType("tests.urlconf_stock")
    settings.ROOT_URLCONF.urlpatterns = list(patterns)
    settings.MIDDLEWARE = []
    return APIClient(raise_request_exception=False)


def whoami(client, authorization):
    return client.get("/whoami/", headers={"Authorization": authorization})


class ThreePerMinute(AnonRateThrottle):
    rate = "3/min"
