"""An account has the same name at every log-in, and a name that is too long matches no account."""

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.test import Client

from auth_core.event_messages import word_of
from tests.support.accounts import PASSWORD

pytestmark = pytest.mark.django_db

WIDE = "\uff47\uff52\uff41\uff43\uff45"  # "grace" in full-width letters
DECOMPOSED, COMPOSED = "zoe\u0308", "zo\u00eb"
SPELLINGS = pytest.mark.parametrize(
    ("typed", "stored"), [(WIDE, "grace"), (DECOMPOSED, COMPOSED), (f" {COMPOSED}\t", COMPOSED)]
)
LONG = "n" * 300
GROWING = "\ufdfa" * 10  # NFKC makes 180 characters of these 10
COLUMN = "n" * 150  # the longest name allowed


def by_the_api(path):
    def log_in(client, username, password):
        answer = client.post(path, {"username": username, "password": password})
        return answer.status_code, answer.json() if answer.status_code != 200 else sorted(answer.json())

    return log_in


def by_the_admin(client, username, password):
    answer = client.post("/admin/login/?next=/admin/", {"username": username, "password": password})
    return answer.status_code, answer.context and answer.context["form"].non_field_errors()


# Row: how a client logs in, and the response to the right password.
PAIR = ["access", "expires_in", "refresh", "refresh_expires_in"]
DOORS = {
    "token": (by_the_api("/api-token-auth/"), (200, ["token"])),
    "token-hashed": (by_the_api("/api-token-auth/"), (200, ["scope", "token"])),
    "token-cached": (by_the_api("/api-token-auth/"), (200, ["token"])),
    "jwt": (by_the_api("/api/token/"), (200, PAIR)),
    "jwt-stateless": (by_the_api("/api/token/"), (200, PAIR)),
    "jwt-pushed": (by_the_api("/api/token/"), (200, PAIR)),
    "session": (by_the_admin, (302, None)),
}


@pytest.fixture(params=DOORS)
def door(request, door_to):
    """Return log_in(username, password) of each row in turn, and what it returns on success."""
    log_in, succeeded = DOORS[request.param]
    client = Client() if request.param == "session" else door_to(request.param).client
    return lambda *arguments: log_in(client, *arguments), succeeded


@SPELLINGS
def test_a_login_reads_a_name_as_the_admin_does(door, typed, stored):
    log_in, succeeded = door
    get_user_model().objects.create_superuser(stored, password=PASSWORD)
    assert log_in(typed, PASSWORD) == succeeded


@pytest.mark.parametrize("name", [LONG, GROWING])
def test_a_name_longer_than_its_column_is_a_wrong_login_and_asks_no_database(
    door, staff, caplog, django_assert_num_queries, name
):
    caplog.set_level("INFO", logger="auth")
    log_in, _ = door
    wrong = log_in("nobody", PASSWORD)
    caplog.clear()
    with django_assert_num_queries(0):
        assert log_in(name, PASSWORD) == wrong
    logged = [(word_of(record), record.reason) for record in caplog.records if record.name == "auth"]
    assert logged == [("login.failed", "password")]


def test_a_name_as_long_as_its_column_logs_in(door):
    log_in, succeeded = door
    get_user_model().objects.create_superuser(COLUMN, password=PASSWORD)
    assert log_in(f" {COLUMN} ", PASSWORD) == succeeded


@pytest.mark.parametrize("name", [LONG, GROWING])
def test_a_name_longer_than_its_column_is_counted_like_any_other(door_to, settings, name):
    settings.LOGIN_THROTTLE = "2/min"
    client = door_to("jwt").client

    def log_in(name, address):
        login = {"username": name, "password": PASSWORD}
        return client.post("/api/token/", login, REMOTE_ADDR=address).status_code

    assert [log_in(name, f"192.0.2.{number}") for number in range(3)] == [401, 401, 429]
    assert log_in(f"{name}m", "192.0.2.9") == 401


@SPELLINGS
def test_all_spellings_of_a_name_are_one_to_the_throttle(door_to, settings, typed, stored):
    settings.LOGIN_THROTTLE = "2/min"
    client = door_to("jwt").client
    statuses = [
        client.post("/api/token/", {"username": name, "password": "x"}, REMOTE_ADDR=f"192.0.2.{n}").status_code
        for n, name in enumerate([typed, stored, typed])
    ]
    assert statuses == [401, 401, 429]


COMMANDS = pytest.mark.parametrize("command", ["issue_token", "drf_create_token", "revoke_all_credentials"])


@COMMANDS
@SPELLINGS
def test_a_command_reads_a_name_as_the_admin_does(command, typed, stored):
    get_user_model().objects.create_user(stored, password=PASSWORD)
    output = StringIO()
    call_command(command, typed, stdout=output)
    assert output.getvalue()


@COMMANDS
@pytest.mark.parametrize("name", [LONG, GROWING])
def test_a_command_knows_no_account_of_a_name_longer_than_its_column(command, name, user):
    with pytest.raises(CommandError, match=rf"{name}.*does not exist|do not exist.*{name}"):
        call_command(command, name)
