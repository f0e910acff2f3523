"""Fixtures: services that sign with each algorithm, and a process of Node that is asked."""

from contextlib import ExitStack

import pytest

from tests.support import consumers, servers
from tests.support.accounts import PASSWORD
from tests.support.keys import a_key

ADA = f"from django.contrib.auth.models import User; User.objects.create_user('ada', password='{PASSWORD}')"


@pytest.fixture(scope="session")
def switches(tmp_path_factory):
    """Return switches(**more): those of a service with a database of its own and the user ada."""

    def switches(**more: str) -> dict[str, str]:
        database = servers.migrated_sqlite(tmp_path_factory.mktemp("service"))
        found = {**servers.QUICK, "DATABASE_URL": database, "LOGIN_THROTTLE": "none", **consumers.AT_JWT, **more}
        done = servers.run("manage.py", "shell", "--verbosity", "0", "-c", ADA, **found)
        assert done.returncode == 0, done.stderr
        return found

    return switches


@pytest.fixture(scope="session")
def services(switches):
    """Return the address and the signing key of a service for each algorithm."""
    with ExitStack() as running:
        found = {}
        for algorithm in ("ES256", "RS256", "EdDSA", "Ed25519"):
            key = a_key(algorithm)
            service = servers.granian(**switches(JWT_ALGORITHM=algorithm, JWT_SIGNING_KEY=key))
            found[algorithm] = running.enter_context(service), key
        yield found


@pytest.fixture(scope="session", autouse=True)
def _node():
    with consumers.asking_node():
        yield
