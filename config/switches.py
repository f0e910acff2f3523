"""Every switch of the service: its name, its default, what it does, how its text becomes a value."""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import environ

from config.schemes import Scheme, SchemeError, choose

ALGORITHMS = (
    "HS256", "HS384", "HS512",
    "RS256", "RS384", "RS512",
    "ES256", "ES384", "ES512",
    "EdDSA",
)  # fmt: skip

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST = 36_500 * _UNITS["d"]  # seconds
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_RATE_PERIODS = ("s", "sec", "second", "m", "min", "minute", "h", "hour", "d", "day")


class SwitchError(ValueError):
    """A switch whose text cannot be read; the message names the switch, the value and what is allowed."""

    def __init__(self, message: str, id: str = "config.E001"):
        super().__init__(f"{message} ({id})")


@dataclass(frozen=True, slots=True)
class Switch:
    name: str
    default: str  # as it would be written in the environment; "" is "not set"
    effect: str
    parse: Callable[[str], Any]
    secret: bool = False  # never printed
    url: bool = False  # may hold a password, which is never printed

    @property
    def is_verbatim(self) -> bool:
        """Return True if blanks around the text are part of the value, or an error."""
        return self.parse in (_text, _key, _database, _cache)

    def shown(self, text: str) -> str:
        """`text` as it may be printed."""
        if not (self.secret or self.url):
            return text
        plain = _PLAIN_URL.fullmatch(text) if self.url else None
        if plain is None:
            return "(set)" if text else ""
        return plain["scheme"] + (plain["user"] and "...@") + plain["place"] + (plain["query"] and "?...")


# A URL of which it is plain where a password can be. `p@ss` or `se/cret` not percent-encoded make it another one,
# to whose parts they belong is a guess, and no guess is printed.
_PLAIN_URL = re.compile(
    r"(?P<scheme>\w+://)(?P<user>([^@/?#]*@)?)"
    r"(?P<place>([\w.%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[^@?#]*)?)(?P<query>(\?[^@#]*)?)"
)


def _text(value: str) -> str | None:
    if value and not value.strip():
        raise ValueError("it is blank")
    return value or None


def _flag(value: str) -> bool:
    word = value.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("allowed: on, off (or 1/0, true/false, yes/no)")


def _names(value: str) -> tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in value.split(",")) if word)


# What Django compares with a Host header, which never has a scheme, a port or an underscore by then.
_HOST = re.compile(r"\*|\.?[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*", re.IGNORECASE)


def _hosts(value: str) -> tuple[str, ...]:
    hosts = _names(value)
    allowed = "allowed, separated by commas: example.org, .example.org with all names below it, 192.0.2.1, [::1], *"
    if not hosts:
        raise ValueError(f"it names no host; {allowed}")
    for host in hosts:
        if not (_HOST.fullmatch(host) or (host[0] + host[-1] == "[]" and _is_address(host[1:-1], 6))):
            raise ValueError(f"{host!r} is no host name, which has no scheme, no port and no path; {allowed}")
    return hosts


def _is_address(text: str, *versions: int) -> bool:
    """Return True for an IP address of one of these versions, without a zone."""
    try:
        return "%" not in text and ipaddress.ip_address(text).version in versions
    except ValueError:
        return False


def _address(value: str) -> str:
    if not _is_address(value, 4, 6):
        raise ValueError("allowed: an IP address, as 127.0.0.1, ::1, 0.0.0.0; granian looks no name up")
    return value


def _schemes(value: str) -> tuple[Scheme, ...]:
    return choose(_names(value))


