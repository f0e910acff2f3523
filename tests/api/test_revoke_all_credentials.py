"""`manage.py revoke_all_credentials`: users are logged out everywhere from the command line."""

from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db

ENDS_AT_ONCE = pytest.mark.parametrize(
    "row", ["token", "token-hashed", "token-cached", "jwt", "jwt-pushed", "drf-token"]
)


def end(*arguments: str) -> str:
    output = StringIO()
    call_command("revoke_all_credentials", *arguments, stdout=output)
    return output.getvalue().strip()


@ENDS_AT_ONCE
def test_the_users_who_are_named_are_logged_out_and_nobody_else(row, door_to, user, staff):
    door = door_to(row)
    credentials = {each: door.credential(each) for each in (user, staff)}
    assert end("ada") == "1 logged out everywhere"
    assert door.get("/whoami/", credentials[user]).status_code == 401
    assert door.get("/whoami/", credentials[staff]).status_code == 200


@ENDS_AT_ONCE
def test_all_are(row, door_to, user, staff):
    door = door_to(row)
    credentials = [door.credential(each) for each in (user, staff)]
    assert end("--all") == "2 logged out everywhere"
    assert [door.get("/whoami/", each).status_code for each in credentials] == [401, 401]


def test_a_name_that_nobody_has_logs_nobody_out(door_to, user):
    door = door_to("jwt")
    credential = door.credential(user)
    with pytest.raises(CommandError, match="these users do not exist, and nobody was logged out: bob, eve"):
        end("eve", "ada", "bob")
    assert door.get("/whoami/", credential).status_code == 200


@pytest.mark.parametrize("arguments", [(), ("ada", "--all")])
def test_either_names_or_all(arguments, user):
    with pytest.raises(CommandError, match="allowed: user names, or --all"):
        end(*arguments)


def test_users_without_any_credential_are_no_error(user):
    get_user_model().objects.create_user("bob")
    assert end("--all") == "2 logged out everywhere"
