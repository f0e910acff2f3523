"""Refuse names and values in a request's body that DRF would ignore or guess at."""

import re
from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.settings import api_settings
from rest_framework.utils.html import is_html_input

from auth_core.mixins import GenericView

FORMAT: str = api_settings.URL_FORMAT_OVERRIDE
# DRF's own forms send it, and Django reads it where a session authenticates.
FORM_NAMES = ("csrfmiddlewaretoken",)
# A body can hold 60,000 names, and an answer about all of them would be thirty times as long.
MAX_NAMES_REPORTED = 10


class TextField(serializers.CharField):
    """A field that accepts text only; DRF's CharField accepts the number 5 as "5"."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A field that accepts a number in JSON and digits in a form.

    DRF's IntegerField accepts "1_000", "١٠٠٠" and "1000.0" as 1000 in both. This one accepts 1000.0
    in JSON, since JSON Schema, the language of the OpenAPI document, calls it an integer (2020-12,
    6.1.1).
    """

    default_error_messages = {"invalid": "Enter a whole number: a number in JSON, digits (0 to 9) in a form."}

    def to_internal_value(self, data: Any) -> int:
        if is_html_input(getattr(self.root, "initial_data", None)):
            is_whole = isinstance(data, str) and bool(re.fullmatch("-?[0-9]{1,20}", data.strip(" ")))
        else:
            is_whole = type(data) is int or (isinstance(data, float) and data.is_integer())
        if not is_whole:
            self.fail("invalid")
        return int(data)


class KnownNamesMixin(GenericView):
    """For views: refuse a changing request that holds a name nobody reads, or one name twice.

    DRF ignores such a name: `PATCH {"titel": "x"}` changes nothing and is answered 200. This mixin
    raises ValidationError (400) with each unknown name and the allowed ones, and for a body that is
    no object. It does so after the credential was checked and before anything is done. The
    serializer's read-only names are allowed, so a client may send back what it received.
    """

    changing_methods = frozenset({"POST", "PUT", "PATCH", "DELETE"})

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.method in self.changing_methods and request.method in self.allowed_methods:
            self._refuse_unknown(request)

    def body_names(self) -> tuple[str, ...]:
        """Return the names that a body may hold."""
        return () if self.request.method == "DELETE" else names_of(self.get_serializer_class())  # type: ignore[arg-type]

    def query_names(self) -> tuple[str, ...]:
        """Return the names of the parameters that the query may hold."""
        return (FORMAT,)

    def _refuse_unknown(self, request: Request) -> None:
        body = request.data
        wrong = _wrong(request.query_params, self.query_names(), "parameter")
        if isinstance(body, Mapping):
            unread = FORM_NAMES if is_html_input(body) else ()
            wrong |= _wrong(body, self.body_names(), "name", unread)
        else:
            wrong["non_field_errors"] = [f"Send a JSON object, not {_KINDS[type(body)]}."]
        if wrong:
            raise ValidationError(wrong)


_KINDS = {list: "an array", str: "a string", int: "a number", float: "a number", bool: "a boolean", NoneType: "null"}


def _wrong(
    fields: Mapping[str, Any], known: tuple[str, ...], kind: str, unread: tuple[str, ...] = ()
) -> dict[str, list[str]]:
    """Return the wrong names, at most MAX_NAMES_REPORTED, each with what is wrong with it."""
    unknown = f"Unknown {kind}. " + (f"Allowed: {', '.join(known)}." if known else "None is allowed here.")
    wrong = {}
    for name in fields:
        if name not in known and name not in unread:
            wrong[name] = [unknown]
        elif is_html_input(fields) and len(fields.getlist(name)) > 1:  # type: ignore[attr-defined]
            wrong[name] = ["Given more than once."]
        if len(wrong) == MAX_NAMES_REPORTED:
            break
    return wrong


@cache
def names_of(serializer_class: type[serializers.BaseSerializer[Any]]) -> tuple[str, ...]:
    """Return the names of the serializer's fields, the read-only ones included."""
    return tuple(serializer_class().fields)  # type: ignore[attr-defined]
