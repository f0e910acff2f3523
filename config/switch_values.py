"""Turn the text of a switch into its value.

Each parser raises ValueError for a text that it refuses. The message says what is allowed.
"""

import ipaddress
import os
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

from auth_core import rules

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


def text(value: str) -> str | None:
    """Return the text as it is, or None for an empty one."""
    if value and not value.strip():
        raise ValueError("it is blank")
    return value or None


def flag(value: str) -> bool:
    """Return True for `on` and False for `off`, or for another word of the same meaning."""
    word = value.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise ValueError("allowed: on, off (or 1/0, true/false, yes/no)")


def names(value: str) -> tuple[str, ...]:
    """Return the names in a comma-separated list."""
    return tuple(word for word in (part.strip() for part in value.split(",")) if word)


# What Django compares with a Host header after it removed the port. A name with an underscore
# never gets that far.
_HOST = re.compile(r"\*|\.?[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*", re.IGNORECASE)


def hosts(value: str) -> tuple[str, ...]:
    """Return the host names in a comma-separated list."""
    found = names(value)
    allowed = "allowed, separated by commas: example.org, .example.org with all names below it, 192.0.2.1, [::1], *"
    if not found:
        raise ValueError(f"it names no host; {allowed}")
    for host in found:
        if not (_HOST.fullmatch(host) or (host[0] + host[-1] == "[]" and _is_address(host[1:-1], 6))):
            raise ValueError(f"{host!r} is no host name, which has no scheme, no port and no path; {allowed}")
    return found


def origins(value: str) -> tuple[str, ...]:
    """Return the origins in a comma-separated list."""
    found = names(value)
    if value and not found:
        raise ValueError("it names no origin")
    for each in found:
        try:
            rules.origin(each)
        except ValueError as error:
            raise ValueError(
                f"{each!r} is no origin as a browser sends it: http or https, the host in small letters, and the port "
                f"unless it is the scheme's own; no path, no slash at the end, no user, no *; allowed: {error}"
            ) from None
    return found


def address(value: str) -> str:
    """Return an IP address as it is."""
    if not _is_address(value, 4, 6):
        raise ValueError("allowed: an IP address, as 127.0.0.1, ::1, 0.0.0.0; granian does not resolve names")
    return value


def _is_address(value: str, *versions: int) -> bool:
    """Return True for an IP address of one of these versions, without a zone."""
    try:
        return "%" not in value and ipaddress.ip_address(value).version in versions
    except ValueError:
        return False


def duration(value: str) -> timedelta:
    """Return a duration, zero included."""
    match = re.fullmatch(r"([0-9]{1,10})\s*([smhd]?)", value.strip())
    if not match:
        raise ValueError("allowed: a whole number of seconds, or a number with a unit: 10s, 5m, 1h, 30d")
    seconds = int(match[1]) * _UNITS[match[2]]
    if seconds > rules.LONGEST.total_seconds():
        raise ValueError("allowed: at most 36500d")
    return timedelta(seconds=seconds)


def positive_duration(value: str) -> timedelta:
    """Return a duration longer than zero."""
    found = duration(value)
    if not found:
        raise ValueError("allowed: longer than zero, as 10s, 5m, 1h, 30d")
    return found


def optional_duration(value: str) -> timedelta | None:
    """Return a duration longer than zero, or None for `none`."""
    return None if value.strip().lower() in ("", "none") else positive_duration(value)


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([Tt ]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d))?", re.ASCII)


def optional_moment(value: str) -> date | None:
    """Return a date, a datetime with its time zone (RFC 3339 5.6), or None for `none`."""
    word = value.strip()
    if word.lower() in ("", "none"):
        return None
    match = _MOMENT.fullmatch(word)
    try:
        if match:
            return datetime.fromisoformat(word.upper()) if match[1] else date.fromisoformat(word)
    except ValueError:
        pass  # the 31st of February
    raise ValueError("allowed: none, a date as 2026-12-31, or a moment as 2026-12-31T18:00:00Z")


def idle_lifetime(value: str) -> timedelta | None:
    """Return a duration of at least two minutes, or None for `none`."""
    lifetime = optional_duration(value)
    if lifetime and lifetime < rules.LEAST_IDLE_LIFETIME:
        raise ValueError("allowed: none, or 2m and longer; the service records use once a minute")
    return lifetime


def leeway(value: str) -> timedelta:
    """Return a duration of at most an hour."""
    found = duration(value)
    if found > rules.MOST_LEEWAY:
        raise ValueError("allowed: at most 1h; if clocks differ by more, set them right")
    return found


def count(least: int, most: int = 999_999) -> Callable[[str], int]:
    """Return a parser of whole numbers from `least` to `most`."""

    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,6}", value.strip()) or not least <= int(value) <= most:
            raise ValueError(f"allowed: a whole number from {least} to {most}")
        return int(value)

    return parse


def optional_count(least: int, most: int = 999_999) -> Callable[[str], int | None]:
    """Return a parser of `none`, which is None, and of whole numbers from `least` to `most`."""

    def parse(value: str) -> int | None:
        if value.strip().lower() == "none":
            return None
        try:
            return count(least, most)(value)
        except ValueError:
            raise ValueError(f"allowed: none, or a whole number from {least} to {most}") from None

    return parse


def rate(value: str) -> str | None:
    """Return a rate in the notation of DRF's throttles, or None for `none`."""
    if value.strip().lower() == "none":
        return None
    try:
        rules.rate(value.strip())
    except ValueError as error:
        raise ValueError(f"allowed: none, or {error}") from None
    return value.strip()


def metrics_token(value: str) -> str | None:
    """Return a token that is long enough and can stand in a header, or None for an empty text."""
    if value and not re.fullmatch(r"[!-~]{32,}", value):
        raise ValueError("allowed: 32 printable ASCII characters or more, none of them a space")
    return value or None


def folder(value: str) -> str | None:
    """Return the path of a folder that exists, or None for an empty text."""
    if value and not (os.path.isdir(value) and os.access(value, os.W_OK | os.X_OK)):
        raise ValueError("allowed: a folder that exists and can be written to")
    return value or None


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a parser that accepts only these words."""

    def parse(value: str) -> str:
        if value.strip() not in choices:
            raise ValueError(f"allowed: {', '.join(choices)}")
        return value.strip()

    return parse


def dotted_path(value: str) -> str | None:
    """Return the dotted path of a function, or None for an empty text."""
    parts = value.split(".")
    if value and not (len(parts) > 1 and all(map(str.isidentifier, parts))):
        raise ValueError("allowed: the dotted path of a function, as package.module.function")
    return value or None


def key(value: str) -> str:
    """Return a secret or a PEM text, read from a file for `file:PATH`.

    In a PEM text on one line, `\\n` becomes a line end.
    """
    if value.startswith("file:"):
        path = value.removeprefix("file:")
        try:
            content = Path(path).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"cannot read {path!r}: {error}") from None
        if not content:
            raise ValueError(f"{path!r} is empty")
        return content
    if re.match(r"\W*file:", value, re.IGNORECASE):  # or the path itself would be the key
        raise ValueError("allowed: file:PATH, without a blank or a quote before it")
    return value.replace("\\n", "\n") if value.startswith("-----BEGIN") else value


def keys(value: str) -> tuple[str, ...]:
    """Return the keys in a comma-separated list."""
    return tuple(key(part) for part in names(value))
