"""benchmarks/clients.py before servers that are not ours or stand in front of it, its store, and what it needs."""

import ast
import asyncio
import io
import json
import sqlite3
import subprocess
import sys
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import jwt as pyjwt
import pytest

from benchmarks import clients
from benchmarks.clients import BearerAuth, CredentialError, FileStore, Store, TokenAuth
from tests import processes, servers
from tests.conftest import PASSWORD

pytestmark = pytest.mark.once

BASE = "http://testserver"
OBTAIN, REFRESH = "/api/token/", "/api/token/refresh/"


@pytest.fixture
def stranger():
    """stranger({path: (status, headers, body)}): a server that answers so; its address, the paths it was asked for.

    `stranger.bodies` is all that such servers were sent.
    """
    running = []

    def serve(answers: dict[str, tuple[int, dict[str, str], object]]) -> tuple[str, list[str]]:
        asked = []

        class Answers(BaseHTTPRequestHandler):
            def do_GET(self):
                serve.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                asked.append(self.path)
                status, headers, body = answers[self.path]
                content = (body if isinstance(body, str) else json.dumps(body)).encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            do_POST = do_GET  # noqa: N815

            def log_message(self, *arguments):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}", asked

    serve.bodies = []
    yield serve
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()


def to(base: str, auth: type = BearerAuth, **options) -> httpx.Client:
    return httpx.Client(base_url=base, auth=auth(base, "ada", PASSWORD, store=options.pop("store", None)), **options)


INVALID = {"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'}
PAIR = {"access": "an.access.token", "refresh": "a.refresh.token"}


def test_a_server_that_refuses_whatever_it_is_sent_is_asked_a_few_times_and_no_more(stranger):
    refused = (401, INVALID, {"detail": "no"})
    everything = dict.fromkeys(("/", OBTAIN, REFRESH, "/api-token-auth/"), refused)
    base, asked = stranger(everything | {OBTAIN: (200, {}, PAIR), REFRESH: (200, {}, PAIR)})
    with to(base) as client:
        assert client.get("/").status_code == 401
    assert asked == [OBTAIN, "/", REFRESH, "/"]

    base, asked = stranger(everything)
    with to(base, store=Store("a.refresh.token")) as client:
        for _ in range(3):
            with pytest.raises(CredentialError, match=r'the login was refused: \{"detail": "no"\}'):
                client.get("/")
    assert asked == [REFRESH, OBTAIN]

    base, asked = stranger(everything | {"/api-token-auth/": (200, {}, {"token": "abc"})})
    with to(base, TokenAuth) as client:
        for _ in range(2):
            with pytest.raises(CredentialError, match="the token was refused"):
                client.get("/")
    assert asked == ["/api-token-auth/", "/", "/"] or asked == ["/api-token-auth/", "/", "/api-token-auth/", "/"]


def test_a_refused_stream_cannot_be_sent_again_and_says_so(stranger):
    base, asked = stranger({"/": (401, INVALID, ""), OBTAIN: (200, {}, PAIR), REFRESH: (200, {}, PAIR)})
    with to(base) as client:
        for content in (iter([b"{}"]), io.BytesIO(b"{}")):
            with pytest.raises(httpx.HTTPStatusError, match="stream, which cannot be sent twice") as raised:
                client.post("/", content=content, headers={"Content-Length": "2"})
            assert raised.value.response.status_code == 401
    assert asked == [OBTAIN, "/", REFRESH, "/", REFRESH]


@pytest.mark.parametrize("headers", [{}, {"WWW-Authenticate": "Bearer"}, {"WWW-Authenticate": 'Basic realm="proxy"'}])
def test_a_401_that_is_not_about_the_token_is_the_callers(stranger, headers):
    base, asked = stranger({"/": (401, headers, ""), OBTAIN: (200, {}, PAIR), REFRESH: (200, {}, PAIR)})
    with to(base) as client:
        assert client.get("/").status_code == 401
    assert asked == [OBTAIN, "/"]


GARBAGE = ["", "<html>", "null", "[]", '"access"', "[" * 100_000, {"detail": "?"}]
GARBAGE += [{"access": None}, {"access": ["a"], "token": 7}, {"access": "a\r\nb", "token": "\u00e9"}, {"access": ""}]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: str(garbage)[:20])
def test_a_200_without_a_credential_is_an_error_that_shows_none_and_loses_none(stranger, garbage):
    base, asked = stranger(dict.fromkeys((OBTAIN, REFRESH, "/api-token-auth/"), (200, {}, garbage)))
    for auth, path, held in (
        (BearerAuth, REFRESH, "a.b.c"),
        (BearerAuth, OBTAIN, None),
        (TokenAuth, "/api-token-auth/", None),
    ):
        store = Store(held)
        with to(base, auth, store=store) as client:
            for _ in range(2):
                with pytest.raises(
                    httpx.RemoteProtocolError, match=f"POST {base}{path} was answered 200 without a usable"
                ):
                    client.get("/")
        assert asked[-2:] == [path, path]
        assert store.load() == held


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_password_and_no_token_follows_a_redirect(stranger, status):
    elsewhere, caught = stranger(dict.fromkeys((OBTAIN, REFRESH), (200, {}, PAIR)))
    base, _ = stranger({path: (status, {"Location": f"{elsewhere}{path}"}, "") for path in (OBTAIN, REFRESH)})
    for held in (None, "a.refresh.token"):
        store = Store(held)
        with (
            to(base, store=store, follow_redirects=True) as client,
            pytest.raises(httpx.RemoteProtocolError, match="was redirected, and is not sent on"),
        ):
            client.get("/")
        with (
            to(base, store=store) as client,
            pytest.raises(
                httpx.HTTPStatusError, match=f"was answered {status} {elsewhere}{REFRESH if held else OBTAIN}, not 200"
            ),
        ):
            client.get("/")
        assert store.load() == held
    # Who was told to follow has asked, and sent nothing: of 301 to 303 httpx makes a GET, and the rest has no body.
    assert caught == [OBTAIN, REFRESH]
    assert Counter(stranger.bodies)[b""] == 2
    assert len(stranger.bodies) == 6


