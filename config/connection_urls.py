"""Turn DATABASE_URL and CACHE_URL into Django's settings."""

import re
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import environ

# A URL in which the place of a password is certain. A password with an unencoded @ or / (`p@ss`,
# `se/cret`) turns it into another URL, whose parts could only be guessed. No guess is printed.
PLAIN_URL = re.compile(
    r"(?P<scheme>\w+://)(?P<user>([^@/?#]*@)?)"
    r"(?P<place>([\w.%-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[^@?#]*)?)(?P<query>(\?[^@#]*)?)"
)


Allowed: TypeAlias = Mapping[str, tuple[str, ...] | None]  # an option's values; None: any text

# The options of libpq that a DATABASE_URL may set. Those that this service sets itself (timeouts,
# keepalives, prepared statements) and Django's own (conn_max_age) are missing on purpose.
DATABASE_OPTIONS: Allowed = {
    "application_name": None,
    "channel_binding": ("disable", "prefer", "require"),
    "gssencmode": ("disable", "prefer", "require"),
    "host": None,  # or the folder of a Unix socket
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

# The options of redis-py that a CACHE_URL may set. This service sets the timeouts itself.
CACHE_OPTIONS: Allowed = {
    "db": None,
    "ssl_ca_certs": None,
    "ssl_cert_reqs": ("none", "optional", "required"),
    "ssl_certfile": None,
    "ssl_check_hostname": ("true", "false"),
    "ssl_keyfile": None,
}


def _options(url: str, allowed: Allowed) -> dict[str, str]:
    """Return the options after the `?` of a URL.

    Raise ValueError unless each is allowed and set once. The message never holds an option's text,
    and holds its name only where that cannot be half of a password.
    """
    query = url.partition("?")[2]
    names = f"allowed options: {', '.join(allowed)}"
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=True) if query else []
    except ValueError:
        raise ValueError(f"its options cannot be read, as ?name=value&name=value; {names}; {_ENCODED}") from None
    options: dict[str, str] = {}
    for name, text in pairs:
        if name not in allowed:
            shown = f" {name!r}" if re.fullmatch(r"\w+", name) and PLAIN_URL.fullmatch(url) else ""
            raise ValueError(f"unknown option{shown}; {names}")
        if name in options:
            raise ValueError(f"the option {name} is given twice")
        choices = allowed[name]
        if not text or (choices and text not in choices):
            raise ValueError(f"the option {name}: allowed: {', '.join(choices or ['what is not empty'])}")
        options[name] = text
    return options


# URL parsers drop these characters, or all that follows them.
_LEFT_OUT = re.compile(r"[\t\r\n#]|\s$")
_ENCODED = "in a password, / ? # @ [ are %2F %3F %23 %40 %5B"


def database(value: str) -> dict[str, Any]:
    """Return an entry of Django's DATABASES. Raise ValueError for a URL that has no one meaning."""
    if value.partition("://")[0] not in ("sqlite", "postgres", "postgresql"):
        raise ValueError(
            "allowed: sqlite:///relative.sqlite3, sqlite:////absolute.sqlite3, "
            "postgresql://user:password@host:5432/name"
        )
    if _LEFT_OUT.search(value):
        raise ValueError(f"a # or a blank at its end, which a URL has as %23 and %20; {_ENCODED}")
    address = value.partition("?")[0]
    if value.startswith("sqlite"):
        file = re.fullmatch("sqlite:///([^?;]+)", value)
        if not file or file[1] == ":memory:" or file[1].endswith("/"):
            raise ValueError("allowed: the path of a file, no host and no options: sqlite:///relative.sqlite3")
        return dict(environ.Env.db_url_config(value.replace("+", "%2B")))
    try:
        path = urlsplit(address).path
        if urlsplit(address).port == 0:
            raise ValueError
        # An @ here belongs to a password with a / in it. django-environ drops what follows a ;.
        if "@" in path or ";" in path:
            raise ValueError
        # A + means a blank in a query only; django-environ replaces it everywhere.
        found: dict[str, Any] = environ.Env.db_url_config(address.replace("+", "%2B"))
    except ValueError:  # Its message may quote a part of the password that stands where a port belongs.
        raise ValueError(
            f"its host or port cannot be read; {_ENCODED}, and a ; is %3B; "
            "allowed: postgresql://user:password@host:5432/name"
        ) from None
    if options := _options(value, DATABASE_OPTIONS):
        for name in ("user", "password", "host", "port"):
            if name in options and found[name.upper()]:
                raise ValueError(f"the {name} stands before the ? already, and again as an option")
        found["OPTIONS"] = options
    if not found["NAME"]:
        raise ValueError("it names no database; allowed: postgresql://user:password@host:5432/name")
    if len(found["NAME"]) > 63:  # Django would refuse it, but not before the first request
        raise ValueError("allowed: a name of at most 63 characters")
    return found


def cache(value: str) -> dict[str, Any]:
    """Return an entry of Django's CACHES. Raise ValueError for a URL that has no one meaning."""
    scheme, separator, rest = value.partition("://")
    address = value.partition("?")[0]
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        is_address = (
            re.fullmatch(r"[\w.:-]+", host) is not None
            and parts.port != 0
            and not _LEFT_OUT.search(value)
            and re.fullmatch("(/[0-9]*)?", parts.path) is not None
        )
    except ValueError:  # raised for half a bracket and for a port that is not a number
        is_address = False
    if scheme in ("redis", "rediss", "valkey", "valkeys") and is_address:
        options = _options(value, CACHE_OPTIONS)
        if "db" in options and (parts.path.strip("/") or not re.fullmatch("[0-9]+", options["db"])):
            raise ValueError("the option db: allowed: a number, and none in the path")
        if scheme in ("redis", "valkey") and (tls := [name for name in options if name.startswith("ssl_")]):
            raise ValueError(f"the option {tls[0]}: allowed with rediss:// and valkeys:// only")
        # Valkey speaks Redis' protocol, and redis-py knows only Redis' name of it.
        return {
            "BACKEND": "auth_core.caches.RedisCache",
            "LOCATION": f"{scheme.replace('valkey', 'redis')}{separator}{rest}",
            # The timeouts bound how long a silent cache can hold a request. Protocol 2, because
            # redis-py 8 defaults to RESP3, in which a subscription takes the reply to any command
            # for the answer to its PING: the heartbeat of tokens/valkey.py.
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1, "protocol": 2},  # seconds
        }
    if scheme == "locmem" and re.fullmatch(r"[\w.-]*", rest):
        return {
            "BACKEND": "auth_core.caches.LocMemCache",
            "LOCATION": rest or "default",
            # Django's default is 300 entries, so few that a client could push throttle counters out
            # by sending made-up user names.
            "OPTIONS": {"MAX_ENTRIES": 100_000},
        }
    raise ValueError(
        "allowed: locmem://, redis://host:6379/0, valkey://:password@host:6379/0 (rediss://, valkeys:// with TLS); "
        f"{_ENCODED}"
    )
