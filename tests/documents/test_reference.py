"""docs/reference/endpoints.md lists what a service with each scheme lists itself, at `GET /`."""

import json
import re

import pytest

from config.schemes import SCHEMES
from tests.support import servers

pytestmark = pytest.mark.once

SCRIPT = (
    "import django, json; django.setup(); from django.test import Client; "
    "print(json.dumps(Client(headers={'host': 'localhost'}).get('/').json()['endpoints']))"
)
SECTIONS = dict(
    part.split("\n", 1) for part in (servers.ROOT / "docs/reference/endpoints.md").read_text().split("\n## ")[1:]
)


@pytest.mark.parametrize("name", SCHEMES)
def test_the_page_of_endpoints_has_what_a_service_with_this_scheme_lists(name):
    tables = [table for title, table in SECTIONS.items() if title == "With every scheme" or f"`{name}`" in title]
    assert len(tables) == 2
    documented = {match.groups() for table in tables for match in re.finditer(r"^\| `([A-Z]+) (\S+)`", table, re.M)}
    metrics = {"METRICS": "on", "METRICS_TOKEN": "m" * 32}
    done = servers.run("-c", SCRIPT, AUTH_SCHEMES=name, DJANGO_SETTINGS_MODULE="config.settings", **metrics)
    assert done.returncode == 0, done.stderr
    assert documented == {(method, path) for path, methods in json.loads(done.stdout).items() for method in methods}
