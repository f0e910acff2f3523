"""What Django's error page may show with DEBUG on."""

import os
from functools import cached_property
from urllib.parse import unquote, urlsplit

from django.conf import settings
from django.views.debug import SafeExceptionReporterFilter


class ReporterFilter(SafeExceptionReporterFilter):
    """Hide every value that contains a secret, whatever its name is.

    Django hides settings by their names only. It shows a password within CACHES' LOCATION or the variable
    DATABASE_URL, and every local variable.
    """

    @cached_property
    def _secrets(self) -> tuple[str, ...]:
        """Return each secret as it is, as it stands in a URL, and as repr() writes it."""
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
        except Exception:  # noqa: BLE001 - Django's page says so of a value that cannot be written
            return value
        return self.cleansed_substitute if any(secret in text for secret in self._secrets) else value
