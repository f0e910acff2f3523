import os

import django
from django.core import checks
from django.core.exceptions import ImproperlyConfigured

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)

from config.handler import Handler  # noqa: E402 - as get_wsgi_application does, after the set-up

application = Handler()

# A server runs no management command, so nothing else would stop it on a misconfiguration.
_errors = [message for message in checks.run_checks() if message.is_serious()]
if _errors:
    raise ImproperlyConfigured("\n".join(str(error) for error in _errors))
