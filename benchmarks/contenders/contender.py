"""The contenders: the project's own views, alike but for who may enter; and the proof of what each does.

All share one handler, one middleware chain and one class for each view. A contender is a URLconf of its own
with the same routes in the same order, whose views got other `authentication_classes` from `as_view()` and,
as the gate, AllowAny where nobody is authenticated. (Not `override_settings`: DRF reads the classes when a
view is imported.)
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from urllib.parse import urlsplit

from django.db import connection
from django.urls import Resolver404, path, resolve
from django.utils.module_loading import import_string
from rest_framework.permissions import AllowAny, IsAuthenticated

from benchmarks.contenders.candidate import Candidate
from benchmarks.contenders.lineup import LINEUP
from benchmarks.messages import Entry, Facts, RefusedError
from config.handler import Handler as ServiceHandler
from config.schemes import SCHEMES, Scheme

WHOAMI = "/whoami/"  # says who entered and by which row; proved for every contender, timed or not

URLCONF = "benchmarks.urlconf"  # key of the WSGI environ
_NO_BODY = io.BytesIO()


class Handler(ServiceHandler):
    """The service's handler, with the URLconf that the environ brings along: one handler serves all contenders."""

    def request_class(self, environ):
        request = super().request_class(environ)
        request.urlconf = environ[URLCONF]
        return request


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to time.

    `urlconf`   what the handler needs to find its views: over the wire, what stands before the path
    `headers`   what its requests send, as WSGI names it
    `refused`   what must be answered `refusal`: description -> headers
    `identity`  what `/whoami/` must answer: field -> allowed values
    """

    entry: Entry
    urlconf: ModuleType | str
    headers: Mapping[str, str]
    refused: Mapping[str, Mapping[str, str]]
    refusal: int
    identity: Mapping[str, Sequence]

    @property
    def name(self) -> str:
        return self.entry.name


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes


def find_scheme(name: str) -> Scheme:
    """The scheme of that name in the line-up, or for `package.module:SCHEME` what that is."""
    if name in LINEUP:
        return LINEUP[name]
    if ":" not in name:
        raise RefusedError(
            f"{name}: no such contender; choose from {', '.join(LINEUP)}, or name a package.module:SCHEME"
        )
    try:
        return import_string(name.replace(":", "."))
    except ImportError as error:
        raise RefusedError(f"{name}: {error}") from None


def anonymous(name: str, urls: Sequence[str], authentication_classes: Sequence[type] = ()) -> Contender:
    """Nobody is authenticated and everybody may enter: what all others are compared with."""
    return Contender(
        entry=Entry(name),
        urlconf=urlconf_of(name, urls, authentication_classes=authentication_classes, gate=AllowAny),
        headers={},
        refused={},
        refusal=401,
        identity={"id": [None], "username": [""], "scheme": [None]},
    )


def of_scheme(scheme: Scheme, user, urls: Sequence[str]) -> Contender:
    """The row's authentication class, and a credential of `user` by the row's `issue`."""
    credential = import_string(scheme.issue)(user)
    # One character in the last part of a token changed: not the last one, whose lowest bits base64 ignores.
    forged = credential[:-10] + ("b" if credential[-10:-9] == "a" else "a") + credential[-9:]
    return Contender(
        entry=Entry(scheme.name, scheme.keyword, scheme.is_stock, scheme.summary),
        urlconf=guarded_by(scheme, urls),
        headers=headers(scheme, credential),
        refused={
            "without a credential": {},
            "with garbage for a credential": headers(scheme, "garbage"),
            "with a forged credential": headers(scheme, forged),
        },
        refusal=scheme.refusal if isinstance(scheme, Candidate) else 401,
        identity={
            "id": [user.pk],
            "username": [user.get_username(), ""],  # empty where a scheme does not read the user
            # The row whose class this is, though the credential may be a third party's.
            "scheme": [
                next((row.name for row in SCHEMES.values() if row.authentication == scheme.authentication), None)
            ],
        },
    )


def guarded_by(scheme: Scheme, urls: Sequence[str]) -> ModuleType:
    """A URLconf of `/whoami/` and the views at `urls`, which only a credential of this scheme opens."""
    return urlconf_of(
        scheme.name, urls, authentication_classes=[import_string(scheme.authentication)], gate=IsAuthenticated
    )


def headers(scheme: Scheme, credential: str) -> dict[str, str]:
    """What a request sends to present the credential, as WSGI names it."""
    is_candidate = isinstance(scheme, Candidate)
    header, separator = (scheme.header, scheme.separator) if is_candidate else ("HTTP_AUTHORIZATION", " ")
    return {header: f"{scheme.keyword}{separator}{credential}".lstrip()}


def environ(contender: Contender, url: str, headers: Mapping[str, str] | None = None) -> dict:
    """A GET of `url`, with the contender's own headers unless others are given."""
    return request(contender.urlconf, "GET", url, contender.headers if headers is None else headers)


