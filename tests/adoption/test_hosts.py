"""Our folders in projects that differ from ours: fewer packages, other apps, other users."""

import pytest

from tests.support.host_projects import Host

pytestmark = pytest.mark.once

HASHED = """
INSTALLED_APPS += ["tokens", "rest_framework.authtoken"]
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tokens.authentication.HashedTokenAuthentication"],
    "EXCEPTION_HANDLER": "auth_core.errors.exception_handler",
}
"""
JWT = HASHED.replace('"tokens", "rest_framework.authtoken"', '"jwt_auth"').replace(
    "tokens.authentication.HashedTokenAuthentication", "jwt_auth.authentication.JWTAuthentication"
)


def test_a_host_without_our_folders_runs(tmp_path):
    host = Host(tmp_path, folders=())
    host.migrate()
    assert host.messages() == {}
    assert host.value("print(client.get('/guarded/').content.decode())") == {"user": "None", "scheme": ""}


def test_a_blocked_package_is_not_there(tmp_path):
    host = Host(tmp_path, folders=(), blocked=["redis"])
    assert "No module named 'redis'" in host.run("-c", "import redis").stderr
