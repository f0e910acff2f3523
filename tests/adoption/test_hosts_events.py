"""Events in projects without our LOGGING: who, why and from where, in each project's own log."""

import copy
import pickle

import pytest

from auth_core.event_messages import EventMessage
from tests.support.host_projects import TOKEN_URLS, TOKENS, Host

pytestmark = pytest.mark.once

CONSOLE = """
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(levelname)s [%(name)s] %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
"""
# A project's own way to its events, by their fields.
RECORDS = """
LOGGING = {
    "version": 1,
    "handlers": {"mine": {"class": "config.mine.Handler"}},
    "loggers": {"auth": {"handlers": ["mine"], "propagate": False}},
}
"""
MINE = """
import logging
from auth_core.event_messages import word_of
class Handler(logging.Handler):
    def emit(self, record):
        print(word_of(record), record.scheme, record.reason, record.address)
"""
QUIET = CONSOLE + 'LOGGING["loggers"] = {"auth": {"level": "ERROR"}}\n'
WRONG = """
from django.core.management import call_command
call_command("migrate", verbosity=0)
client.post("/api-token-auth/", {"username": "ada", "password": "wrong"}, REMOTE_ADDR="192.0.2.1")
client.get("/guarded/", headers={"authorization": "Token wrong"})
"""
FIELDS = "scheme=token-hashed reason=password address=192.0.2.1"


@pytest.mark.parametrize(
    ("logging", "line"),
    [("", f"INFO auth login.failed {FIELDS}"), (CONSOLE, f"INFO [auth] login.failed {FIELDS}")],
    ids=["no LOGGING", "a console"],
)
def test_each_event_is_one_line_with_its_fields(tmp_path, logging, line):
    lines = Host(tmp_path, TOKENS + logging, TOKEN_URLS).run_code(WRONG).stderr.splitlines()
    events = [each for each in lines if " auth " in each or "[auth]" in each]
    refused = "credential.refused scheme=token-hashed reason=invalid address=127.0.0.1"
    assert events == [line, f"{line.partition(' login.failed')[0]} {refused}"]


def test_a_handler_of_ones_own_reads_the_fields(tmp_path):
    host = Host(tmp_path, TOKENS + RECORDS, TOKEN_URLS, files={"config/mine.py": MINE})
    assert host.run_code(WRONG).stdout.splitlines() == [
        "login.failed token-hashed password 192.0.2.1",
        "credential.refused token-hashed invalid 127.0.0.1",
    ]


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda message: pickle.loads(pickle.dumps(message))])
def test_a_handler_may_copy_an_event_or_send_it_to_another_process(copied):
    message = copied(EventMessage("login.failed", {"reason": "password"}))
    assert (str(message), message.fields) == ("login.failed reason=password", {"reason": "password"})


def test_a_project_may_silence_events(tmp_path):
    assert "login.failed" not in Host(tmp_path, TOKENS + QUIET, TOKEN_URLS).run_code(WRONG).stderr
