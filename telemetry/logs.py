"""How a log record is written: LOG_FORMAT=text as one line, LOG_FORMAT=json as one JSON object."""

import json
import logging
import re

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

# What an event may carry (auth_core/events.py), in the order in which it is written.
FIELDS = ("scheme", "user", "token", "family", "reason", "address")

# What ends a line, for whatever reads the log, or steers a terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN = re.compile(r"[\w.:/-]+", re.ASCII)


class TextFormatter(logging.Formatter):
    """`time level logger message key=value …`: one record, one line, whatever a client had a part in.

    A traceback follows on lines of its own, each of them indented: no line of it passes for a record.
    """

    def __init__(self):
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatMessage(self, record):  # noqa: N802 - logging's name
        pairs = ((name, getattr(record, name, None)) for name in FIELDS)
        fields = [f"{name}={_value(str(value))}" for name, value in pairs if value is not None]
        return " ".join([_escaped(super().formatMessage(record)), *fields])

    def formatException(self, exc_info):  # noqa: N802
        lines = super().formatException(exc_info).split("\n")
        return "\n".join(f"    {_escaped(line)}" for line in lines)


class JsonFormatter(_JsonFormatter):
    """`{"timestamp": …, "level": …, "logger": …, "message": …}` and an event's fields; times in UTC."""

    def __init__(self):
        super().__init__(
            "{levelname}{name}{message}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
            # Django passes the request along, whose text has the query string in it.
            reserved_attrs=[*RESERVED_ATTRS, "request"],
        )


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _value(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value)
