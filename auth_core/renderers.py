from datetime import UTC, datetime
from types import NoneType

import orjson
from rest_framework import renderers
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

# What orjson and Python's json write alike. A float is not among them (1e16 and 1e+16, null for infinity), nor a
# subclass, which json may hand to DRF's encoder.
_SCALARS = {str, int, bool, NoneType, datetime}
_CONTAINERS = {dict, list, ReturnDict, ReturnList}


class JSONRenderer(renderers.JSONRenderer):
    """DRF's renderer, byte for byte as DRF's default settings have it, by orjson where that writes the same.

    The settings UNICODE_JSON and COMPACT_JSON count only where it does not: indented, and for other types.
    """

    def render(self, data, accepted_media_type=None, renderer_context=None):
        if (
            type(data) in _CONTAINERS
            and self.get_indent(accepted_media_type, renderer_context or {}) is None
            and _is_plain(data)
        ):
            try:
                body = orjson.dumps(data, option=orjson.OPT_UTC_Z)
            except orjson.JSONEncodeError:
                pass  # a number of more than 64 bits, a key that is no str, half a character: DRF knows what to do
            else:
                # As DRF does it, for those who read JSON as a script: U+2028 and U+2029 would end its line.
                return body.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
        return super().render(data, accepted_media_type, renderer_context)


class JSONErrorsMixin:
    """Answer errors in JSON, for a view whose renderers know nothing but its one document."""

    def finalize_response(self, request, response, *args, **kwargs):
        response = super().finalize_response(request, response, *args, **kwargs)
        if response.exception:
            response.accepted_renderer = JSONRenderer()
            response.accepted_media_type = JSONRenderer.media_type
        return response


def _is_plain(data) -> bool:
    """Whether nothing is in it but what both write alike."""
    values = data.values() if isinstance(data, dict) else data
    kinds = set(map(type, values))
    # An offset with seconds, as zones had before 1930, is rounded by orjson.
    if datetime in kinds and any(value.tzinfo is not UTC for value in values if type(value) is datetime):
        return False
    nested = kinds - _SCALARS
    return not nested or (
        nested <= _CONTAINERS and all(_is_plain(value) for value in values if type(value) in _CONTAINERS)
    )
