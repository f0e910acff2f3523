"""The service's WSGI application, with the number of database connections opened at /opened."""

from django.db.backends.signals import connection_created

from config.wsgi import application as _service

_opened = 0


def _count(**_):
    global _opened
    _opened += 1


connection_created.connect(_count)


def application(environ, start_response):
    if environ["PATH_INFO"] != "/opened":
        return _service(environ, start_response)
    body = str(_opened).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
