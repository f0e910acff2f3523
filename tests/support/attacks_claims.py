"""Claims, payloads and headers of hostile tokens that the service's own key signed."""

import math

HOSTILE = [
    *[{"exp": value} for value in ("soon", 1e20, 1e400, math.nan, -1, True, None, [], {}, 10**30, 1.5e10, ...)],
    *[{"iat": value} for value in ("now", 1e20, math.inf, -1, True, None, [], 10**30, 4102444800, ...)],
    *[{"nbf": value} for value in ("now", 1e20, math.inf, {}, 4102444800)],
    *[{"jti": value} for value in ("", "\x00", "x" * 300, 7, None, [], {}, "é" * 32, "\ud800", ...)],
    *[{"sid": value} for value in ("", "\x00", "x" * 300, 7, None, [], {}, "g" * 32, "0" * 32, ...)],
    *[{"user_id": value} for value in ("", "\x00", "x" * 300, {}, [], None, "0", 10**30, -1, ...)],
    *[{"token_type": value} for value in ("", "sliding", 7, None, [], {}, ["access"], ...)],
]


PAYLOADS = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"x"',
    b"{",
    b"\xff\xfe",
    b"[" * 900,
    b"[" * 2500,
    b'{"exp":' + b"9" * 3000 + b"}",
]


KIDS = [
    {"kid": None},
    {"kid": ""},
    {"kid": "nobody"},
    {"kid": 7},
    {"kid": ["a"]},
    {"kid": {}},
    {"kid": "../../etc/passwd"},
    {"kid": "' OR 1=1 --"},
    {},
]
