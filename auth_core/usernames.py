"""One reading of a user name, at every door: both logins, the admin, the commands, the throttle."""

import unicodedata
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.request import Request

from auth_core import events


def normal(name: str) -> str | None:
    """Return the name as Django's forms look it up, without blanks around it and in form NFKC.

    Return None for a name longer than the user model's column, which no account can have. Such a
    name is not normalised: that takes time without a bound, and only makes it longer.
    """
    column = get_user_model()._meta.get_field(get_user_model().USERNAME_FIELD)
    longest = getattr(column, "max_length", None) or 254  # as Django's own login form
    name = name.strip()
    if len(name) <= longest:
        name = unicodedata.normalize("NFKC", name)
    return name if len(name) <= longest else None


class UserNameField(serializers.CharField):
    """The user name of a login in its normal form; None where no account can have it."""

    def to_internal_value(self, data: Any) -> str | None:  # type: ignore[override]
        return normal(super().to_internal_value(data))


def log_failure(request: HttpRequest | Request) -> None:
    """Log the login with a name that no account can have as a failed one."""
    events.log_event(events.LOGIN_FAILED, scheme=events.scheme_at(request), reason="password", request=request)
