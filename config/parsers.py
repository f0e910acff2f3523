from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.utils import json


class JSONParser(parsers.JSONParser):
    """Parse JSON as DRF does, and refuse what makes DRF fail or drop a value.

    Raises ParseError (400) for nesting without end, for text that is no Unicode, and for an object
    that holds one name twice, of which DRF would drop the first (RFC 8259 4).
    """

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            data = json.loads(stream.read().decode(), object_pairs_hook=_object)
            # "\ud800" alone is JSON (RFC 8259 8.2) but no text: no database and no answer can hold it.
            json.dumps(data, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None
        except UnicodeEncodeError:
            raise ParseError("JSON parse error - a lone surrogate is no character") from None
        except ValueError as error:
            # Also of a number: 1e400 is read as infinity, which JSON cannot say back.
            raise ParseError(f"JSON parse error - {error}") from None
        return data


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    named = dict(pairs)
    if len(named) < len(pairs):
        seen = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))
        raise ValueError(f"{twice!r} is given more than once")
    return named
