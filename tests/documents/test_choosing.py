"""docs/explanation/choosing.md gives evidence in each answer, and its commands and examples run.

The lab's commands take the options they are shown with (test_documents.py); one is run here.
"""

import asyncio
import re
import subprocess
import sys

import pytest
from asgiref.testing import ApplicationCommunicator
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.core.asgi import get_asgi_application
from django.db.backends.signals import connection_created

from jwt_auth.issue import jwt
from tests.support import servers
from tests.support.transcripts import Shell, blocks, commands, is_shown, page

pytestmark = pytest.mark.once

PAGE = page("docs/explanation/choosing.md")
QUESTIONS = dict(re.findall(r"^### (.*?)\n(.*?)(?=^### |\Z)", PAGE, re.DOTALL | re.MULTILINE))
DEMO = "http://127.0.0.1:8000"
MEASURES = ("benchmarks", "asgi_cost")  # commands that take long


def test_it_answers_twenty_questions_or_more():
    assert len(QUESTIONS) >= 20


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_answer_has_a_figure_a_test_or_a_command(question):
    answer = QUESTIONS[question]
    figure = "what-we-measured.md#" in answer
    assert figure or "`tests/" in answer or commands(answer)
    prose = re.sub(r"^```.*?^```\n", "", answer, flags=re.DOTALL | re.MULTILINE)
    assert len(prose.splitlines()) <= 24


def test_every_test_it_names_exists():
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)
    assert len(named) > 15
    for file, name in named:
        text = (servers.ROOT / file).read_text("utf-8")
        assert not name or f"\ndef {name}(" in text, f"{file}::{name}"


def test_its_commands_run_against_the_demo_and_print_what_is_shown(tmp_path):
    (test,) = [block for block in blocks("python", PAGE) if "APITestCase" in block]
    (tmp_path / "test_both_kinds.py").write_text(test)
    quick = [each for each in commands(PAGE) if not any(word in each[0] for word in MEASURES)]
    assert len(quick) > 12
    schemes = {"AUTH_SCHEMES": "token-hashed,jwt", "LOGIN_THROTTLE": "none"}
    with servers.demo(DATABASE_URL=f"sqlite:///{tmp_path}/demo.sqlite3", **schemes) as (base, _):
        shell = Shell(servers.environment(PYTHONPATH=str(tmp_path)), servers.ROOT)
        try:
            for command, shown in quick:
                here = command.replace(DEMO, base).replace(".venv/bin/python", sys.executable)
                # The manage.py that Django's test runner finds is the checkout's.
                code, output = shell.run(f"{here} 2>&1")
                assert code == 0, (command, output)
                assert is_shown(shown, output), (command, shown, output)
        finally:
            shell.close()


@pytest.mark.lab
def test_the_cost_of_asgi_is_measured():
    ((command, shown),) = [each for each in commands(PAGE) if "asgi_cost" in each[0]]
    words = command.replace(".venv/bin/python", sys.executable).split()
    done = subprocess.run(
        [*words, "--rounds", "2", "--block", "8"],
        cwd=servers.ROOT,
        env=servers.environment(),
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    names = [re.match(r"(.*): \d", line)[1] for line in done.stdout.splitlines()]
    assert names == [re.match(r"(.*): \d", line)[1] for line in shown.splitlines()]


@pytest.mark.django_db(transaction=True)
def test_under_asgi_each_request_that_queries_opens_a_connection(user):
    opened = []

    def note(connection, **_):
        opened.append(connection)

    async def asked(path: str, *headers: tuple[bytes, bytes]) -> int:
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": list(headers)}
        communicator = ApplicationCommunicator(application, scope)
        await communicator.send_input({"type": "http.request", "body": b"", "more_body": False})
        start = await communicator.receive_output(timeout=10)
        await communicator.receive_output(timeout=10)
        await communicator.wait(timeout=10)
        return start["status"]

    async def all_statuses(authorization: bytes) -> list[int]:
        host = (b"host", b"testserver")
        queries = [await asked("/whoami/", host, (b"authorization", authorization)) for _ in range(3)]
        assert len(opened) == 3
        return [*queries, await asked("/health/", host)]

    authorization = f"Bearer {jwt(user)}".encode()
    application = get_asgi_application()
    connection_created.connect(note)
    try:
        assert asyncio.run(all_statuses(authorization)) == [200] * 4
        assert len(opened) == 3
    finally:
        connection_created.disconnect(note)
        for connection in opened:
            connection.inc_thread_sharing()
            connection.close()


# --- Channels -------------------------------------------------------------------------------------


class WhoAmI(AsyncJsonWebsocketConsumer):
    """Say who is there, as a service that uses Channels would write it."""

    async def connect(self):
        await self.accept(subprotocol="Bearer")
        await self.send_json({"username": self.scope["user"].username})


async def _answers(application, *subprotocols: str) -> list[dict]:
    """Return what a WebSocket with these subprotocols is sent at its beginning."""
    scope = {"type": "websocket", "path": "/", "headers": [], "subprotocols": list(subprotocols)}
    communicator = ApplicationCommunicator(application, scope)
    await communicator.send_input({"type": "websocket.connect"})
    answers = [await communicator.receive_output(timeout=10)]
    if answers[0]["type"] == "websocket.accept":
        answers.append(await communicator.receive_output(timeout=10))
        await communicator.send_input({"type": "websocket.disconnect", "code": 1000})
    await communicator.wait(timeout=10)
    return answers


@pytest.fixture
def sockets():
    """Return the page's middleware around a consumer."""
    (source,) = [block for block in blocks("python", PAGE) if "channels" in block]
    namespace: dict = {}
    exec(source, namespace)
    return namespace["TokenMiddleware"](WhoAmI.as_asgi())


@pytest.mark.django_db(transaction=True)
def test_a_web_socket_is_opened_by_an_access_token_and_by_nothing_else(sockets, user):
    async def all_answers(access):
        good = await _answers(sockets, "Bearer", access)
        return good, [await _answers(sockets, *bad) for bad in ((), ("Bearer",), ("Bearer", "x"), ("Token", access))]

    accepted, refused = asyncio.run(all_answers(jwt(user)))
    assert accepted[0] == {"type": "websocket.accept", "subprotocol": "Bearer"}
    assert accepted[1]["text"] == '{"username": "ada"}'
    assert refused == [[{"type": "websocket.close"}]] * 4
