"""One reading of a user name, at every door: both logins, the admin, the commands, the throttle.

A login's field is called as the user model's USERNAME_FIELD says, for example `email`. A login for
an opaque token also reads `username`, as DRF's own login calls the field whatever the model says.
"""

import unicodedata
from collections.abc import Mapping
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.request import Request

from auth_core import events


def field_name() -> str:
    """Return the name of a login's field for the user name."""
    return get_user_model().USERNAME_FIELD


def typed(data: Any) -> Any:
    """Return what a login's body holds as the user name, or None."""
    if not isinstance(data, Mapping):
        return None
    return data[field_name()] if field_name() in data else data.get("username")


def normal(name: str) -> str | None:
    """Return the name as Django's forms look it up, without blanks around it and in form NFKC.

    In a column of numbers or UUIDs it is the value as Python writes it: "1_0" and "+10" are "10".
    Return None for a name that no account can have: one longer than the user model's column, or
    text for a column of numbers. A name that is too long is not normalised: that takes time without
    a bound, and only makes it longer.
    """
    column = get_user_model()._meta.get_field(field_name())
    longest = getattr(column, "max_length", None) or 254  # as Django's own login form
    name = name.strip()
    if len(name) <= longest:
        name = unicodedata.normalize("NFKC", name)
    try:
        value = column.to_python(name)  # type: ignore[union-attr]
    except ValidationError:
        return None
    name = name if value is None else str(value)
    return name if len(name) <= longest else None


class UserNameField(serializers.CharField):
    """The user name of a login in its normal form; None where no account can have it."""

    def to_internal_value(self, data: Any) -> str | None:  # type: ignore[override]
        return normal(super().to_internal_value(data))


def log_failure(request: HttpRequest | Request) -> None:
    """Log the login with a name that no account can have as a failed one."""
    events.log_event(events.LOGIN_FAILED, scheme=events.scheme_at(request), reason="password", request=request)
