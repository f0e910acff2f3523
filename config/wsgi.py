import os

from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
_django = get_wsgi_application()


def application(environ, start_response):
    # Django decodes the query string by the charset of the Content-Type, before any middleware could refuse it.
    charset = parse_header_parameters(environ.get("CONTENT_TYPE") or "")[1].get("charset", "utf-8")
    if charset.lower() in ("utf-8", "utf8"):
        return _django(environ, start_response)
    start_response("415 Unsupported Media Type", [("Content-Type", "application/json")])
    return [b'{"detail": "Only charset=utf-8 is read."}']


# A server runs no management command, so nothing else would stop it on a misconfiguration.
_errors = [message for message in checks.run_checks() if message.is_serious()]
if _errors:
    raise ImproperlyConfigured("\n".join(str(error) for error in _errors))
