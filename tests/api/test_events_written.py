"""An event is one line in text and in JSON, no matter what a client sends."""

import json
import logging
import re
from io import StringIO

import pytest

from auth_core import events
from jwt_auth import models as logins
from telemetry.logs import JsonFormatter, TextFormatter
from tests.support import servers
from tests.support.accounts import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)  # events are logged on commit


# --- the format -----------------------------------------------------------------------------------


class FullDisk(StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_costs_no_login_and_is_not_silent(api, user, capsys):
    handler = logging.StreamHandler(FullDisk())
    logging.getLogger("auth").addHandler(handler)
    try:
        answer = api.post("/api-token-auth/", {"username": "ada", "password": PASSWORD})
    finally:
        logging.getLogger("auth").removeHandler(handler)
    assert answer.status_code == 200
    assert "No space left on device" in capsys.readouterr().err


def written(formatter, step) -> list[str]:
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    logging.root.addHandler(handler)
    try:
        step()
    finally:
        logging.root.removeHandler(handler)
    # Readers may split the log at any line end of Unicode.
    return stream.getvalue().splitlines()


FORGED = "2026-11-27 10:00:00,000 INFO auth login.succeeded scheme=token user=1"
LINE_ENDS = ["\n", "\r", "\r\n", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("formatter", [TextFormatter, JsonFormatter])
@pytest.mark.parametrize("end", LINE_ENDS, ids=ascii)
def test_nothing_that_a_client_chooses_makes_a_line(api, user, formatter, end):
    text = f"x{end}{FORGED}"

    def speak():
        api.post("/api-token-auth/", {"username": text, "password": text})
        api.post("/api/token/", {"username": "ada", "password": "wrong"}, headers={"X-Forwarded-For": text})
        api.get("/whoami/", headers={"Authorization": "Token garbage", "User-Agent": text})
        api.get(f"/nowhere/{text}")
        logging.getLogger("django.request").warning("refused: %s", text)
        events.log_event(events.CREDENTIAL_REFUSED, scheme=text, reason=text)
        try:
            raise ValueError(text)
        except ValueError:
            logging.getLogger("django.request").exception("failed: %s", text)

    lines = written(formatter(), speak)
    assert "credential.refused" in "".join(lines)
    assert not any(line.startswith(FORGED) for line in lines)
    if formatter is JsonFormatter:
        for line in lines:
            assert json.loads(line)["logger"]
    else:
        # The beginning of a record, or a line of a traceback.
        assert all(line[:4].isdigit() or line.startswith("    ") for line in lines)


def test_an_event_is_one_line_of_text_with_its_fields(user, api):
    lines = written(TextFormatter(), lambda: obtain_by(api, "/api/token/"))
    (line,) = [line for line in lines if "login.succeeded" in line]
    family = logins.RefreshFamily.objects.get().pk
    head, _, fields = line.partition(" login.succeeded ")
    assert head.endswith(" INFO auth")
    assert fields == f"scheme=jwt user={user.pk} family={family} address=127.0.0.1"


def test_an_event_is_one_json_object_with_its_fields(user, api):
    lines = written(JsonFormatter(), lambda: obtain_by(api, "/api/token/"))
    (line,) = [json.loads(line) for line in lines if "login.succeeded" in line]
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "logger": "auth",
        "message": "login.succeeded",
        "scheme": "jwt",
        "user": str(user.pk),
        "family": str(logins.RefreshFamily.objects.get().pk),
        "address": "127.0.0.1",
    }


def obtain_by(api, path):
    assert api.post(path, {"username": "ada", "password": PASSWORD}).status_code == 200


def test_a_json_line_holds_no_query_string(api, db):
    lines = written(JsonFormatter(), lambda: api.get("/nowhere/?token=xyzzy"))
    assert "/nowhere/" in "".join(lines)
    assert "xyzzy" not in "".join(lines)


_A_LOGIN = """
import django; django.setup()
from django.contrib.auth import get_user_model
from django.test import Client
get_user_model().objects.create_user("ada", password="x")
client = Client(headers={"host": "localhost"})
key = client.post("/api-token-auth/", {"username": "ada", "password": "x"}).json()["token"]
client.get("/whoami/", headers={"Authorization": f"Token {key}"})
client.get("/whoami/", headers={"Authorization": "Token garbage"})
"""


def log_of_a_process(tmp_path, **switches) -> list[str]:
    url = servers.migrated_sqlite(tmp_path)
    done = servers.run("-c", _A_LOGIN, DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=url, **switches)
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()


def test_a_process_logs_as_the_switch_says(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "json").mkdir()
    lines = log_of_a_process(tmp_path / "text")
    expected = ["login.succeeded", "credential.refused"]
    assert [line.split()[4] for line in lines if " auth " in line] == expected
    assert "reason=invalid address=127.0.0.1" in lines[1] + lines[2]
    lines = log_of_a_process(tmp_path / "json", LOG_FORMAT="json", LOG_AUTHENTICATIONS="on")
    told = [line["message"] for line in map(json.loads, lines) if line["logger"] == "auth"]
    assert told == ["login.succeeded", "credential.accepted", "credential.refused"]


def test_every_event_is_explained_and_no_other():
    section = (servers.ROOT / "docs/reference/events-and-metrics.md").read_text().partition("\n## What to watch\n")[2]
    first_cells = [line.split(" | ")[0] for line in section.splitlines() if line.startswith("| `")]
    explained = re.findall(r"`([a-z]+\.[a-z]+)`", " ".join(first_cells))
    known = [value for name, value in vars(events).items() if name.isupper() and isinstance(value, str)]
    known.remove(events.SESSION)
    assert sorted(explained) == sorted(known)
