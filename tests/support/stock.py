"""Support for the tests of stock beside ours."""

from types import ModuleType

import pytest
from django.db import connection
from rest_framework.parsers import JSONParser
from rest_framework.test import APIClient
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import exception_handler as drf_exception_handler

from tests.support.accounts import PASSWORD

LOGIN = {"username": "ada", "password": PASSWORD}
ON_POSTGRESQL = connection.vendor == "postgresql"
postgresql_only = pytest.mark.skipif(not ON_POSTGRESQL, reason="shows on PostgreSQL only")


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
