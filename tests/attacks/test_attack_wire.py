"""Messages that two readers may read differently, sent over raw sockets to granian.

`make attack` runs these against a server of each choice of schemes below, `make test` against one.
"""

import os
import re
import socket
from dataclasses import dataclass

import pytest

from config.schemes import choose
from tests.support import servers

pytestmark = [pytest.mark.attack, pytest.mark.once]

SCHEMES = ["token,jwt", "token-hashed,jwt-stateless", "token-cached,jwt-pushed"]
if "ATTACK_ALL_SERVERS" not in os.environ:
    SCHEMES = SCHEMES[:1]

_ISSUE = """
import django; django.setup()
from django.conf import settings
from django.contrib.auth import get_user_model
from django.utils.module_loading import import_string
user = get_user_model().objects.create_user("ada", password="correct horse battery")
for row in settings.SCHEMES:
    print(row.keyword, import_string(row.issue)(user))
"""

END = b"\r\n\r\n"
# This request follows every message and closes the connection. The response is 200 if the server
# sees it as a request.
LAST = b"GET /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close" + END


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    credentials: tuple[bytes, ...]  # each as the header has it

    def say(self, data: bytes, quiet: float = 1) -> bytes:
        """Send bytes, and return what the server sends.

        Stop when the server closes the connection, or sends nothing for `quiet` seconds because
        it waits for the rest of a body.
        """
        answer = b""
        with socket.create_connection((self.host, self.port), timeout=quiet) as connection:
            try:
                connection.sendall(data + LAST)
                while received := connection.recv(65536):
                    answer += received
            except (TimeoutError, ConnectionError):
                pass  # ConnectionError: the server closed without reading everything
        return answer


def statuses(answer: bytes) -> list[int]:
    """Return the status of every response except the one to LAST."""
    found = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]
    return found[:-1] if answer.endswith(b'{"status":"ok"}') else found


@pytest.fixture(scope="module", params=SCHEMES)
def server(request, tmp_path_factory):
    url = servers.migrated_sqlite(tmp_path_factory.mktemp("wire"))
    switches = {"DATABASE_URL": url, "AUTH_SCHEMES": request.param, "NUM_PROXIES": "1", "LOGIN_THROTTLE": "none"}
    done = servers.run("-c", _ISSUE, DJANGO_SETTINGS_MODULE="config.settings", **switches)
    assert done.returncode == 0, done.stderr
    credentials = tuple(line.encode() for line in done.stdout.splitlines())
    assert len(credentials) == len(choose(request.param.split(",")))
    with servers.granian(**switches) as base:
        host, port = base.removeprefix("http://").split(":")
        yield Server(host, int(port), credentials)


PROXY = b"X-Forwarded-For: 192.0.2.1"  # without it the service answers 400


def get(*fields: bytes, path: bytes = b"/whoami/", host: bytes = b"Host: localhost", proxy: bytes = PROXY) -> bytes:
    return b"\r\n".join((b"GET " + path + b" HTTP/1.1", host, proxy, *fields)) + END


def post(*fields: bytes, body: bytes = b"{}", path: bytes = b"/api-token-auth/new/") -> bytes:
    head = (b"POST " + path + b" HTTP/1.1", b"Host: localhost", PROXY, b"Content-Type: application/json", *fields)
    return b"\r\n".join(head) + END + body


def test_a_credential_opens_and_a_second_request_is_answered(server):
    """Otherwise the tests below would prove nothing."""
    for credential in server.credentials:
        fields = b"Authorization: " + credential
        assert statuses(server.say(get(fields) + get() + get(fields))) == [200, 401, 200]


