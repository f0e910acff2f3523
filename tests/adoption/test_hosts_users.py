"""User models of other projects: another name to log in with, other keys, fewer columns."""

import pytest

from tests.support.host_projects import BOTH, BOTH_URLS, FULL, MANAGER, Host

pytestmark = pytest.mark.once

# A model that has nothing but what a login needs, under other names than Django's own model.
BARE = """
class User(AbstractBaseUser):
    -key-
    -name-
    last_login = None
    people = People()
    USERNAME_FIELD = "-field-"
"""
CHILD = """
class Person(models.Model):
    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=20)

class User(AbstractBaseUser, Person):
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    objects = People()
    USERNAME_FIELD = "email"
"""
EMAIL = "email = models.EmailField(unique=True)"


def bare(key: str, name: str = EMAIL, field: str = "email") -> str:
    return BARE.replace("-key-", key).replace("-name-", name).replace("-field-", field)


# Each model, with the name of its user, a name that no user can have, and another spelling of the
# first.
MODELS = {
    "uuid": (
        bare("id = models.UUIDField(primary_key=True, default=uuid.uuid4)"),
        "ada@example.org",
        "a" * 300,
        " ADA@example.org",
    ),
    "text": (
        bare("code = models.CharField(max_length=36, primary_key=True, default=uuid.uuid4)"),
        "ada@example.org",
        "a" * 300,
        "Ada@EXAMPLE.org ",
    ),
    "big": (
        bare(
            "id = models.BigIntegerField(primary_key=True, default=2**62)",
            "phone = models.BigIntegerField(unique=True)",
            "phone",
        ),
        "491710000000",
        "ada",
        "+49_1710000000",
    ),
    "full": (FULL, "ada@example.org", "a" * 300, " ADA@example.org"),
    "child of another table": (CHILD, "ada@example.org", "a" * 300, " ADA@example.org"),
}
WALK = """
from django.core.checks import run_checks
from django.core.management import call_command
call_command("makemigrations", "accounts", verbosity=0)
call_command("migrate", verbosity=0)
print([each.id for each in run_checks()])
name, impossible, respelt = NAMES
field = User.USERNAME_FIELD
login = {field: name, "password": "correct horse"}
user = User._default_manager.create_user(**login)
def post(path, body, credential=None):
    headers = {"authorization": credential} if credential else {}
    return client.post(path, body, headers=headers, content_type="application/json").json()
def get(path, credential):
    return client.get(path, headers={"authorization": credential})
def status(credential):
    answer = get("/guarded/", credential)
    assert answer.status_code != 200 or answer.json()["user"] == str(user.pk), answer.content
    return answer.status_code
def attempt(path, name, address):
    return client.post(path, {field: name, "password": "x"}, REMOTE_ADDR=address).status_code

first = "Token " + post("/api-token-auth/", login)["token"]
token = "Token " + post("/api-token-auth/new/", {}, first)["token"]
print([status(first), status(token), len(get("/api-token-auth/tokens/", token).json())])
pair = post("/api/token/refresh/", {"refresh": post("/api/token/", login)["refresh"]})
access = "Bearer " + pair["access"]
print([status("Bearer x"), status(access), len(get("/api/token/sessions/", access).json())])
# A name that cannot be; then one name, in two spellings, from many addresses.
PATHS = ["/api-token-auth/", "/api/token/"]
print([attempt(path, impossible, "192.0.2.1") for path in PATHS])
names = [name, respelt, name, respelt, name]
print([attempt(path, each, f"192.0.2.{i}") for i, each in enumerate(names, 10) for path in PATHS])
user.set_password("another horse")
user.save()
print([status(token), status(access)])
"""


@pytest.mark.parametrize("model", MODELS)
def test_a_user_model_of_another_shape(tmp_path, model):
    code, *names = MODELS[model]
    host = Host(
        tmp_path,
        f'{BOTH}INSTALLED_APPS += ["accounts"]\nAUTH_USER_MODEL = "accounts.User"\n',
        BOTH_URLS,
        files={
            "accounts/__init__.py": "",
            "accounts/models.py": MANAGER + code,
            "accounts/migrations/__init__.py": "",
        },
    )
    done = host.run_code(WALK.replace("NAMES", repr(names)))
    assert done.stdout.splitlines() == [
        "[]",
        "[401, 200, 1]",
        "[401, 200, 1]",
        "[400, 401]",
        "[400, 401, 400, 401, 400, 401, 400, 401, 429, 429]",  # two of the ten were right
        "[401, 401]",
    ]


@pytest.mark.parametrize("field", ["AutoField", "BigAutoField"])
def test_no_migration_depends_on_the_hosts_kind_of_keys(tmp_path, field):
    host = Host(tmp_path, f'DEFAULT_AUTO_FIELD = "django.db.models.{field}"\n{BOTH}')
    assert host.messages() == {}
    assert "No changes detected" in host.manage("makemigrations", "--check", "--dry-run", "tokens", "jwt_auth")
