"""The contenders: the project's own views, alike but for who may enter.

All share one handler, one middleware chain and one class for each view. Each has a URLconf of its
own (urlconf.py), and sends its own headers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType

from django.utils.module_loading import import_string
from rest_framework.permissions import AllowAny

from benchmarks.contenders import outside, wsgi
from benchmarks.contenders.candidate import Candidate
from benchmarks.contenders.lineup import is_stock
from benchmarks.contenders.urlconf import guarded_by, urlconf_of
from benchmarks.messages import Entry
from config.schemes import SCHEMES, Scheme

NOBODY: Mapping[str, Sequence] = {"id": [None], "username": [""], "scheme": [None]}  # what /whoami/ says


@dataclass(frozen=True, slots=True)
class Contender:
    """Something to time.

    `urlconf`   what the handler needs to find its views: over the wire, what stands before the path
    `headers`   what its requests send, as WSGI names it
    `refused`   what must be answered `refusal`: description -> headers
    `identity`  what `/whoami/` must answer: field -> allowed values
    `channel`   for a class that remembers logins while it hears of their ends: what returns the
                name of the channel by which it hears now, or None
    """

    entry: Entry
    urlconf: ModuleType | str
    headers: Mapping[str, str]
    refused: Mapping[str, Mapping[str, str]]
    refusal: int
    identity: Mapping[str, Sequence]
    channel: Callable[[], str | None] | None = None

    @classmethod
    def anonymous(cls, name: str, urls: Sequence[str], authentication_classes: Sequence[type] = ()) -> "Contender":
        """Return the contender that authenticates nobody and lets everybody in.

        All others are compared with it.
        """
        return cls(
            entry=Entry(name),
            urlconf=urlconf_of(name, urls, authentication_classes=authentication_classes, gate=AllowAny),
            headers={},
            refused={},
            refusal=401,
            identity=NOBODY,
        )

    @classmethod
    def of_scheme(cls, scheme: Scheme, user, urls: Sequence[str]) -> "Contender":
        """Return the contender with the row's class and a credential of `user` by its `issue`.

        Raises RefusedError if the class cannot be imported, or `issue` issues nothing.
        """
        outside.check_classes(scheme.name, scheme)
        credential = outside.issued(scheme, user)
        # One changed character in the last part of a token, but not its last character: base64
        # ignores the lowest bits of that one.
        forged = credential[:-10] + ("b" if credential[-10:-9] == "a" else "a") + credential[-9:]
        return cls(
            entry=Entry(scheme.name, scheme.keyword, is_stock(scheme), scheme.summary),
            urlconf=guarded_by(scheme, urls),
            headers=headers(scheme, credential),
            refused={
                "without a credential": {},
                "with garbage for a credential": headers(scheme, "garbage"),
                "with a forged credential": headers(scheme, forged),
            },
            refusal=scheme.refusal if isinstance(scheme, Candidate) else 401,
            identity=_identity(scheme, user) if scheme.authentication else NOBODY,
            channel=_channel(scheme),
        )

    @property
    def name(self) -> str:
        return self.entry.name

    def environ(self, url: str, headers: Mapping[str, str] | None = None) -> dict:
        """Return a GET of `url`, with the contender's own headers unless others are given."""
        return wsgi.request(self.urlconf, "GET", url, self.headers if headers is None else headers)


def _identity(scheme: Scheme, user) -> Mapping[str, Sequence]:
    return {
        "id": [user.pk],
        "username": [user.get_username(), ""],  # empty where a scheme does not read the user
        "scheme": [_named_by(scheme.authentication)],
    }


def _channel(scheme: Scheme) -> Callable[[], str | None] | None:
    return getattr(import_string(scheme.authentication), "channel", None) if scheme.authentication else None


def _named_by(authentication: str) -> str | None:
    """Return the row that `/whoami/` must name for this class.

    It is the row that has the class, or the row that one of our classes inherits from.
    """
    inherited = getattr(import_string(authentication), "scheme", None)
    return next((row.name for row in SCHEMES.values() if row.authentication == authentication), inherited)


def headers(scheme: Scheme, credential: str) -> dict[str, str]:
    """Return what a request sends to present the credential, as WSGI names it."""
    is_candidate = isinstance(scheme, Candidate)
    header, separator = (scheme.header, scheme.separator) if is_candidate else ("HTTP_AUTHORIZATION", " ")
    return {header: f"{scheme.keyword}{separator}{credential}".lstrip()}