def request(urlconf: ModuleType | str, method: str, url: str, headers: Mapping[str, str]) -> dict:
    """The WSGI environ of a request without a body."""
    parts = urlsplit(url)
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": parts.path,
        "QUERY_STRING": parts.query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:8000",
        "HTTP_ACCEPT": "*/*",
        "HTTP_USER_AGENT": "benchmarks",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": _NO_BODY,
        "wsgi.errors": None,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        URLCONF: urlconf,
        **headers,
    }


def ask(handler: Handler, environ: dict) -> Answer:
    statuses = []
    response = handler(environ, lambda status, headers, exc_info=None: statuses.append(status))
    try:
        body = b"".join(response)
    finally:
        response.close()
    return Answer(int(statuses[0].split()[0]), body)


def prove(handler: Handler, contender: Contender, url: str, expected: bytes) -> list[str]:
    """What is wrong with the contender at this URL, one sentence each; empty: it may be timed.

    `expected` is the body for anybody who may enter; at `/whoami/` the contender's identity counts instead.
    """
    faults = []
    answer = ask(handler, environ(contender, url))
    if answer.status != 200:
        faults.append(f"answers {answer.status} with its credential, not 200")
    elif urlsplit(url).path == WHOAMI:
        faults += _wrong_identity(contender, answer.body)
    elif answer.body != expected:
        faults.append("answers another body than an anonymous request gets")
    for description, headers in contender.refused.items():
        status = ask(handler, environ(contender, url, headers)).status
        if status != contender.refusal:
            faults.append(f"answers {status} {description}, not {contender.refusal}")
    return [f"{contender.name} at {url}: {fault}" for fault in faults]


def count(handler: Handler, contender: Contender, url: str) -> Facts:
    """Counted facts of one request; to be called after warm-up, off the clock."""
    statements = []

    def note(execute, sql, params, many, context):
        statements.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        answer = ask(handler, environ(contender, url))
    return Facts(
        sql_statements=len(statements),
        header_bytes=sum(
            len(f"{name.removeprefix('HTTP_')}: {value}\r\n".encode("latin-1"))
            for name, value in contender.headers.items()
        ),
        response_bytes=len(answer.body),
    )


def _wrong_identity(contender: Contender, body: bytes) -> list[str]:
    try:
        answered = json.loads(body)
    except ValueError:
        return ["answers something else than JSON"]
    if answered.keys() != contender.identity.keys():
        return [f"names {', '.join(answered)}, not {', '.join(contender.identity)}"]
    return [
        f"says {field} {answered[field]!r}, not {' or '.join(map(repr, allowed))}"
        for field, allowed in contender.identity.items()
        if answered[field] not in allowed
    ]


def urlconf_of(name: str, urls: Sequence[str], authentication_classes: Sequence[type], gate: type) -> ModuleType:
    """A URLconf of the views that the project has at `urls`; the same routes in the same order for all."""
    module = ModuleType(f"benchmarks.urlconf of {name}")
    paths = dict.fromkeys(urlsplit(url).path for url in (WHOAMI, *urls))
    module.urlpatterns = [_route(route, authentication_classes, gate) for route in paths]
    return module


def _route(route: str, authentication_classes: Sequence[type], gate: type):
    try:
        match = resolve(route)
    except Resolver404:
        raise RefusedError(f"{route}: the service has no such URL") from None
    view_class = getattr(match.func, "cls", None)
    if view_class is None:
        raise RefusedError(f"{route}: no view of the API")
    actions = getattr(match.func, "actions", None)  # of a viewset: HTTP method -> its method
    view = view_class.as_view(
        *([actions] if actions else []),
        **{
            **getattr(match.func, "initkwargs", {}),
            "authentication_classes": authentication_classes,
            "get_permissions": _permissions(view_class, gate),
        },
    )
    return path(route.removeprefix("/"), view, match.kwargs)


def _permissions(view_class: type, gate: type) -> Callable[[], list]:
    """The view's own permissions, `gate` in the place of IsAuthenticated.

    Through get_permissions, since a view that overrides it, as the tracks do, ignores permission_classes.
    """
    classes = [gate if type(own) is IsAuthenticated else type(own) for own in view_class().get_permissions()]
    return lambda: [cls() for cls in classes]
