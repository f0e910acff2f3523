"""clients/fetch_auth.js works in Node: fetch_auth.test.mjs runs against a served API."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import servers
from tests.support.accounts import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.once]

HERE = Path(__file__).parent
LIFETIME = 2  # seconds


@pytest.fixture
def node() -> str:
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"Node {version.strip()} is too old; allowed: 20 or newer")
    return program


def test_every_test_in_node_passes(node, serve, tmp_path):
    # The file has no package.json beside it that would say that it is a module.
    shutil.copy(servers.ROOT / "clients/fetch_auth.js", tmp_path / "fetch_auth.mjs")
    shutil.copy(HERE / "fetch_auth.test.mjs", tmp_path)
    times = {"JWT_ACCESS_LIFETIME": str(LIFETIME), "JWT_LEEWAY": "0", "JWT_REUSE_GRACE": "1"}
    with serve(**times) as base:
        environment = {**os.environ, "SERVICE": base, "PASSWORD": PASSWORD, "LIFETIME": str(LIFETIME)}
        done = subprocess.run(
            [node, "--test", "--test-reporter=tap", "fetch_auth.test.mjs"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,  # seconds
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout
