"""Keep secrets out of the error page that Django shows with DEBUG on."""

import os
from functools import cached_property
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.views.debug import SafeExceptionReporterFilter


class ReporterFilter(SafeExceptionReporterFilter):
    """A filter that hides every value with a secret in it, whatever the value's name.

    Django hides settings by their names only. It shows every local variable, and the passwords in
    CACHES' LOCATION and in the variable DATABASE_URL.
    """

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        """Return each secret in three forms: as it is, percent-decoded, and as repr() writes it."""
        options = settings.DATABASES["default"].get("OPTIONS", {})
        keys = (settings.SECRET_KEY, settings.JWT_SIGNING_KEY, *settings.JWT_VERIFYING_KEYS, settings.METRICS_TOKEN)
        texts = {*keys, settings.DATABASES["default"]["PASSWORD"], options.get("password"), options.get("sslpassword")}
        for url in (os.environ.get("DATABASE_URL", ""), os.environ.get("CACHE_URL", "")):
            texts |= {urlsplit(url).password, url if "?" in url else None}
        texts = {text for text in texts if text}
        return tuple({form for text in texts for form in (text, unquote(text), repr(text)[1:-1])})

    def cleanse_setting(self, key, value):
        return self._hidden(super().cleanse_setting(key, value))

    def get_traceback_frame_variables(self, request, tb_frame):
        return [(name, self._hidden(value)) for name, value in super().get_traceback_frame_variables(request, tb_frame)]

    def _hidden(self, value):
        try:
            text = repr(value)
        except Exception:  # noqa: BLE001 - Django's page reports a value without a repr
            return value
        return self.cleansed_substitute if any(secret in text for secret in self._secrets) else value