# {C} is the credential. The service lets none of these in, and answers each once.
HIDDEN = {
    "in a folded line": get(b"X: a", b" Authorization: {C}"),
    "folded itself": get(b"Authorization:", b" {C}"),
    "folded by a tab": get(b"Authorization:", b"\t{C}"),
    "after a bare CR": get(b"X: a\rAuthorization: {C}"),
    "after a bare CR, the line feed elsewhere": get(b"X: a\r\r\nAuthorization: {C}"),
    "after a NUL": get(b"X: a\0", b"Authorization: {C}"),
    "with a NUL in it": get(b"Authorization: {C}\0"),
    "with a vertical tab": get(b"Authorization:\x0b{C}"),
    "with a space before the colon": get(b"Authorization : {C}"),
    "with a tab before the colon": get(b"Authorization\t: {C}"),
    "with a space before the name": get(b" Authorization: {C}"),
    "with an underscore": get(b"Authorization_: {C}"),
    "with an underscore in front": get(b"_Authorization: {C}"),
    "under a name of WSGI": get(b"HTTP_AUTHORIZATION: {C}"),
    "under a name of CGI": get(b"REMOTE_USER: ada", b"X-Remote-User: ada", b"Remote-User: ada"),
    "for the proxy": get(b"Proxy-Authorization: {C}"),
    "forwarded": get(b"X-Forwarded-Authorization: {C}", b"X-Original-Authorization: {C}"),
    "in a cookie": get(b"Cookie: Authorization={C}; token={C}; access_token={C}; sessionid={C}"),
    "in the query": get(path=b"/whoami/?Authorization={Q}&token={Q}&access_token={Q}"),
    "in the path": get(path=b"/whoami/;token={Q}"),
    "in the user information of the URL": get(path=b"http://ada:{Q}@localhost/whoami/"),
    "in the fragment": get(path=b"/whoami/#{Q}"),
    "in a body of a GET": get(b"Content-Length: 7") + b"token={",
    "in a chunk's extension": post(b"Transfer-Encoding: chunked", body=b"2;Authorization={Q}\r\n{}\r\n0" + END),
    "in a trailer": post(
        b"Transfer-Encoding: chunked", b"Trailer: Authorization", body=b"2\r\n{}\r\n0\r\nAuthorization: {C}" + END
    ),
    "in a second header, after a bad one": get(b"Authorization: Basic YTpi", b"Authorization: {C}"),
    "in a second header, after an empty one": get(b"Authorization:", b"Authorization: {C}"),
    "twice": get(b"Authorization: {C}", b"Authorization: {C}"),
    "in two headers of other cases": get(b"authorization: x", b"AUTHORIZATION: {C}"),
    "of no UTF-8": get(b"Authorization: {C}\xff"),
    "of UTF-8": get(b"Authorization: {C}\xc4\x80"),
    "without a host": get(b"Authorization: {C}", host=b"X: y"),
    "for two hosts": get(b"Host: attacker.example", b"Authorization: {C}"),
    "for another host": get(b"Authorization: {C}", host=b"Host: attacker.example"),
    "for a host with a path": get(b"Authorization: {C}", host=b"Host: localhost/whoami/"),
    "in HTTP/1.0 without a host": b"GET /whoami/ HTTP/1.0\r\n" + PROXY + b"\r\nAuthorization: {C}" + END,
    "in HTTP/0.9": b"GET /whoami/\r\n",
    "in HTTP/3.0": b"GET /whoami/ HTTP/3.0\r\nHost: localhost\r\n" + PROXY + b"\r\nAuthorization: {C}" + END,
    "after an empty method": b" /whoami/ HTTP/1.1\r\nHost: localhost\r\n" + PROXY + b"\r\nAuthorization: {C}" + END,
    "under 1,000 headers": get(*(b"X%d: y" % number for number in range(1000)), b"Authorization: {C}"),
}


@pytest.mark.parametrize("message", HIDDEN.values(), ids=HIDDEN)
def test_a_credential_counts_where_it_belongs_and_nowhere_else(server, message):
    for credential in server.credentials:
        query = credential.replace(b" ", b"%20")
        answer = server.say(message.replace(b"{C}", credential).replace(b"{Q}", query))
        assert answer
        assert len(statuses(answer)) <= 1, answer[:500]
        assert all(400 <= status < 500 for status in statuses(answer)), answer[:500]
        assert b"ada" not in answer.partition(END)[2]


