"""A network that drops everything between the service and PostgreSQL.

The service answers 503 within seconds, and recovers with the network.
"""

import subprocess
import time

import pytest

from tests.support import networks, servers

pytestmark = [
    pytest.mark.once,
    pytest.mark.skipif(bool(networks.why_not()), reason=f"{networks.why_not()}"),
]

MAKE_USER = """
from django.contrib.auth import get_user_model
from rest_framework.authtoken.models import Token
print(Token.objects.get(user=get_user_model().objects.create_user("ada")).key)
"""


def ask(network: networks.Network, url: str, key: str = "") -> int:
    """Return the status of a request sent from within that network, or 0 after 60 s without one."""
    command = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", "--max-time", "60"]
    header = ["--header", f"Authorization: Token {key}"] if key else []
    done = subprocess.run([*network.prefix, *command, *header, url], capture_output=True, text=True)
    return int(done.stdout)


def test_a_request_is_answered_503_and_the_next_one_after_it_is_back():
    port = servers.free_port()
    with (
        networks.networks(1) as (network,),
        servers.listening_postgresql(network.outside, port, "198.18.0.0/15"),
    ):
        url = f"postgresql://postgres@{network.outside}:{port}/postgres"
        assert servers.run("manage.py", "migrate", "--verbosity", "0", DATABASE_URL=url).returncode == 0
        made = servers.run("manage.py", "shell", "--verbosity", "0", "-c", MAKE_USER, DATABASE_URL=url)
        key = made.stdout.strip()
        with servers.granian(network=network, DATABASE_URL=url) as base:
            assert ask(network, f"{base}/whoami/", key) == 200
            with network.cut():
                assert ask(network, f"{base}/whoami/", key) == 503
                assert ask(network, f"{base}/health/") == 200
                assert ask(network, f"{base}/whoami/", key) == 503
            end = time.monotonic() + 30
            while ask(network, f"{base}/whoami/", key) != 200:
                assert time.monotonic() < end, "the service did not recover with the network"
                time.sleep(0.1)
