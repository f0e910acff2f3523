"""No header field fails the service before it reaches a view.

The requests go through the handler that a server calls.
"""

import io
import json

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory

from config.handler import Handler

pytestmark = pytest.mark.attack

PARAMETERS = {
    "an encoding that is none": "x*=bogus''y",
    "an encoding that fails": "x*=undefined''y",
    "an encoding for host names": "x*=idna''%ff",
    "an encoding with a NUL": "x*=\0''y",
    "an encoding in two sections": "x*0*=bogus''a; x*1*=b",
    "a section of 5,000 digits": f"x*{'9' * 5000}=y",
    "a section that is none": "x*-1=y",
    "sections out of order": "x*9=a; x*1=b",
    "one quote": "x*=utf-8'y",
    "no quote": "x*=utf-8",
    "no language": "x*=''y",
    "bytes that are no text": "x*=utf-8''%ff%fe",
    "no value": "x=",
    "no name": "=x",
    "an open quote": 'x="',
    "a quoted NUL": 'x="\0"',
    "5,000 semicolons": ";" * 5_000,
    "5,000 parameters": ";".join(f"a{number}=b" for number in range(5_000)),
    "a backslash at the end": 'x="\\',
    "a fold": "x=a;\r\n y=b",
}
CHARSETS = [
    "\0",
    "a\0b",
    '"\0"',
    "utf-8\0",
    "..",
    "../utf-8",
    "x" * 50_000,
    "__init__",
    "base64",
    '"',
    "\xff",
    "utf-8,utf-7",
]
FIELDS = {
    **{f"Content-Type with {name}": ("CONTENT_TYPE", f"application/json; {text}") for name, text in PARAMETERS.items()},
    **{
        f"Content-Type with charset {charset[:20]!a}": ("CONTENT_TYPE", f"application/json; charset={charset}")
        for charset in CHARSETS
    },
    **{
        f"Content-Type with an encoded charset {charset[:20]!a}": ("CONTENT_TYPE", f"a/b; charset*={charset}''utf-8")
        for charset in CHARSETS
    },
    **{
        f"Content-Type for a form, {name}": ("CONTENT_TYPE", f"multipart/form-data; boundary=x; {text}")
        for name, text in PARAMETERS.items()
    },
    **{f"Accept with {name}": ("HTTP_ACCEPT", f"application/json; {text}") for name, text in PARAMETERS.items()},
    **{
        f"Accept {text[:20]!a}": ("HTTP_ACCEPT", text)
        for text in ("", ",", "a", "/", "*", "*/*/*", "\0", "\xff", "application/json;indent=99999999", "a/b," * 5_000)
    },
    **{
        f"Cookie {text[:40]!a}": ("HTTP_COOKIE", text)
        for text in (
            *(
                'sessionid="\\000bcdefghijk"',
                "sessionid=\0\0\0\0\0\0\0\0\0",
                "sessionid=" + "s" * 50_000,
                "sessionid=%00",
            ),
            *(
                "csrftoken=\0",
                "csrftoken=" + "c" * 50_000,
                "messages=x",
                "=;" * 5_000,
                "\xff=\xfe",
                'a="\\999"',
                "sessionid",
            ),
        )
    },
    **{
        f"Host {text[:20]!a}": ("HTTP_HOST", text)
        for text in (
            "",
            "a b",
            "\0",
            "\xff",
            "[::1",
            "testserver:99999999",
            "testserver\n",
            "a" * 50_000,
            "testserver/",
            "@testserver",
        )
    },
    **{
        f"X-Forwarded-For {text[:20]!a}": ("HTTP_X_FORWARDED_FOR", text)
        for text in ("", ",", "\0", "\xff", "::ffff:999.1.1.1", "[::1", "fe80::1%\0", "1.1.1.1," * 5_000, "1" * 50_000)
    },
    **{
        f"Content-Length {text!a}": ("CONTENT_LENGTH", text)
        for text in (
            "-1",
            "+2",
            " 2",
            "2 ",
            "1_0",
            "0x2",
            "2.0",
            "1e1",
            "",
            "\0",
            "9" * 30,
            "9" * 5000,
            "\u0662",
            "2, 2",
            "2,3",
        )
    },
    **{
        f"Transfer-Encoding {text!a}": ("HTTP_TRANSFER_ENCODING", text)
        for text in ("chunked", "identity", "gzip, chunked", "xchunked", " chunked", "\0", "chunked\0")
    },
    **{
        f"Content-Encoding {text!a}": ("HTTP_CONTENT_ENCODING", text)
        for text in ("gzip", "deflate", "br", "zstd", "identity, gzip", "\0", "\xff", "," * 1_000)
    },
    **{
        f"{name} {text[:20]!a}": (name, text)
        for name, texts in {
            "HTTP_RANGE": ("bytes=0-", "bytes=-1", "bytes=a-b", "bytes=" + "0-0," * 5_000),
            "HTTP_IF_MODIFIED_SINCE": ("x", "\0", "Mon, 99 Foo 9999 99:99:99 GMT"),
            "HTTP_IF_NONE_MATCH": ("*", '"' * 5_000, "W/"),
            "HTTP_X_HTTP_METHOD_OVERRIDE": ("DELETE", "GET"),
            "HTTP_X_FORWARDED_HOST": ("attacker.example", "\0"),
            "HTTP_X_FORWARDED_PROTO": ("https", "\0"),
            "HTTP_REFERER": ("\0", "http://[", "\xff"),
            "HTTP_ORIGIN": ("null", "http://[", "\0"),
            "HTTP_EXPECT": ("100-continue", "x"),
            "HTTP_UPGRADE": ("websocket", "h2c"),
            "HTTP_ACCEPT_LANGUAGE": ("\0", "a" * 5_000, "en;q=x"),
            "HTTP_X_REQUESTED_WITH": ("XMLHttpRequest",),
            "QUERY_STRING": (
                "%",
                "%00",
                "%ff",
                "a=%ed%a0%80",
                "&" * 5_000,
                "a=1&" * 5_000,
                "format=%00",
                "format=../x",
                ";",
            ),
            "PATH_INFO": (
                "",
                "whoami/",
                "//whoami/",
                "/whoami/\0",
                "/\xff/",
                "/../whoami/",
                "/%2e/",
                "/" * 5_000,
                "/static/../x",
            ),
            "REQUEST_METHOD": ("TRACE", "CONNECT", "get", "", "\0", "X" * 5_000, "PROPFIND", "OPTIONS"),
            "REMOTE_ADDR": ("", "\0", "::1%\0", "not an address"),
            "SCRIPT_NAME": ("/x", "\0"),
        }.items()
        for text in texts
    },
}
PATHS = [("GET", "/whoami/"), ("POST", "/api-token-auth/"), ("POST", "/api/token/refresh/"), ("GET", "/admin/")]


