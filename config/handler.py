"""The service's WSGI handler and its request class. The lab times the same ones."""

from django.core.exceptions import BadRequest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class Request(WSGIRequest):
    """A request that is always decoded as UTF-8, and can be made for any Content-Type.

    Django's own class decodes the query string with the codec that Content-Type names, and raises
    for a parameter that it cannot parse. Both happen before any middleware, so the server would
    return 500 without a body. ApiErrorMiddleware refuses such a header later.
    """

    def __init__(self, environ):
        query = environ.get("QUERY_STRING", "")
        if not query.isascii():
            # WSGI passes raw bytes as Latin-1 (PEP 3333). Django's links and redirects would encode
            # those characters instead of the bytes, and lead elsewhere.
            environ["QUERY_STRING"] = "".join(c if c.isascii() else f"%{ord(c):02X}" for c in query)
        super().__init__(environ)

    def _set_content_type_params(self, meta):
        try:
            super()._set_content_type_params(meta)
        except (BadRequest, ValueError, TypeError):
            # An unknown encoding (RFC 2231) or charset, a NUL in either, a section number of 5,000
            # digits, sections without an order (TypeError, up to Python 3.13), or more than 10,000
            # characters (from Django 6.0 on). Django 6.1 raises BadRequest instead of ValueError.
            self.content_type, self.content_params = "", None

    @property
    def encoding(self):
        return "utf-8"

    @encoding.setter
    def encoding(self, charset):
        pass


class Handler(WSGIHandler):
    """Django's handler with this request class."""

    request_class = Request
