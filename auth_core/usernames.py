"""One reading of a user name, at every door: both logins, the admin, the commands, the throttle."""

import unicodedata

from django.contrib.auth import get_user_model
from rest_framework import serializers

from auth_core import events


def normal(name: str) -> str | None:
    """Return the name as Django's forms look it up, without blanks around it and in form NFKC.

    Return None for a name longer than the user model's column, which no account can have. Such a
    name is not normalised: that takes time without a bound, and only makes it longer.
    """
    column = get_user_model()._meta.get_field(get_user_model().USERNAME_FIELD)
    longest = column.max_length or 254  # as Django's own login form
    name = name.strip()
    if len(name) <= longest:
        name = unicodedata.normalize("NFKC", name)
    return name if len(name) <= longest else None


class UserNameField(serializers.CharField):
    """The user name of a login in its normal form; None where no account can have it."""

    def to_internal_value(self, data):
        return normal(super().to_internal_value(data))


def log_failure(request):
    """Log the login of a name that no account can have as what it is, a wrong user name."""
    events.log_event(events.LOGIN_FAILED, scheme=events.scheme_at(request), reason="password", request=request)