@pytest.fixture(scope="module")
def handler():
    return Handler()


@pytest.fixture
def serve(db, handler):
    """Answer one request as a server does.

    The test's connection stays open, as it does with Django's own client.
    """

    def serve(method: str, path: str, **fields: str) -> tuple[int, dict[str, str], bytes]:
        body = b"{}" if method == "POST" else b""
        environ = RequestFactory()._base_environ(
            REQUEST_METHOD=method, PATH_INFO=path, CONTENT_TYPE="application/json", CONTENT_LENGTH=str(len(body))
        )
        started = []
        response = handler(
            environ | {"wsgi.input": io.BytesIO(body)} | fields,
            lambda status, headers: started.append((status, headers)),
        )
        try:
            content = b"".join(response)
        finally:
            response.close()
        ((status, headers),) = started
        return int(status.split()[0]), dict(headers), content

    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield serve
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize(("name", "text"), FIELDS.values(), ids=map(ascii, FIELDS))
def test_a_bad_header_field_fails_nothing_and_opens_nothing(serve, name, text):
    for method, path in PATHS:
        status, headers, content = serve(method, path, **{name: text})
        said = (method, path, status, content[:200])
        assert status < 500, said
        # Only the index and the admin's login, to which the admin redirects, are public.
        assert status >= 400 or path == "/admin/" or name in ("PATH_INFO", "REQUEST_METHOD", "SCRIPT_NAME"), said
        if status >= 400 and path != "/admin/" and name not in ("REQUEST_METHOD", "PATH_INFO"):
            assert headers["Content-Type"] == "application/json", said
            assert json.loads(content), said
        assert status != 401 or headers["WWW-Authenticate"], said


@pytest.mark.parametrize("path", [path for _, path in PATHS] + ["/health/", "/nowhere/", "/docs/", "/static/x"])
@pytest.mark.parametrize("text", ["a/b; x*=bogus''y", f"a/b; x*{'9' * 5000}=y", "a/b; charset=\0"])
def test_a_content_type_that_cannot_be_read_is_400_everywhere(serve, path, text):
    status, headers, content = serve("GET", path, CONTENT_TYPE=text)
    assert (status, headers["Content-Type"]) == (400, "application/json")
    assert json.loads(content) == {"detail": "Content-Type cannot be read."}
