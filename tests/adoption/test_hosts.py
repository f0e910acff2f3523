"""Our folders in projects that differ from ours: fewer packages, other apps, other users."""

import json

import pytest

from tests.support.host_projects import BOTH, BOTH_URLS, JWT, JWT_URLS, TOKEN_URLS, TOKENS, Host

pytestmark = pytest.mark.once

OPTIONAL = ["redis", "drf_spectacular", "drf_spectacular_sidecar", "orjson", "prometheus_client"]
LOG_IN = """
user = User.objects.create_user(**{User.USERNAME_FIELD: "ada@example.org", "password": "correct horse"})
login = {User.USERNAME_FIELD: "ada@example.org", "password": "correct horse"}
credential = client.post(path, login).json()[name]
def status(text):
    return client.get("/guarded/", headers={"authorization": f"{keyword} {text}"}).status_code
"""
TOKEN_LOGIN = f'path, keyword, name = "/api-token-auth/", "Token", "token"{LOG_IN}'
JWT_LOGIN = f'path, keyword, name = "/api/token/", "Bearer", "access"{LOG_IN}'
# Good, wrong, without; then wrong passwords until one is refused; then another password.
WALK = """
statuses = [status(credential), status("x" * 40), client.get("/guarded/").status_code]
wrong = {**login, "password": "wrong"}
limits = [client.post(path, wrong).status_code for _ in range(10)][-2:]
user.set_password("another horse")
user.save()
print(json.dumps([statuses, limits, status(credential)]))
"""
TOKEN_WALKED = [[200, 401, 200], [400, 429], 401]
JWT_WALKED = [[200, 401, 200], [401, 429], 401]


def test_tokens_alone_need_only_django_and_drf(tmp_path):
    others = ["rest_framework_simplejwt", "jwt", "cryptography"]
    host = Host(tmp_path, TOKENS, TOKEN_URLS, folders=["auth_core", "tokens"], blocked=OPTIONAL + others)
    host.migrate()
    assert host.messages() == {}
    assert host.value(TOKEN_LOGIN + WALK) == TOKEN_WALKED


def test_jwts_alone_need_no_authtoken_and_no_optional_package(tmp_path):
    host = Host(tmp_path, JWT, JWT_URLS, folders=["auth_core", "jwt_auth"], blocked=OPTIONAL)
    host.migrate()
    assert host.messages() == {}
    assert host.value(JWT_LOGIN + WALK) == JWT_WALKED


@pytest.mark.parametrize(("settings", "urls", "walk"), [(TOKENS, TOKEN_URLS, TOKEN_LOGIN), (JWT, JWT_URLS, JWT_LOGIN)])
def test_each_optional_module_is_imported_without_its_package(tmp_path, settings, urls, walk):
    """Only modules that need a package by their purpose may fail without it."""
    host = Host(tmp_path, settings, urls, blocked=OPTIONAL)
    failed = host.value(
        "import importlib, pathlib\n"
        "found = sorted(pathlib.Path(name) for folder in ('auth_core', 'tokens', 'jwt_auth')"
        " for name in pathlib.Path(folder).rglob('*.py'))\n"
        "failed = []\n"
        "for file in found:\n"
        "    name = '.'.join(file.with_suffix('').parts).removesuffix('.__init__')\n"
        "    if name.split('.')[-1] == 'admin' or name.split('.')[0] not in INSTALLED: continue\n"
        "    try: importlib.import_module(name)\n"
        "    except ModuleNotFoundError: failed.append(name)\n"
        "print(json.dumps(failed))".replace(
            "INSTALLED", "['auth_core', 'tokens']" if "tokens" in settings else "['auth_core', 'jwt_auth']"
        )
    )
    of_the_kind = ["tokens.valkey"] if "tokens" in settings else ["jwt_auth.channels.valkey", "jwt_auth.openapi"]
    assert failed == ["auth_core.valkey", *of_the_kind]


def test_the_openapi_document_of_a_project_names_our_schemes_as_it_named_the_stock_ones(tmp_path):
    settings = """
INSTALLED_APPS.append("drf_spectacular")
REST_FRAMEWORK["DEFAULT_SCHEMA_CLASS"] = "drf_spectacular.openapi.AutoSchema"
SIMPLE_JWT = {"AUTH_HEADER_TYPES": ("JWT", "Bearer")}
"""
    done = Host(tmp_path, BOTH + settings, BOTH_URLS).run_code(
        "from drf_spectacular.generators import SchemaGenerator\n"
        "document = SchemaGenerator().get_schema(public=True)\n"
        "schemes, guarded = document['components']['securitySchemes'], document['paths']['/guarded/']['get']\n"
        "print(json.dumps([schemes, guarded['security']]))"
    )
    schemes, security = json.loads(done.stdout)
    assert set(schemes) == {"tokenAuth", "jwtAuth"}
    assert schemes["jwtAuth"]["description"] == 'Token-based authentication with required prefix "JWT"'
    assert security == [{"tokenAuth": []}, {"jwtAuth": []}]
    assert "could not resolve authenticator" not in done.stderr


def test_a_host_without_our_folders_runs(tmp_path):
    host = Host(tmp_path, folders=())
    host.migrate()
    assert host.messages() == {}
    assert host.value("print(client.get('/guarded/').content.decode())") == {"user": "None", "scheme": ""}


def test_a_blocked_package_is_not_there(tmp_path):
    host = Host(tmp_path, folders=(), blocked=["redis"])
    assert "No module named 'redis'" in host.run("-c", "import redis").stderr
