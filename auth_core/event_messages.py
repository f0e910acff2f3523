"""The message of an event: its word, and its fields for formatters that do not know them.

Imports nothing of Django, since logging is configured before the apps are loaded.
"""

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Self


class EventMessage(str):
    """The word of an event; its text, which `logging` takes for the message, has the fields too."""

    fields: dict[str, str]

    def __new__(cls, word: str, fields: Mapping[str, str] = MappingProxyType({})) -> Self:
        message = super().__new__(cls, word)  # copy and pickle call it with the word alone, then set `fields`
        message.fields = dict(fields)
        return message

    def __str__(self) -> str:
        return " ".join([super().__str__(), *(f"{name}={value}" for name, value in self.fields.items())])


def word_of(record: logging.LogRecord) -> str:
    """Return the word of an event without its fields, or the message of another record."""
    return str.__str__(record.msg) if isinstance(record.msg, EventMessage) else record.getMessage()
