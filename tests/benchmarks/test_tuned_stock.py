"""The libraries' classes, set up better, of docs/explanation/bias.md: structure, never time."""

import ast
import json

import pytest

from benchmarks.contenders import tuned_stock
from benchmarks.contenders.lineup import find_scheme
from benchmarks.databases import fill
from benchmarks.databases.scratch import scratch
from benchmarks.messages import ANONYMOUS, Assignment
from benchmarks.processes import start as processes
from tests.support import servers
from tests.support.afterwards import statuses

pytestmark = pytest.mark.once  # the lab brings its own database

URL = "/whoami/"
PATHS = {
    each.name: f"benchmarks.contenders.tuned_stock:{each.name.replace('-', '_').upper()}" for each in tuned_stock.ALL
}

# What each adds to the statements of an anonymous request.
STATEMENTS = {
    "drf-token-sql": 1,
    "drf-token-in-cache": 0,
    "simplejwt-sql": 1,
    "simplejwt-in-cache": 0,
    "simplejwt-verified-once": 0,
    "simplejwt-sql-verified-once": 1,
}

# The answers to a credential, used before, whose user has since been ...
AFTERWARDS = {
    "drf-token-sql": {"disabled": 401, "deleted": 401, "given another password": 401},
    "drf-token-in-cache": {"disabled": 200, "deleted": 200, "given another password": 200},
    "simplejwt-sql": {"disabled": 401, "deleted": 401, "given another password": 200},
    "simplejwt-in-cache": {"disabled": 200, "deleted": 200, "given another password": 200},
    "simplejwt-verified-once": {"disabled": 200, "deleted": 200, "given another password": 200},
    "simplejwt-sql-verified-once": {"disabled": 401, "deleted": 401, "given another password": 200},
}


def test_each_is_found_by_its_path_and_is_nobodys_stock():
    for name, path in PATHS.items():
        found = find_scheme(path)
        assert (found.name, found.is_stock) == (name, False)


def test_the_classes_use_nothing_of_ours():
    tree = ast.parse((servers.ROOT / "benchmarks/contenders/tuned_stock_classes.py").read_text("utf-8"))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {module.partition(".")[0] for module in modules} == {
        "django",
        "rest_framework",
        "rest_framework_simplejwt",
        "time",
        "typing",
    }


def test_each_does_what_it_says_with_so_many_statements():
    with scratch("sqlite", None, "kept") as made:
        names = tuple(PATHS.values())
        processes.fill(made, names)
        facts = processes.work(Assignment(names, {URL: 0}, 3, 1, seed=1), made, 0, lambda url: None).facts[URL]
    anonymous = facts[ANONYMOUS].sql_statements
    assert {name: facts[name].sql_statements - anonymous for name in STATEMENTS} == STATEMENTS


def print_statuses():
    """Print what each answers after each of AFTERWARDS, in a process of its own."""
    fill.fill()
    candidates = {each.name: each for each in tuned_stock.ALL}
    print(json.dumps({name: statuses(candidates[name], events, URL) for name, events in AFTERWARDS.items()}))


def test_what_each_gives_up():
    process = servers.run(
        "-c",
        "import django; django.setup(); from tests.benchmarks.test_tuned_stock import print_statuses; print_statuses()",
        DJANGO_SETTINGS_MODULE="benchmarks.settings",
    )
    assert process.returncode == 0, process.stderr
    assert json.loads(process.stdout) == AFTERWARDS


COUNT = """
from config import settings
settings.SIMPLE_JWT.update(ROTATE_REFRESH_TOKENS={rotate}, BLACKLIST_AFTER_ROTATION={blacklist})
import django; django.setup()
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import RefreshToken
refresh = str(RefreshToken.for_user(User.objects.create_user("ada{rotate}{blacklist}")))
with CaptureQueriesContext(connection) as captured:
    assert APIClient().post("/api/token/refresh/", {{"refresh": refresh}}).status_code == 200
print(sum(not query["sql"].startswith(("BEGIN", "COMMIT")) for query in captured))
"""


@pytest.mark.parametrize(("rotate", "blacklist", "statements"), [(True, True, 9), (True, False, 5), (False, False, 2)])
def test_a_stock_refresh_without_rotation_takes_fewer_statements(tmp_path, rotate, blacklist, statements):
    done = servers.run(
        "-c",
        COUNT.format(rotate=rotate, blacklist=blacklist),
        DJANGO_SETTINGS_MODULE="config.settings",
        DATABASE_URL=servers.migrated_sqlite(tmp_path),
        AUTH_SCHEMES="simplejwt",
        ALLOWED_HOSTS="testserver",
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) == statements
