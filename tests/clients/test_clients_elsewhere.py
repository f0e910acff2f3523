"""clients/httpx_auth.py with other servers and proxies; its store, and its requirements."""

import asyncio
import io
import json
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import jwt as pyjwt
import pytest

from clients import httpx_auth
from clients.httpx_auth import BearerAuth, CredentialError, Store, TokenAuth
from tests.support.accounts import PASSWORD
from tests.support.strangers import BASE

pytestmark = pytest.mark.once
OBTAIN, REFRESH = "/api/token/", "/api/token/refresh/"


@pytest.fixture
def stranger():
    """Return stranger({path: (status, headers, body)}), which starts a server with these responses.

    It returns the server's address and a list that collects the requested paths. The list
    `stranger.bodies` collects the request bodies.
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


INVALID = {"WWW-Authenticate": 'Bearer realm="api", error="invalid_token"'}
PAIR = {"access": "an.access.token", "refresh": "a.refresh.token"}


def test_a_server_that_refuses_whatever_it_is_sent_is_asked_a_few_times_and_no_more(stranger, to):
    refused = (401, INVALID, {"detail": "no"})
    everything = dict.fromkeys(("/", OBTAIN, REFRESH, "/api-token-auth/"), refused)
    base, asked = stranger(everything | {OBTAIN: (200, {}, PAIR), REFRESH: (200, {}, PAIR)})
    with to(base) as client:
        assert client.get("/").status_code == 401
    assert asked == [OBTAIN, "/", REFRESH, "/"]

    base, asked = stranger(everything)
    with to(base, store=Store("a.refresh.token")) as client:
        for why in (
            "the login was refused",
            *["the refresh token was refused, the next request presents it again"] * 2,
        ):
            with pytest.raises(CredentialError, match=rf'^{why}: \{{"detail": "no"\}}'):
                client.get("/")
    assert asked == [REFRESH, OBTAIN, REFRESH, REFRESH]

    base, asked = stranger(everything | {"/api-token-auth/": (200, {}, {"token": "abc"})})
    with to(base, TokenAuth) as client:
        for _ in range(2):
            with pytest.raises(CredentialError, match="the token was refused"):
                client.get("/")
    assert asked == ["/api-token-auth/", "/", "/"] or asked == ["/api-token-auth/", "/", "/api-token-auth/", "/"]


@pytest.mark.parametrize("detail", ["Token is expired", "Token is blacklisted"])
def test_what_simplejwt_refuses_for_good_is_not_presented_again(stranger, to, detail):
    refused = (401, INVALID, {"detail": detail, "code": "token_not_valid"})
    base, asked = stranger({REFRESH: refused, OBTAIN: (401, {}, {"detail": "no"})})
    with to(base, store=Store("a.refresh.token")) as client:
        for _ in range(3):
            with pytest.raises(CredentialError, match="the login was refused"):
                client.get("/")
    assert asked == [REFRESH, OBTAIN]


def test_a_refused_stream_cannot_be_sent_again_and_says_so(httpx, stranger, to):
    base, asked = stranger({"/": (401, INVALID, ""), OBTAIN: (200, {}, PAIR), REFRESH: (200, {}, PAIR)})
    with to(base) as client:
        for content in (iter([b"{}"]), io.BytesIO(b"{}")):
            with pytest.raises(httpx.HTTPStatusError, match="stream, which cannot be sent twice") as raised:
                client.post("/", content=content, headers={"Content-Length": "2"})
            assert raised.value.response.status_code == 401
    assert asked == [OBTAIN, "/", REFRESH, "/", REFRESH]


@pytest.mark.parametrize("headers", [{}, {"WWW-Authenticate": "Bearer"}, {"WWW-Authenticate": 'Basic realm="proxy"'}])
def test_a_401_that_is_not_about_the_token_is_the_callers(stranger, headers, to):
    base, asked = stranger({"/": (401, headers, ""), OBTAIN: (200, {}, PAIR), REFRESH: (200, {}, PAIR)})
    with to(base) as client:
        assert client.get("/").status_code == 401
    assert asked == [OBTAIN, "/"]


GARBAGE = ["", "<html>", "null", "[]", '"access"', "[" * 100_000, {"detail": "?"}]
GARBAGE += [{"access": None}, {"access": ["a"], "token": 7}, {"access": "a\r\nb", "token": "\u00e9"}, {"access": ""}]


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda garbage: str(garbage)[:20])
def test_a_200_without_a_credential_is_an_error_that_shows_none_and_loses_none(httpx, stranger, garbage, to):
    base, asked = stranger(dict.fromkeys((OBTAIN, REFRESH, "/api-token-auth/"), (200, {}, garbage)))
    for auth, path, held in (
        (BearerAuth, REFRESH, "a.b.c"),
        (BearerAuth, OBTAIN, None),
        (TokenAuth, "/api-token-auth/", None),
    ):
        store = Store(held)
        with to(base, auth, store=store) as client:
            for _ in range(2):
                with pytest.raises(httpx.RemoteProtocolError, match=f"POST {base}{path} returned 200 without a usable"):
                    client.get("/")
        assert asked[-2:] == [path, path]
        assert store.load() == held


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_password_and_no_token_follows_a_redirect(httpx, stranger, status, to):
    elsewhere, caught = stranger(dict.fromkeys((OBTAIN, REFRESH), (200, {}, PAIR)))
    base, _ = stranger({path: (status, {"Location": f"{elsewhere}{path}"}, "") for path in (OBTAIN, REFRESH)})
    for held in (None, "a.refresh.token"):
        store = Store(held)
        with (
            to(base, store=store, follow_redirects=True) as client,
            pytest.raises(httpx.RemoteProtocolError, match="was redirected and not sent on"),
        ):
            client.get("/")
        with (
            to(base, store=store) as client,
            pytest.raises(
                httpx.HTTPStatusError, match=f"returned {status} {elsewhere}{REFRESH if held else OBTAIN}, not 200"
            ),
        ):
            client.get("/")
        assert store.load() == held
    # The client followed the redirect but sent nothing: httpx turns 301 to 303 into a GET, and the
    # other requests have no body.
    assert caught == [OBTAIN, REFRESH]
    assert Counter(stranger.bodies)[b""] == 2
    assert len(stranger.bodies) == 6


def test_a_credential_goes_to_its_own_origin_alone(stranger, to):
    base, _ = stranger({OBTAIN: (200, {}, PAIR), "/": (200, {}, "")})
    other, asked = stranger({"/": (200, {}, "")})
    with to(base) as client:
        assert client.get("/").status_code == 200
        with pytest.raises(ValueError, match=f"a credential of {base}{OBTAIN} is not sent to {other}/"):
            client.get(f"{other}/")
        assert client.get(f"{other}/", auth=None).status_code == 200
    assert asked == ["/"]


def test_what_another_origin_answers_is_not_about_our_credential(stranger, to):
    answers = {"/": (401, INVALID, ""), "/api/token/logout/": (204, {}, "")}
    elsewhere, caught = stranger({**answers, "/api-token-auth/new/": (200, {}, {"token": "planted"})})
    redirects = {path: (307, {"Location": f"{elsewhere}{path}"}, "") for path in (*answers, "/api-token-auth/new/")}
    base, asked = stranger({**redirects, OBTAIN: (200, {}, PAIR), "/api-token-auth/": (200, {}, {"token": "ours"})})
    pair, token = Store(), Store()
    with to(base, store=pair, follow_redirects=True) as client:
        assert client.get("/").status_code == 401
        assert client.post("/api/token/logout/").status_code == 204
    with to(base, TokenAuth, store=token, follow_redirects=True) as client:
        assert client.post("/api-token-auth/new/").status_code == 200
    assert asked == [OBTAIN, "/", "/api/token/logout/", "/api-token-auth/", "/api-token-auth/new/"]
    assert caught == ["/", "/api/token/logout/", "/api-token-auth/new/"]
    assert (pair.load(), token.load()) == (PAIR["refresh"], "ours")


def test_an_answer_is_left_to_the_caller_to_stream(httpx, stranger, to):
    base, _ = stranger({OBTAIN: (200, {}, PAIR), "/": (200, {}, "much")})
    with to(base) as client, client.stream("GET", "/") as response:
        assert not response.is_stream_consumed
        assert b"".join(response.iter_bytes()) == b"much"

    async def main(auth):
        async with httpx.AsyncClient(auth=auth) as client, client.stream("GET", f"{base}/") as response:
            assert not response.is_stream_consumed
            assert await response.aread() == b"much"

    asyncio.run(main(BearerAuth(base, "ada", PASSWORD)))


def test_a_flow_driven_by_hand_yields_requests_alone_also_while_another_client_has_the_store(httpx, monkeypatch):
    monkeypatch.setattr(httpx_auth.time, "sleep", lambda seconds: store.release())  # the other client has finished
    for flow_of in (BearerAuth.auth_flow, BearerAuth.sync_auth_flow, httpx.Auth.sync_auth_flow):
        store = Store()
        assert store.acquire()
        asked = httpx.Request("GET", f"{BASE}/")
        flow = flow_of(BearerAuth(BASE, "ada", PASSWORD, store=store), asked)
        login = next(flow)
        assert isinstance(login, httpx.Request)
        assert str(login.url) == BASE + OBTAIN
        assert flow.send(httpx.Response(200, json=PAIR)) is asked
        assert asked.headers["Authorization"] == f"Bearer {PAIR['access']}"
        with pytest.raises(StopIteration):
            flow.send(httpx.Response(200))


def test_an_auth_of_ones_own_may_pass_the_flow_on(httpx, stranger):
    class Passing(httpx.Auth):
        requires_response_body = BearerAuth.requires_response_body

        def __init__(self, auth):
            self._auth = auth

        def auth_flow(self, request):
            yield from self._auth.auth_flow(request)

    base, asked = stranger({"/": (401, INVALID, "no"), OBTAIN: (200, {}, PAIR), REFRESH: (200, {}, PAIR)})
    auths = [Passing(BearerAuth(base, "ada", PASSWORD)) for _ in range(2)]
    with httpx.Client(auth=auths[0]) as client:
        assert client.get(base).status_code == 401

    async def main():
        async with httpx.AsyncClient(auth=auths[1]) as client:
            assert (await client.get(base)).status_code == 401

    asyncio.run(main())
    assert asked == [OBTAIN, "/", REFRESH, "/"] * 2


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
def test_an_access_token_that_does_not_tell_its_life_is_used_until_it_is_refused(stranger, access, to):
    base, asked = stranger({OBTAIN: (200, {}, {**PAIR, "access": access}), "/": (200, {}, "")})
    with to(base) as client:
        for _ in range(3):
            assert client.get("/").status_code == 200
    assert asked == [OBTAIN, "/", "/", "/"]


def test_a_server_that_keeps_the_refresh_token_need_not_send_it_again(stranger, to):
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


def test_a_login_goes_to_its_own_path_whatever_the_target_of_the_request_that_needs_it(stranger, to):
    base, asked = stranger({OBTAIN: (200, {}, PAIR), "/raw": (200, {}, "")})
    with to(base) as client:
        assert client.get("/", extensions={"target": b"/raw"}).status_code == 200
    assert asked == [OBTAIN, "/raw"]


def test_a_login_has_the_timeouts_and_the_host_of_the_request_that_needs_it(httpx, to):
    seen = []

    def answer(request):
        seen.append((request.extensions["timeout"], request.headers["Host"]))
        return httpx.Response(200, json=PAIR)

    with to(BASE, transport=httpx.MockTransport(answer), timeout=7) as client:
        client.get("/", headers={"Host": "api.example.com"})
    assert seen == [(httpx.Timeout(7).as_dict(), "api.example.com")] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("testserver", "ada", "x"), "base_url='testserver'; allowed: the service's address"),
        (("ftp://testserver", "ada", "x"), "allowed: the service's address"),
        (("http://testserver:port", "ada", "x"), "base_url='http://testserver:port'; allowed: the service's address"),
        (("http://testserver/?a=b", "ada", "x"), "allowed: .* without user, query and fragment"),
        (("http://testserver/#a", "ada", "x"), "allowed: .* without user, query and fragment"),
        (("http://ada:x@testserver", "ada", "x"), "base_url='http://…@testserver'; allowed: .* without user"),
        (("http://ada:x@testserver:port", "ada", "x"), "base_url='http://…@testserver:port'; allowed"),
        ((BASE, "ada"), "allowed: a user name and a password, or neither"),
        ((BASE,), "or a store that holds a credential"),
    ],
)
def test_bad_arguments_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        BearerAuth(*arguments)


def test_a_service_below_a_path(stranger, to):
    base, asked = stranger({f"/below{OBTAIN}": (200, {}, PAIR), "/below/whoami/": (200, {}, "")})
    with to(f"{base}/below/") as client:
        assert client.get("whoami/").status_code == 200
    assert asked == [f"/below{OBTAIN}", "/below/whoami/"]
