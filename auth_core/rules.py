"""What each setting of auth_core/conf.py may be; jwt_auth/checks.py has the rules of the others.

A rule takes a value and raises ValueError if it is not allowed. The message says what is allowed.
"""

import ipaddress
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

Rule = Callable[[Any], None]

LONGEST = timedelta(days=36_500)  # a longer one may lead beyond the year 9999
LEAST_IDLE_LIFETIME = timedelta(minutes=2)  # the time of use is written once a minute
MOST_LEEWAY = timedelta(hours=1)
RATE_PERIODS = ("s", "sec", "second", "m", "min", "minute", "h", "hour", "d", "day")

_DAY = timedelta(days=1)


def rate(value: Any) -> None:
    number, _, period = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not re.fullmatch(r"[0-9]{1,9}", number) or int(number) < 1 or period not in RATE_PERIODS:
        raise ValueError(f"NUMBER/PERIOD with a period of {', '.join(RATE_PERIODS)}: 10/min")


def flag(value: Any) -> None:
    if not isinstance(value, bool):
        raise ValueError("True or False")


def duration(least: timedelta = timedelta(0), most: timedelta = LONGEST) -> Rule:
    """Return a rule for a timedelta from `least` to `most`."""

    def rule(value: Any) -> None:
        if not isinstance(value, timedelta) or not least <= value <= most:
            raise ValueError(f"a datetime.timedelta from {_written(least)} to {_written(most)}")

    return rule


def count(least: int, most: int = 999_999) -> Rule:
    """Return a rule for a whole number from `least` to `most`."""

    def rule(value: Any) -> None:
        if type(value) is not int or not least <= value <= most:
            raise ValueError(f"a whole number from {least} to {most}")

    return rule


def text(value: Any) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("text that is not blank")


def key(value: Any) -> None:
    if not isinstance(value, str):  # jwt_auth checks that it fits the algorithm
        raise ValueError("a secret or a private key in PEM, as text")


def texts(value: Any) -> None:
    if not isinstance(value, list | tuple) or not all(isinstance(each, str) and each for each in value):
        raise ValueError("a list or tuple of texts")


_ORIGIN = re.compile(r"(https?)://([a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?")
_OWN_PORTS = {"http": 80, "https": 443}


def origin(value: Any) -> None:
    """Raise ValueError unless this is an origin as browsers write it (RFC 6454 6.2).

    Any other spelling of the same origin would match no request.
    """
    match = _ORIGIN.fullmatch(value) if isinstance(value, str) else None
    scheme, host, port = match.groups() if match else ("", "", None)
    if not match or (port and not _OWN_PORTS[scheme] != int(port) < 65_536) or not _is_written_by_browsers(host):
        raise ValueError("https://app.example.org, http://localhost:5173")


def _is_written_by_browsers(host: str) -> bool:
    if not host.startswith("[") and not host.rpartition(".")[2].isdigit():
        return True
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return False
    return host == (f"[{address}]" if address.version == 6 else str(address))


def origins(value: Any) -> None:
    if not isinstance(value, list | tuple):
        raise ValueError("a list or tuple of origins")
    for each in value:
        try:
            origin(each)
        except ValueError as error:
            raise ValueError(f"a list or tuple of origins as browsers send them: {error}") from None


def text_or_texts(value: Any) -> None:
    if isinstance(value, str):
        return text(value)
    return texts(value)


def optional(rule: Rule) -> Rule:
    """Return the rule that also allows None."""

    def optional_rule(value: Any) -> None:
        if value is None:
            return
        try:
            rule(value)
        except ValueError as error:
            raise ValueError(f"None, or {error}") from None

    return optional_rule


def _written(span: timedelta) -> str:
    """Return the duration as code has it."""
    return f"timedelta(days={span.days})" if span >= _DAY else f"timedelta(seconds={span.total_seconds():g})"


_SOME_TIME = duration(timedelta(seconds=1))

RULES: dict[str, Rule] = {
    "LOGIN_THROTTLE": optional(rate),
    "CORS_ORIGINS": origins,
    "TOKEN_AUTO_CREATE": flag,
    "TOKEN_ROTATE_ON_GET": flag,
    "TOKEN_LIFETIME": optional(_SOME_TIME),
    "TOKEN_IDLE_LIFETIME": optional(duration(LEAST_IDLE_LIFETIME)),
    "TOKENS_PER_USER": optional(count(1)),
    "TOKEN_CACHE_SECONDS": count(0),
    "JWT_SIGNING_KEY": key,
    "JWT_VERIFYING_KEYS": texts,
    "JWT_ACCESS_LIFETIME": _SOME_TIME,
    "JWT_REFRESH_LIFETIME": _SOME_TIME,
    "JWT_SESSION_LIFETIME": _SOME_TIME,
    "JWT_REUSE_GRACE": duration(),
    "JWT_REFRESH_COOKIE": flag,
    "JWT_ISSUER": optional(text),
    "JWT_AUDIENCE": optional(text_or_texts),
    "JWT_LEEWAY": duration(most=MOST_LEEWAY),
}
