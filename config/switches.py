"""The table of switches: name, default, effect, and how a text becomes a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from config import connection_urls
from config import switch_values as values
from config.schemes import Scheme, SchemeError, choose
from jwt_auth.jwk import ALGORITHMS


class SwitchError(ValueError):
    """A switch whose text cannot be read.

    The message names the switch, the value and what is allowed.
    """

    def __init__(self, message: str, id: str = "config.E001"):
        super().__init__(f"{message} ({id})")


@dataclass(frozen=True, slots=True)
class Switch:
    """An environment variable of the service.

    `default` is written as it would stand in the environment; "" means not set. The value of a
    `secret` is never printed. A `url` may hold a password, which is never printed.
    """

    name: str
    default: str
    effect: str
    parse: Callable[[str], Any]
    secret: bool = False
    url: bool = False

    @property
    def is_verbatim(self) -> bool:
        """Return True if blanks around the text are part of the value, or an error."""
        return self.parse in (values.text, values.key, connection_urls.database, connection_urls.cache)

    def shown(self, text: str) -> str:
        """Return `text` as it may be printed."""
        if not (self.secret or self.url):
            return text
        plain = connection_urls.PLAIN_URL.fullmatch(text) if self.url else None
        if plain is None:
            return "(set)" if text else ""
        return plain["scheme"] + (plain["user"] and "...@") + plain["place"] + (plain["query"] and "?...")


def _schemes(value: str) -> tuple[Scheme, ...]:
    return choose(values.names(value))


SWITCHES: dict[str, Switch] = {
    switch.name: switch
    for switch in (
        Switch("ENV_FILE", ".env", "File of NAME=value lines for switches that the environment does not set; a file you name must exist", str),
        Switch("AUTH_SCHEMES", "token,jwt", "Schemes that open the API, and whose endpoints exist; a 401 lists their challenges in this order", _schemes),
        Switch("ANONYMOUS_READ", "off", "on: reading tracks needs no credential; writing always does", values.flag),
        Switch("TOKEN_AUTO_CREATE", "on", "on: create a token with every new user, if an enabled scheme stores readable tokens (token, drf-token)", values.flag),
        Switch("TOKEN_ROTATE_ON_GET", "on", "on: GET /api-token-auth/new/ rotates the token, as POST always does", values.flag),
        Switch("TOKEN_LIFETIME", "none", "How long an opaque token is valid, as 30d; none: until it is rotated or revoked", values.optional_duration),
        Switch("TOKEN_IDLE_LIFETIME", "none", "How long an unused hashed token stays valid, at least 2m, to the minute; none: no limit", values.idle_lifetime),
        Switch("TOKENS_PER_USER", "50", "How many valid hashed tokens a user may have; none: no limit", values.optional_count(1)),
        Switch("TOKEN_CACHE_SECONDS", "30", "Seconds that `token-cached` answers from memory without news from the database or Valkey; 0: never", values.count(0)),
        Switch("JWT_ALGORITHM", "HS256", "Algorithm that signs JWTs, and the only one accepted", values.one_of(*ALGORITHMS)),
        Switch("JWT_SIGNING_KEY", "", "Secret (HS), private PEM (RS, ES, EdDSA, Ed25519) or file:PATH; not set: derived from SECRET_KEY (HS only)", values.key, secret=True),
        Switch("JWT_VERIFYING_KEYS", "", "Earlier keys whose JWTs are still accepted, separated by commas: secrets, PEM or file:PATH", values.keys, secret=True),
        Switch("JWT_ACCESS_LIFETIME", "5m", "How long an access token is valid", values.positive_duration),
        Switch("JWT_REFRESH_LIFETIME", "1d", "How long a refresh token is valid; each refresh issues a new one", values.positive_duration),
        Switch("JWT_SESSION_LIFETIME", "30d", "Longest time between a login and its last refresh; no refresh extends it", values.positive_duration),
        Switch("JWT_REUSE_GRACE", "10s", "How long the parent of a rotated refresh token still gets the same successor; 0: strictly single use", values.duration),
        Switch("JWT_REFRESH_COOKIE", "off", "on: a login with \"cookie\": true gets its refresh token in an HttpOnly cookie; needs a JWT_REUSE_GRACE above 0", values.flag),
        Switch("JWT_ISSUER", "", "The iss claim, written into every JWT and required of it; not set: neither", values.text),
        Switch("JWT_AUDIENCE", "", "The aud claim, written into every JWT (with #refresh after it into refresh tokens) and required of it; not set: neither", values.text),
        Switch("JWT_LEEWAY", "10s", "Clock difference accepted in exp, nbf and iat, at most 1h", values.leeway),
        Switch("JWT_CLAIMS", "", "Dotted path of a function that returns, for a user, a dict of claims to add to access tokens; not set: none", values.dotted_path),
        Switch("JWT_ACCESS_TYPE", "JWT", "typ in the header of access tokens; at+jwt (RFC 9068) adds the claim sub and needs JWT_ISSUER and JWT_AUDIENCE", values.one_of("JWT", "at+jwt")),
        Switch("JWT_ACCEPT_STOCK_UNTIL", "none", "Accept SimpleJWT's own tokens until the end of this day (UTC) or this moment, as 2026-12-31; none: never", values.optional_moment),
        Switch("LOGIN_THROTTLE", "10/min", "Attempts per client address and per user name on endpoints that take a secret; none: no limit", values.rate),
        Switch("NUM_PROXIES", "0", "How many proxies in front add the client's address to X-Forwarded-For; 0: ignore that header", values.count(0)),
        Switch("HTTPS_ONLY", "off", "on: redirect to https, HSTS for a year, secure cookies; X-Forwarded-Proto is read if NUM_PROXIES is not 0", values.flag),
        Switch("LOG_FORMAT", "text", "text: one line per log record; json: one JSON object per record", values.one_of("text", "json")),
        Switch("LOG_AUTHENTICATIONS", "off", "on: log an event for every accepted credential, too", values.flag),
        Switch("METRICS", "off", "on: count and time requests, count events and time authentication, for Prometheus at /metrics/; needs METRICS_TOKEN", values.flag),
        Switch("METRICS_TOKEN", "", "Bearer token that Prometheus sends to read /metrics/, 32 characters or more", values.metrics_token, secret=True),
        Switch("PROMETHEUS_MULTIPROC_DIR", "", "Folder, empty at start, for the counts of several workers; METRICS with more than one worker needs it", values.folder),
        Switch("SERVER_TIMING", "off", "on: add a Server-Timing header to every response: auth, db, total, in milliseconds", values.flag),
        Switch("DATABASE_URL", "sqlite:///db.sqlite3", "SQLite (WAL, IMMEDIATE) or PostgreSQL (prepared statements); each thread keeps one connection", connection_urls.database, url=True),
        Switch("STATEMENT_TIMEOUT", "10s", "Longest time for one SQL statement of a request on PostgreSQL; after it the response is 503", values.positive_duration),
        Switch("CACHE_URL", "locmem://", "Use valkey://:password@host:port/db or redis://... when there is more than one process", connection_urls.cache, url=True),
        Switch("SECRET_KEY", "", "Key of everything Django signs; required unless DEBUG is on", values.text, secret=True),
        Switch("DEBUG", "off", "on: Django's debug mode; never use it on a server that others can reach", values.flag),
        Switch("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]", "Host names this service answers to, separated by commas, without scheme and port", values.hosts),
        Switch("CORS_ORIGINS", "", "Origins of other pages that may call the API and use the refresh cookie, separated by commas; not set: none", values.origins),
        Switch("GRANIAN_HOST", "127.0.0.1", "IP address the server listens on", values.address),
        Switch("GRANIAN_PORT", "8000", "Port the server listens on", values.count(1, 65_535)),
        Switch("GRANIAN_WORKERS", "1", "Number of server processes; more than one needs CACHE_URL", values.count(1)),
        Switch("GRANIAN_BLOCKING_THREADS", "8", "Requests a process handles at once; each thread keeps one connection to PostgreSQL", values.count(1, 1024)),
    )
}  # fmt: skip

# `NAME=` means the default, as in a shell's ${NAME:-default}. But no scheme at all is a mistake.
_EMPTY_IS_A_VALUE = {"AUTH_SCHEMES"}


def read(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of every switch. Raise SwitchError for the first that cannot be read."""
    found: dict[str, Any] = {}
    for switch in SWITCHES.values():
        text = environment.get(switch.name, switch.default)
        if text == "" and switch.name not in _EMPTY_IS_A_VALUE:
            text = switch.default
        try:
            text.encode()  # raises ValueError for a lone surrogate, Python's form of bytes that are not UTF-8
            found[switch.name] = switch.parse(text)
        except SchemeError as error:
            raise SwitchError(f"{switch.name}={text!r}: {error}", error.id) from None
        except ValueError as error:
            raise SwitchError(f"{switch.name}={switch.shown(text)!r}: {error}") from None
    return found


def nearest(name: str, likeness: float = 0.6) -> str | None:
    """Return the switch that `name` probably means, or None. `likeness` is from 0 to 1 (equal)."""
    return next(iter(get_close_matches(name.upper(), SWITCHES, 1, likeness)), None)


def misspelt(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are not a switch but nearly one, each with that switch."""
    # HTTPS_ONY (0.95) means a switch. GRANIAN_RUNTIME_BLOCKING_THREADS (0.86) belongs to granian.
    return {name: near for name in environment if name not in SWITCHES and (near := nearest(name, 0.87))}
