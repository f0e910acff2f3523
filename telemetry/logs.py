"""Write a log record as one line (LOG_FORMAT=text) or one JSON object (LOG_FORMAT=json)."""

import json
import logging
import re

from pythonjsonlogger.core import RESERVED_ATTRS
from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

from auth_core.event_messages import word_of

# The fields of an event (auth_core/events.py), in the order of the log line.
FIELDS = ("scheme", "user", "token", "family", "reason", "address")

# Characters that end a line for some reader of the log, or control a terminal.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_PLAIN = re.compile(r"[\w.:/-]+", re.ASCII)


class TextFormatter(logging.Formatter):
    """A formatter of lines: `time level logger message key=value …`.

    A record is one line, whatever a client sent. A traceback follows on indented lines, so that
    none of them can pass for a record.
    """

    def __init__(self):
        super().__init__("{asctime} {levelname} {name} {message}", style="{")

    def formatMessage(self, record):  # noqa: N802 - logging's name
        record.message = word_of(record)
        pairs = ((name, getattr(record, name, None)) for name in FIELDS)
        fields = [f"{name}={_value(str(value))}" for name, value in pairs if value is not None]
        return " ".join([_escaped(super().formatMessage(record)), *fields])

    def formatException(self, exc_info):  # noqa: N802
        lines = super().formatException(exc_info).split("\n")
        return "\n".join(f"    {_escaped(line)}" for line in lines)


class JsonFormatter(_JsonFormatter):
    """A formatter of JSON: timestamp (UTC), level, logger, message and an event's fields."""

    def __init__(self):
        super().__init__(
            "{levelname}{name}{message}",
            style="{",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp=True,
            # Django adds the request to records, and its text contains the query string.
            reserved_attrs=[*RESERVED_ATTRS, "request"],
        )

    def add_fields(self, log_data, record, message_dict):
        record.message = word_of(record)
        super().add_fields(log_data, record, message_dict)


def _escaped(text: str) -> str:
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def _value(value: str) -> str:
    return value if _PLAIN.fullmatch(value) else json.dumps(value)
