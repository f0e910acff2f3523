from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.utils import json


class JSONParser(parsers.JSONParser):
    """DRF's parser, for which nesting without end and text that is no Unicode are the client's error too."""

    def parse(self, stream, media_type=None, parser_context=None):
        try:
            data = super().parse(stream, media_type, parser_context)
            # "\ud800" alone is JSON (RFC 8259 8.2) but no text: no database and no answer can hold it.
            json.dumps(data, ensure_ascii=False).encode()
        except RecursionError:
            raise ParseError("JSON parse error - nested too deeply") from None
        except UnicodeEncodeError:
            raise ParseError("JSON parse error - a lone surrogate is no character") from None
        except ValueError:
            # 1e400 is read as infinity, which JSON cannot say back.
            raise ParseError("JSON parse error - a number is out of range") from None
        return data
