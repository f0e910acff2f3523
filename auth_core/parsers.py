"""Parsers that refuse a body of which DRF would lose a part or fail."""

from collections import Counter
from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.utils import json

from auth_core.bodies import names_of
from auth_core.throttling import PasswordThrottleMixin


class JSONParser(parsers.JSONParser):
    """Parse JSON as DRF does, and refuse what makes DRF fail or drop a value.

    Raises ParseError (400) for nesting without end, for text that is no Unicode, and for an object
    that holds one name twice, of which DRF would drop the first (RFC 8259 4).
    """

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        try:
            view = (parser_context or {}).get("view")
            # A login ignores the names that it does not know, as the libraries' logins do.
            known = names_of(view.serializer_class) if isinstance(view, PasswordThrottleMixin) else None  # type: ignore[attr-defined]
            data = json.loads(stream.read().decode(), object_pairs_hook=partial(_object, known=known))
            # "\ud800" alone is JSON (RFC 8259 8.2) but no text: no database and no answer can hold
            # it.
            json.dumps(data, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None
        except UnicodeEncodeError:
            raise ParseError("JSON parse error - a lone surrogate is no character") from None
        except ValueError as error:
            # Also for the number 1e400, which is read as infinity, a value that JSON does not have.
            raise ParseError(f"JSON parse error - {error}") from None
        return data


class MultiPartParser(parsers.MultiPartParser):
    """Parse a form as DRF does, and refuse a part whose header cannot be read (400)."""

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except (TypeError, ValueError):  # from Python's `email`, for a parameter in sections (RFC 2231)
            raise ParseError("Multipart form parse error - the header of a part cannot be read") from None


def _object(pairs: list[tuple[str, object]], known: Collection[str] | None) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        counted = Counter(name for name, _ in pairs)
        for name, count in counted.items():
            if count > 1 and (known is None or name in known):
                raise ValueError(f"{name!r} is given more than once")
    return values