# A front end that reads the length differently would see a second request in the rest, or none.
AMBIGUOUS = {
    "length, then chunks": (b"Content-Length: 4", b"Transfer-Encoding: chunked"),
    "chunks, then length": (b"Transfer-Encoding: chunked", b"Content-Length: 4"),
    "two lengths": (b"Content-Length: 2", b"Content-Length: 60"),
    "two lengths, the longer first": (b"Content-Length: 60", b"Content-Length: 2"),
    "two lengths in one": (b"Content-Length: 2, 60",),
    "twice the same length in one": (b"Content-Length: 2, 2",),
    "a length with a sign": (b"Content-Length: +2",),
    "a negative length": (b"Content-Length: -2",),
    "a hexadecimal length": (b"Content-Length: 0x2",),
    "a length with an underscore": (b"Content-Length: 0_2",),
    "a length beyond all numbers": (b"Content-Length: 99999999999999999999999",),
    "a length in words": (b"Content-Length: two",),
    "an empty length": (b"Content-Length:",),
    "a length folded": (b"Content-Length:", b" 2"),
    "a length with a space before the colon": (b"Content-Length : 60", b"Content-Length: 2"),
    "chunks in capitals": (b"Transfer-Encoding: CHUNKED", b"Content-Length: 2"),
    "chunks with a space before the colon": (b"Transfer-Encoding : chunked", b"Content-Length: 2"),
    "chunks with a vertical tab": (b"Transfer-Encoding:\x0bchunked", b"Content-Length: 2"),
    "chunks in quotes": (b'Transfer-Encoding: "chunked"', b"Content-Length: 2"),
    "chunks folded": (b"Transfer-Encoding:", b" chunked", b"Content-Length: 2"),
    "chunks that are none": (b"Transfer-Encoding: xchunked", b"Content-Length: 2"),
    "chunks, but not last": (b"Transfer-Encoding: chunked, identity", b"Content-Length: 2"),
    "identity": (b"Transfer-Encoding: identity", b"Content-Length: 2"),
    "a length under another name": (b"Content_Length: 60", b"Content-Length: 0"),
}


@pytest.mark.parametrize("fields", AMBIGUOUS.values(), ids=AMBIGUOUS)
@pytest.mark.parametrize(
    "body", [b"{}", b"0" + END, b"2\r\n{}\r\n0" + END, b"3c\r\n"], ids=["short", "last", "chunk", "long"]
)
def test_a_request_in_a_body_is_never_answered_with_the_credential_of_another(server, fields, body):
    for credential in server.credentials:
        smuggled = get(b"Authorization: " + credential)
        answer = server.say(post(*fields, body=body) + smuggled)
        assert all(400 <= status < 500 for status in statuses(answer)), answer[:800]


# The end is clear here, and the rest is a request. The service refuses these because it reads no
# such body.
CLEAR = {
    "chunks": ((b"Transfer-Encoding: chunked",), b"2\r\n{}\r\n0" + END),
    "no chunk but the last": ((b"Transfer-Encoding: chunked",), b"0" + END),
    "chunks, said twice": ((b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"), b"0" + END),
    "compressed chunks": ((b"Transfer-Encoding: gzip, chunked",), b"0" + END),
    "a length, and chunks under another name": ((b"Transfer_Encoding: chunked", b"Content-Length: 2"), b"{}"),
}


@pytest.mark.parametrize(("fields", "body"), CLEAR.values(), ids=CLEAR)
def test_what_follows_a_body_in_chunks_is_a_request_of_its_own(server, fields, body):
    for credential in server.credentials:
        whole = post(*fields, body=body)
        assert statuses(server.say(whole + get() + get(b"Authorization: " + credential))) == [411, 401, 200]


def test_a_body_of_a_stated_length_hides_its_request(server):
    for credential in server.credentials:
        smuggled = get(b"Authorization: " + credential)
        message = post(b"Content-Length: %d" % len(smuggled), body=smuggled)
        assert statuses(server.say(message + get())) == [401, 401]


def test_bare_line_feeds_are_read_as_line_ends(server):
    """RFC 9112 2.2 allows them. A front end that passes them on reads them the same way."""
    for credential in server.credentials:
        message = get(b"Authorization: " + credential).replace(b"\r\n", b"\n")
        assert statuses(server.say(message)) == [200]
        assert b"\r" not in message


def test_a_request_that_came_through_no_proxy_is_refused_before_its_credential_is_looked_at(server):
    for credential in server.credentials:
        answer = server.say(get(b"Authorization: " + credential, proxy=b"X-Forwarded-For:"))
        assert statuses(answer) == [400]
        assert b"X-Forwarded-For is missing" in answer


def test_a_header_that_a_proxy_may_pass_on_by_another_spelling_is_seen_by_the_service(server):
    """docs/how-to/deploy.md has the proxy drop names with an underscore, as granian does not."""
    answer = server.say(get(b"Content_Encoding: gzip"))
    assert statuses(answer) == [415]


@pytest.mark.parametrize(
    "value",
    [b"a/b; x*=bogus''y", b"a/b; x*" + b"9" * 5000 + b"=y", b"a/b; charset*=undefined''x"],
    ids=lambda value: value[:9],
)
def test_a_content_type_that_cannot_be_read_is_refused_in_json(server, value):
    answer = server.say(get(b"Content-Type: " + value))
    assert statuses(answer) == [400]
    assert b"content-type: application/json" in answer.lower()