def _duration(value: str) -> timedelta:
    match = re.fullmatch(r"([0-9]{1,10})\s*([smhd]?)", value.strip())
    if not match:
        raise ValueError("allowed: a whole number of seconds, or a number with a unit: 10s, 5m, 1h, 30d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > _LONGEST:
        raise ValueError("allowed: at most 36500d")  # beyond, a date may not be one
    return timedelta(seconds=seconds)


def _positive_duration(value: str) -> timedelta:
    duration = _duration(value)
    if not duration:
        raise ValueError("allowed: longer than zero, as 10s, 5m, 1h, 30d")
    return duration


def _optional_duration(value: str) -> timedelta | None:
    return None if value.strip().lower() in ("", "none") else _positive_duration(value)


def _idle_lifetime(value: str) -> timedelta | None:
    lifetime = _optional_duration(value)
    if lifetime and lifetime < timedelta(minutes=2):
        raise ValueError("allowed: none, or 2m and longer; use is noted once a minute")
    return lifetime


def _leeway(value: str) -> timedelta:
    leeway = _duration(value)
    if leeway > timedelta(hours=1):
        raise ValueError("allowed: at most 1h; clocks that differ by more need mending")
    return leeway


def _count(least: int, most: int = 999_999, optional: bool = False) -> Callable[[str], int | None]:
    def parse(value: str) -> int | None:
        if optional and value.strip().lower() == "none":
            return None
        if not re.fullmatch(r"[0-9]{1,6}", value.strip()) or not least <= int(value) <= most:
            raise ValueError(f"allowed: {'none, or ' if optional else ''}a whole number from {least} to {most}")
        return int(value)

    return parse


def _rate(value: str) -> str | None:
    if value.strip().lower() == "none":
        return None
    number, _, period = value.strip().partition("/")
    if not re.fullmatch(r"[0-9]{1,9}", number) or int(number) < 1 or period not in _RATE_PERIODS:
        raise ValueError(f"allowed: none, or NUMBER/PERIOD with a period of {', '.join(_RATE_PERIODS)}: 10/min")
    return value.strip()


def _metrics_token(value: str) -> str | None:
    if value and not re.fullmatch(r"[!-~]{32,}", value):
        raise ValueError("allowed: 32 printable ASCII characters or more, none of them a space")
    return value or None


def _folder(value: str) -> str | None:
    if value and not (os.path.isdir(value) and os.access(value, os.W_OK | os.X_OK)):
        raise ValueError("allowed: a folder that exists and can be written to")
    return value or None


def _one_of(*choices: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value.strip() not in choices:
            raise ValueError(f"allowed: {', '.join(choices)}")
        return value.strip()

    return parse


def _key(value: str) -> str:
    """A secret or a PEM text; `file:PATH` reads it from a file. `\\n` in a one-line PEM becomes a line end."""
    if value.startswith("file:"):
        try:
            key = Path(value.removeprefix("file:")).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read {value.removeprefix('file:')!r}: {error}") from None
        if not key:
            raise ValueError(f"{value.removeprefix('file:')!r} is empty")
        return key
    if re.match(r"\W*file:", value, re.IGNORECASE):
        raise ValueError(
            "allowed: file:PATH, without a blank or a quote before it"
        )  # or the path itself would be the key
    return value.replace("\\n", "\n") if value.startswith("-----BEGIN") else value


def _keys(value: str) -> tuple[str, ...]:
    return tuple(_key(part) for part in _names(value))


# The options of libpq that a DATABASE_URL may set, each with its allowed values (None: any). Options that this service
# sets itself (time-outs, keepalives, prepared statements) and Django's own (conn_max_age) are missing on purpose.
_DATABASE_OPTIONS = {
    "application_name": None,
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "host": None,  # the folder of a Unix socket, too
    "hostaddr": None,
    "load_balance_hosts": ("disable", "random"),
    "options": None,
    "passfile": None,
    "password": None,
    "port": None,
    "require_auth": None,
    "sslcert": None,
    "sslcertmode": ("disable", "allow", "require"),
    "sslcrl": None,
    "sslkey": None,
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": ("postgres", "direct"),
    "sslpassword": None,
    "sslrootcert": None,
    "ssl_min_protocol_version": ("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "user": None,
}

# The same of redis-py, without the time-outs, which this service sets itself.
_CACHE_OPTIONS = {
    "db": None,
    "ssl_ca_certs": None,
    "ssl_cert_reqs": ("none", "optional", "required"),
    "ssl_certfile": None,
    "ssl_check_hostname": ("true", "false"),
    "ssl_keyfile": None,
}


def _options(url: str, allowed: Mapping[str, tuple[str, ...] | None]) -> dict[str, str]:
    """Return the options after the `?` of a URL. Raises ValueError unless each is allowed and set once.

    An option's text is never in the message, and its name only where it cannot be half of a password.
    """
    query = url.partition("?")[2]
    names = f"allowed options: {', '.join(allowed)}"
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise ValueError(f"its options cannot be read, as ?name=value&name=value; {names}; {_ENCODED}") from None
    options = {}
    for name, text in pairs:
        if name not in allowed:
            shown = f" {name!r}" if re.fullmatch(r"\w+", name) and _PLAIN_URL.fullmatch(url) else ""
            raise ValueError(f"unknown option{shown}; {names}")
        if name in options:
            raise ValueError(f"the option {name} is given twice")
        if not text or (allowed[name] and text not in allowed[name]):
            raise ValueError(f"the option {name}: allowed: {', '.join(allowed[name] or ['what is not empty'])}")
        options[name] = text
    return options


_LEFT_OUT = re.compile(r"[\t\r\n#]|\s$")  # URL parsers drop these characters, or all that follows
_ENCODED = "in a password, / ? # @ [ are %2F %3F %23 %40 %5B"


def _database(value: str) -> dict[str, Any]:
    if value.partition("://")[0] not in ("sqlite", "postgres", "postgresql"):
        raise ValueError(
            "allowed: sqlite:///relative.sqlite3, sqlite:////absolute.sqlite3, "
            "postgresql://user:password@host:5432/name"
        )
    if _LEFT_OUT.search(value):
        raise ValueError(f"a # or a blank at its end, which a URL has as %23 and %20; {_ENCODED}")
    address = value.partition("?")[0]
    if value.startswith("sqlite"):
        path = re.fullmatch("sqlite:///([^?;]+)", value)
        if not path or path[1] == ":memory:" or path[1].endswith("/"):
            raise ValueError("allowed: the path of a file, no host and no options: sqlite:///relative.sqlite3")
        return environ.Env.db_url_config(value.replace("+", "%2B"))
    try:
        path = urlsplit(address).path
        if urlsplit(address).port == 0:
            raise ValueError
        if "@" in path or ";" in path:  # a password with a / in it; what follows a ; would be left out
            raise ValueError
        # In a query a + is a blank, and nowhere else in a URL.
        database = environ.Env.db_url_config(address.replace("+", "%2B"))
    except ValueError:  # Its message may quote a part of the password, where a port was looked for.
        raise ValueError(
            f"its host or port cannot be read; {_ENCODED}, and a ; is %3B; "
            "allowed: postgresql://user:password@host:5432/name"
        ) from None
    if options := _options(value, _DATABASE_OPTIONS):
        for name in ("user", "password", "host", "port"):
            if name in options and database[name.upper()]:
                raise ValueError(f"the {name} stands before the ? already, and again as an option")
        database["OPTIONS"] = options
    if not database["NAME"]:
        raise ValueError("it names no database; allowed: postgresql://user:password@host:5432/name")
    if len(database["NAME"]) > 63:  # or Django would refuse it, at the first request
        raise ValueError("allowed: a name of at most 63 characters")
    return database


def _cache(value: str) -> dict[str, Any]:
    scheme, separator, rest = value.partition("://")
    address = value.partition("?")[0]
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        reachable = re.fullmatch(r"[\w.:-]+", host) and parts.port != 0 and not _LEFT_OUT.search(value)
        reachable = reachable and re.fullmatch("(/[0-9]*)?", parts.path)
    except ValueError:  # a port that is no number, half a bracket
        reachable = False
    if scheme in ("redis", "rediss", "valkey", "valkeys") and reachable:
        options = _options(value, _CACHE_OPTIONS)
        if "db" in options and (parts.path.strip("/") or not re.fullmatch("[0-9]+", options["db"])):
            raise ValueError("the option db: allowed: a number, and none in the path")
        if scheme in ("redis", "valkey") and (tls := [name for name in options if name.startswith("ssl_")]):
            raise ValueError(f"the option {tls[0]}: allowed with rediss:// and valkeys:// only")
        # Valkey speaks Redis' protocol; redis-py knows it under that name only.
        return {
            "BACKEND": "auth_core.caches.RedisCache",
            "LOCATION": f"{scheme.replace('valkey', 'redis')}{separator}{rest}",
            # A cache that does not answer must not hold a request longer than this. redis-py 8 speaks RESP3 unless it
            # is told otherwise; there a subscription takes the reply to any command for the answer to its PING, which
            # is the heartbeat of tokens/valkey.py.
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1, "protocol": 2},  # seconds
        }
    if scheme == "locmem" and re.fullmatch(r"[\w.-]*", rest):
        return {
            "BACKEND": "auth_core.caches.LocMemCache",
            "LOCATION": rest or "default",
            # Django's 300 entries would let a client push throttle counters out with made-up user names.
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    raise ValueError(
        "allowed: locmem://, redis://host:6379/0, valkey://:password@host:6379/0 (rediss://, valkeys:// with TLS); "
        f"{_ENCODED}"
    )


SWITCHES: dict[str, Switch] = {
    switch.name: switch
    for switch in (
        Switch("ENV_FILE", ".env", "a file of NAME=value lines for switches the environment does not set; a file that is named must exist", str),
        Switch("AUTH_SCHEMES", "token,jwt", "which schemes open the API, and which endpoints exist; the order is the order of the challenges", _schemes),
        Switch("ANONYMOUS_READ", "off", "on: anybody may read tracks, only writing needs a credential", _flag),
        Switch("TOKEN_AUTO_CREATE", "on", "a token is made with every new user (by schemes that keep it readable: token, drf-token)", _flag),
        Switch("TOKEN_ROTATE_ON_GET", "on", "GET /api-token-auth/new/ rotates too (POST always does)", _flag),
        Switch("TOKEN_LIFETIME", "none", "opaque tokens expire after this long", _optional_duration),
        Switch("TOKEN_IDLE_LIFETIME", "none", "hashed tokens expire when they have not been used for this long, to the minute", _idle_lifetime),
        Switch("TOKENS_PER_USER", "50", "how many living hashed tokens a user may have (none: no limit)", _count(1, optional=True)),
        Switch("JWT_ALGORITHM", "HS256", "the one algorithm that signs and is accepted", _one_of(*ALGORITHMS)),
        Switch("JWT_SIGNING_KEY", "", "secret (HS), private PEM (RS, ES, EdDSA) or file:PATH; not set: derived from SECRET_KEY (HS only)", _key, secret=True),
        Switch("JWT_VERIFYING_KEYS", "", "comma-separated older keys (secrets, PEM or file:PATH) whose tokens are still accepted", _keys, secret=True),
        Switch("JWT_ACCESS_LIFETIME", "5m", "life of an access token", _positive_duration),
        Switch("JWT_REFRESH_LIFETIME", "1d", "life of a refresh token; each refresh starts it anew", _positive_duration),
        Switch("JWT_SESSION_LIFETIME", "30d", "absolute life of a login; nothing extends it", _positive_duration),
        Switch("JWT_REUSE_GRACE", "10s", "how long the immediate parent of a rotated refresh token is still answered (0: strictly single use)", _duration),
        Switch("JWT_ISSUER", "", "iss claim: written and required when set", _text),
        Switch("JWT_AUDIENCE", "", "aud claim: written and required when set", _text),
        Switch("JWT_LEEWAY", "10s", "clock difference tolerated in exp, nbf and iat", _leeway),
        Switch("LOGIN_THROTTLE", "10/min", "attempts per client address and per user name on endpoints that take a secret (none: no limit)", _rate),
        Switch("NUM_PROXIES", "0", "how many proxies in front are believed about the client's address (X-Forwarded-For)", _count(0)),
        Switch("HTTPS_ONLY", "off", "on: redirect to https, HSTS for a year, secure cookies; X-Forwarded-Proto is believed when NUM_PROXIES is not 0", _flag),
        Switch("TOKEN_CACHE_SECONDS", "30", "longest time, in seconds, `token-cached` answers from memory without word from the database or Valkey (0: never)", _count(0)),
        Switch("LOG_FORMAT", "text", "how a line of the log is written: text, or json, an object for each", _one_of("text", "json")),
        Switch("LOG_AUTHENTICATIONS", "off", "on: an event for each request that a credential opens, too", _flag),
        Switch("METRICS", "off", "on: counts events and times authentication, for Prometheus at /metrics/; needs METRICS_TOKEN", _flag),
        Switch("METRICS_TOKEN", "", "what Prometheus sends as a Bearer token to read /metrics/, 32 characters or more", _metrics_token, secret=True),
        Switch("PROMETHEUS_MULTIPROC_DIR", "", "a folder, empty at the start, by which several workers count together; METRICS with more than one needs it", _folder),
        Switch("SERVER_TIMING", "off", "a Server-Timing header on every answer: auth, db, total, in milliseconds", _flag),
        Switch("DATABASE_URL", "sqlite:///db.sqlite3", "SQLite (WAL, IMMEDIATE) or PostgreSQL (prepared statements); each thread keeps one connection", _database, url=True),
        Switch("STATEMENT_TIMEOUT", "10s", "longest time a request's statement may take on PostgreSQL before it is given up and the answer is 503", _positive_duration),
        Switch("CACHE_URL", "locmem://", "valkey://:password@host:port/db or redis://... when there is more than one process", _cache, url=True),
        Switch("SECRET_KEY", "", "signs what Django signs; required unless DEBUG is on", _text, secret=True),
        Switch("DEBUG", "off", "Django's debug mode; never on a reachable server", _flag),
        Switch("ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]", "host names this service answers to, without scheme and port", _hosts),
        Switch("GRANIAN_HOST", "127.0.0.1", "IP address the server listens on", _address),
        Switch("GRANIAN_PORT", "8000", "port the server listens on", _count(1, 65_535)),
        Switch("GRANIAN_WORKERS", "1", "server processes; more than one needs CACHE_URL", _count(1)),
        Switch("GRANIAN_BLOCKING_THREADS", "8", "requests a process works on at once, each with one of as many connections to PostgreSQL", _count(1, 1024)),
    )
}  # fmt: skip


def read(environment: Mapping[str, str]) -> dict[str, Any]:
    """The value of every switch. Raises SwitchError for the first that cannot be read."""
    values = {}
    for switch in SWITCHES.values():
        text = environment.get(switch.name, switch.default)
        if text == "" and switch.name not in _EMPTY_IS_A_VALUE:
            text = switch.default
        try:
            text.encode()  # bytes that are no UTF-8 reach us as lone surrogates, a ValueError here
            values[switch.name] = switch.parse(text)
        except SchemeError as error:
            raise SwitchError(f"{switch.name}={text!r}: {error}", error.id) from None
        except ValueError as error:
            raise SwitchError(f"{switch.name}={switch.shown(text)!r}: {error}") from None
    return values


def nearest(name: str, likeness: float = 0.6) -> str | None:
    """Return the switch that `name` is likely to mean, or None. A `likeness` of 1 is the name itself."""
    return next(iter(get_close_matches(name.upper(), SWITCHES, 1, likeness)), None)


def misspelt(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are no switch and are very near to one, each with the switch."""
    # HTTPS_ONY (0.95) means a switch; GRANIAN_RUNTIME_BLOCKING_THREADS (0.86) is a variable of granian's.
    return {name: near for name in environment if name not in SWITCHES and (near := nearest(name, 0.87))}


# `NAME=` means "the default" as it does in a shell's ${NAME:-default}, but an empty list of schemes is a mistake.
_EMPTY_IS_A_VALUE = {"AUTH_SCHEMES"}
