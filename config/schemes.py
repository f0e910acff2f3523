"""The table of authentication schemes.

Settings, URLs, OpenAPI, tests and benchmarks iterate over its rows.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way into the API.

    `name`            the word in AUTH_SCHEMES, on the lab's command line and in its reports
    `keyword`         the auth-scheme of the Authorization header (RFC 9110 11.1)
    `authentication`  dotted path of the DRF authentication class
    `issue`           dotted path of a callable: user -> credential (str), ready for the header
    `urlconf`         dotted path of the endpoints that come with the scheme, or None
    `summary`         one line for people
    `auto_create`     whether TOKEN_AUTO_CREATE applies: the credential can be read again later
    `scoped`          whether a credential can be issued with less than the full scope
    `kind`            for a library's class: the first word of the names of its endpoints
    """

    name: str
    keyword: str
    authentication: str
    issue: str
    urlconf: str | None
    summary: str
    auto_create: bool = False
    scoped: bool = False
    kind: str = ""

    @property
    def is_stock(self) -> bool:
        """Return True if the row is a library's own class, kept for comparison."""
        return not self.authentication.startswith(("tokens.", "jwt_auth."))


_ROWS = (
    Scheme(
        name="drf-token",
        keyword="Token",
        authentication="rest_framework.authentication.TokenAuthentication",
        issue="tokens.issue.drf_token",
        urlconf="tokens.stock_urls",
        summary="DRF's opaque token, untouched",
        auto_create=True,
        kind="token",
    ),
    Scheme(
        name="simplejwt",
        keyword="Bearer",
        authentication="rest_framework_simplejwt.authentication.JWTAuthentication",
        issue="jwt_auth.issue.simplejwt",
        urlconf="jwt_auth.stock_urls",
        summary="SimpleJWT's access token, user read on each request, untouched",
        kind="jwt",
    ),
    Scheme(
        name="simplejwt-stateless",
        keyword="Bearer",
        authentication="rest_framework_simplejwt.authentication.JWTStatelessUserAuthentication",
        issue="jwt_auth.issue.simplejwt",
        urlconf="jwt_auth.stock_urls",
        summary="SimpleJWT's access token, no query, untouched",
        kind="jwt",
    ),
    Scheme(
        name="token",
        keyword="Token",
        authentication="tokens.authentication.TokenAuthentication",
        issue="tokens.issue.token",
        urlconf="tokens.urls",
        summary="DRF's table and wire format, hardened: shape checked first, expiry, atomic rotation",
        auto_create=True,
    ),
    Scheme(
        name="token-hashed",
        keyword="Token",
        authentication="tokens.authentication.HashedTokenAuthentication",
        issue="tokens.issue.hashed_token",
        urlconf="tokens.hashed_urls",
        summary="A digest at rest, prefix and checksum, many per user with label and scope, expiry by age or disuse",
        scoped=True,
    ),
    Scheme(
        name="token-cached",
        keyword="Token",
        authentication="tokens.authentication.CachedTokenAuthentication",
        issue="tokens.issue.token",
        urlconf="tokens.urls",
        summary="`token` behind a bounded cache: no query on a hit, invalidated on commit",
        auto_create=True,
    ),
    Scheme(
        name="jwt",
        keyword="Bearer",
        authentication="jwt_auth.authentication.JWTAuthentication",
        issue="jwt_auth.issue.jwt",
        urlconf="jwt_auth.urls",
        summary="SimpleJWT's wire format, user and refresh family read in one query, revoked at once",
    ),
    Scheme(
        name="jwt-stateless",
        keyword="Bearer",
        authentication="jwt_auth.authentication.JWTStatelessUserAuthentication",
        issue="jwt_auth.issue.jwt",
        urlconf="jwt_auth.urls",
        summary="The access token of `jwt` without a query: verified once per process, accepted until it expires",
    ),
    Scheme(
        name="jwt-pushed",
        keyword="Bearer",
        authentication="jwt_auth.authentication.JWTPushedAuthentication",
        issue="jwt_auth.issue.jwt",
        urlconf="jwt_auth.urls",
        summary="`jwt` without a query while its login is known to live: ends are pushed to every process",
    ),
)

SCHEMES: dict[str, Scheme] = {row.name: row for row in _ROWS}


class SchemeError(ValueError):
    """A choice of schemes that cannot be served. `id` identifies the misconfiguration."""

    def __init__(self, id: str, message: str):
        super().__init__(message)
        self.id = id


def choose(names: Iterable[str]) -> tuple[Scheme, ...]:
    """Return the rows called `names`, in that order, which is also that of a 401's challenges.

    Raise SchemeError for no name, an unknown or repeated name, or two rows with one keyword. The
    class of the first such row would refuse every credential of the second.
    """
    names = tuple(names)
    choices = ", ".join(SCHEMES)
    if not names:
        raise SchemeError("config.E002", f"no scheme named; choose from {choices}")
    chosen: dict[str, Scheme] = {}
    keywords: dict[str, str] = {}
    for name in names:
        if name not in SCHEMES:
            raise SchemeError("config.E002", f"unknown scheme {name!r}; choose from {choices}")
        if name in chosen:
            raise SchemeError("config.E002", f"scheme {name!r} is named twice; choose from {choices}")
        scheme = SCHEMES[name]
        if scheme.keyword in keywords:
            raise SchemeError(
                "config.E003",
                f"{keywords[scheme.keyword]!r} and {name!r} both answer to the keyword "
                f"{scheme.keyword!r}; choose at most one per keyword from {choices}",
            )
        chosen[name] = scheme
        keywords[scheme.keyword] = name
    return tuple(chosen.values())