def test_a_credential_goes_to_its_own_origin_alone(stranger):
    base, _ = stranger({OBTAIN: (200, {}, PAIR), "/": (200, {}, "")})
    other, asked = stranger({"/": (200, {}, "")})
    with to(base) as client:
        assert client.get("/").status_code == 200
        with pytest.raises(ValueError, match=f"a credential of {base}{OBTAIN} is not sent to {other}/"):
            client.get(f"{other}/")
        assert client.get(f"{other}/", auth=None).status_code == 200
    assert asked == ["/"]


def forged(**claims) -> str:
    return pyjwt.encode(claims, "k" * 32)


@pytest.mark.parametrize(
    "access",
    [
        "opaque",
        "a.b.c",
        "a.~.c",
        "a.W10.c",
        "a.eyJleHAiOk5hTiwiaWF0IjoxfQ.c",
        "a.eyJleHAiOjFlOTk5LCJpYXQiOjF9.c",
        forged(iat=1),
        forged(exp=1),
        forged(exp=10**400, iat=1),
    ],
)
def test_an_access_token_that_does_not_tell_its_life_is_used_until_it_is_refused(stranger, access):
    base, asked = stranger({OBTAIN: (200, {}, {**PAIR, "access": access}), "/": (200, {}, "")})
    with to(base) as client:
        for _ in range(3):
            assert client.get("/").status_code == 200
    assert asked == [OBTAIN, "/", "/", "/"]


def test_a_server_that_keeps_the_refresh_token_need_not_send_it_again(stranger):
    base, asked = stranger(
        {
            OBTAIN: (200, {}, {**PAIR, "access": forged(iat=5, exp=5)}),
            REFRESH: (200, {}, {"access": "a"}),
            "/": (200, {}, ""),
        }
    )
    store = Store()
    with to(base, store=store) as client:
        client.get("/")
        client.get("/")
    assert asked == [OBTAIN, "/", REFRESH, "/"]
    assert store.load() == PAIR["refresh"]


def test_a_login_has_the_timeouts_of_the_request_that_needs_it():
    seen = []

    def answer(request):
        seen.append(request.extensions["timeout"])
        return httpx.Response(200, json=PAIR)

    with to(BASE, transport=httpx.MockTransport(answer), timeout=7) as client:
        client.get("/")
    assert seen == [httpx.Timeout(7).as_dict()] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("testserver", "ada", "x"), "base_url='testserver'; allowed: the service's address"),
        (("ftp://testserver", "ada", "x"), "allowed: the service's address"),
        ((BASE, "ada"), "allowed: a user name and a password, or neither"),
        ((BASE,), "or a store that holds a credential"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BearerAuth(*arguments)


def test_a_service_below_a_path(stranger):
    base, asked = stranger({f"/below{OBTAIN}": (200, {}, PAIR), "/below/whoami/": (200, {}, "")})
    with to(f"{base}/below/") as client:
        assert client.get("whoami/").status_code == 200
    assert asked == [f"/below{OBTAIN}", "/below/whoami/"]


# The file


_HOLD = """
import sys, time
from benchmarks.clients import FileStore
store = FileStore(sys.argv[1])
assert store.acquire()
store.save("half")
print("held", flush=True)
time.sleep(60)
"""


def test_a_process_that_dies_lets_go_of_the_file_and_leaves_it_whole(tmp_path, monkeypatch):
    path = tmp_path / "login"
    store = FileStore(path)
    assert store.acquire()
    store.save("whole")
    store.release()
    command = [sys.executable, "-c", _HOLD, path]
    with processes.group(command, cwd=servers.ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        assert not store.acquire()
        monkeypatch.setattr(clients, "WAIT", 0.05)  # seconds
        with to(BASE, store=store) as client, pytest.raises(TimeoutError, match=r"held the store of .* for 0.05 s"):
            client.get("/")
        holder.kill()
    assert store.acquire()
    assert store.load() == "whole"
    store.release()


def test_a_file_that_is_no_store_is_an_error_and_stays_as_it_is(tmp_path):
    path = tmp_path / "login"
    path.write_text("something else entirely " * 100)
    store = FileStore(path)
    for _ in range(2):
        with pytest.raises(sqlite3.DatabaseError, match="file is not a database"):
            store.acquire()
    assert path.read_text().startswith("something else")
    with pytest.raises(FileNotFoundError):
        FileStore(tmp_path / "none" / "login")


def test_a_task_that_is_cancelled_while_it_refreshes_leaves_the_login_to_the_others():
    store = Store("a refresh token")
    auth = BearerAuth(BASE, store=store)

    async def main():
        asked = asyncio.Event()

        async def hang(scope, receive, send):
            asked.set()
            await asyncio.Event().wait()

        async with httpx.AsyncClient(transport=httpx.ASGITransport(hang), auth=auth) as client:
            task = asyncio.create_task(client.get(f"{BASE}/whoami/"))
            await asked.wait()
            assert not store.acquire()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert store.acquire()
    assert store.load() == "a refresh token"


def test_the_module_can_be_copied_to_where_httpx_is_all_there_is():
    tree = ast.parse((servers.ROOT / "benchmarks/clients.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == {"httpx"}
