"""Hostile bodies: name -> content type and bytes."""

import json

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=x"
NAMES = ("username", "password", "refresh", "token", "label", "title", "genre", "everywhere", "scope")


def _all(value: str) -> bytes:
    """Return a JSON object in which every name that any endpoint reads has this value, in JSON."""
    return ("{" + ",".join(f'"{name}":{value}' for name in NAMES) + "}").encode()


def _part(head: str, content: bytes = b"a", boundary: str = "x") -> bytes:
    return f"--{boundary}\r\n{head}\r\n\r\n".encode("latin-1") + content + b"\r\n"


_FIELD = 'Content-Disposition: form-data; name="username"'
_FILE = 'Content-Disposition: form-data; name="username"; filename='

BODIES: dict[str, tuple[str, bytes]] = {
    # JSON: depth, size, numbers, types, encodings.
    "lists 100,000 deep": (JSON, b"[" * 100_000),
    "lists 100,000 deep, closed": (JSON, b"[" * 100_000 + b"]" * 100_000),
    "objects 40,000 deep": (JSON, b'{"a":' * 40_000),
    "lists 1,000 deep": (JSON, b"[" * 1_000 + b"]" * 1_000),
    "lists 1,000 deep in a field": (JSON, _all("[" * 1_000 + "]" * 1_000)),
    "20,000 deep after a good field": (JSON, b'{"username":"ada","password":' + b"[" * 20_000),
    "an integer of 100,000 digits": (JSON, b'{"username":' + b"9" * 100_000 + b"}"),
    "an integer of 4,000 digits": (JSON, b'{"username":' + b"9" * 4_000 + b"}"),
    "a fraction of 100,000 digits": (JSON, b'{"username":0.' + b"9" * 100_000 + b"}"),
    "1e400": (JSON, _all("1e400")),
    "1e308": (JSON, _all("1e308")),
    "-0": (JSON, _all("-0")),
    "NaN": (JSON, _all("NaN")),
    "Infinity": (JSON, _all("-Infinity")),
    "null": (JSON, _all("null")),
    "true": (JSON, _all("true")),
    "lists": (JSON, _all('["ada"]')),
    "objects": (JSON, _all('{"$ne":null}')),
    "empty texts": (JSON, _all('""')),
    "white space": (JSON, _all('" \\t\\n"')),
    "NUL": (JSON, _all('"\\u0000"')),
    "NUL at the end": (JSON, _all('"ada\\u0000"')),
    "half a character": (JSON, _all('"\\ud800"')),
    "half a character in a name": (JSON, b'{"\\udfff":1}'),
    "text written from right to left": (JSON, _all('"\\u202eada"')),
    "a text of 200,000": (JSON, b'{"username":"' + b"a" * 200_000 + b'","password":"x"}'),
    "a password of 200,000": (JSON, b'{"username":"ada","password":"' + b"a" * 200_000 + b'"}'),
    "10,000 names": (JSON, ("{" + ",".join(f'"a{number}":1' for number in range(10_000)) + "}").encode()),
    "a name 10,000 times": (JSON, b"{" + b'"username":1,' * 10_000 + b'"username":"a"}'),
    "__proto__ and __class__": (JSON, b'{"__proto__":{"is_staff":true},"__class__":"x","username":"a","password":"b"}'),
    "a statement": (JSON, _all('"\' OR 1=1; --"')),
    "no object": (JSON, b'"username=ada"'),
    "a list of objects": (JSON, b'[{"username":"ada","password":"x"}]'),
    "nothing": (JSON, b""),
    "cut off": (JSON, b'{"username":"ada'),
    "two objects": (JSON, b"{}{}"),
    "comments": (JSON, b'{/**/"username":"ada"}'),
    "a comma too many": (JSON, b'{"username":"ada",}'),
    "a BOM": (JSON, b'\xef\xbb\xbf{"username":"ada"}'),
    "no UTF-8": (JSON, b'{"username":"\xff\xfe"}'),
    "an overlong NUL": (JSON, b'{"username":"\xc0\x80"}'),
    "UTF-16": (JSON, '{"username":"ada"}'.encode("utf-16")),
    "UTF-32": (JSON, '{"username":"ada"}'.encode("utf-32")),
    # Forms.
    "a form of 10,000 fields": (FORM, "&".join(f"a{number}=1" for number in range(10_000)).encode()),
    "a form with one name 10,000 times": (FORM, b"username=a&" * 10_000),
    "a form of NULs": (FORM, b"username=%00&password=%00&refresh=%00&token=%00&label=%00"),
    "a form of half a character": (FORM, b"username=%ed%a0%80&password=x"),
    "a form of no UTF-8": (FORM, b"username=%ff%fe&password=%ff"),
    "a form of bad percent signs": (FORM, b"username=%zz%&password=%u0041"),
    "a form of separators": (FORM, b"&=" * 900),
    "a form that is JSON": (FORM, b'{"username":"ada"}'),
    # Multipart.
    "multipart without a boundary": ("multipart/form-data", _part(_FIELD) + b"--x--"),
    "multipart with an empty boundary": ("multipart/form-data; boundary=", _part(_FIELD) + b"--x--"),
    "multipart with a boundary of 10,000": (
        f"multipart/form-data; boundary={'x' * 10_000}",
        _part(_FIELD, boundary="x" * 10_000),
    ),
    "multipart with a boundary of letters that are none": ("multipart/form-data; boundary=\xe9", _part(_FIELD)),
    "multipart of nothing": (MULTIPART, b""),
    "multipart that is none": (MULTIPART, b'{"username":"ada"}'),
    "multipart not ended": (MULTIPART, _part(_FIELD)),
    "multipart of 4,000 fields": (MULTIPART, _part(_FIELD, b"") * 4_000 + b"--x--"),
    "multipart of 200 files": (MULTIPART, _part(_FILE + '"a"') * 200 + b"--x--"),
    "multipart with a file for a name": (MULTIPART, _part(_FILE + '"../../etc/passwd"') + b"--x--"),
    "multipart with an empty file": (MULTIPART, _part(_FILE + '""') + b"--x--"),
    "multipart with a NUL in the name": (MULTIPART, _part(_FILE + '"a\0"') + b"--x--"),
    "multipart with a name of 100,000": (MULTIPART, _part(f'{_FIELD[:-1]}{"a" * 100_000}"') + b"--x--"),
    "multipart with a header of 100,000": (MULTIPART, _part(_FIELD + "\r\nX: " + "a" * 100_000) + b"--x--"),
    "multipart with a name of another encoding": (
        MULTIPART,
        _part("Content-Disposition: form-data; name*=bogus''user%ff") + b"--x--",
    ),
    "multipart with a name of no encoding": (
        MULTIPART,
        _part("Content-Disposition: form-data; name*=\0''a") + b"--x--",
    ),
    "multipart with a charset that is none": (
        MULTIPART,
        _part(_FIELD + "\r\nContent-Type: text/plain; charset=bogus") + b"--x--",
    ),
    "multipart with another charset": (
        MULTIPART,
        _part(_FIELD + "\r\nContent-Type: text/plain; charset=utf-7", b"+AAA-") + b"--x--",
    ),
    "multipart in broken base64": (
        MULTIPART,
        _part(_FIELD + "\r\nContent-Transfer-Encoding: base64", b"!!!!=") + b"--x--",
    ),
    "multipart with a file in broken base64": (
        MULTIPART,
        _part(_FILE + '"a"\r\nContent-Transfer-Encoding: base64', b"a") + b"--x--",
    ),
    "multipart in multipart": (
        MULTIPART,
        _part(_FIELD + "\r\nContent-Type: multipart/mixed; boundary=y", _part(_FIELD, boundary="y")) + b"--x--",
    ),
    "multipart with bare new lines": (MULTIPART, _part(_FIELD).replace(b"\r\n", b"\n") + b"--x--\n"),
    # Content types that no parser accepts, or whose parameters are invalid.
    **{
        f"as {content_type!r}": (content_type, json.dumps({"username": "ada", "password": "x"}).encode())
        for content_type in (
            *("", "text/plain", "text/html", "application/xml", "application/x-yaml", "application/octet-stream"),
            *("application/jsonp", "application/vnd.api+json", "*/*", "application/*", "json", "/", ";", "a/b/c"),
            *("application/json, text/plain", "application/x-python-pickle", "application/msgpack", "text/xml"),
            *("application/json; charset=utf-16", "application/json; charset=bogus", "application/json; charset"),
            "a/b;" + ";" * 5_000,
        )
    },
}
