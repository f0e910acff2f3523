"""The service's WSGI handler, and the request it makes of an environ. The lab times the same ones."""

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class Request(WSGIRequest):
    """Django's request, decoded as UTF-8 whatever charset its Content-Type names, and made whatever stands there.

    Django's own decodes the query string while it is made, by whatever codec Python has of that name, and fails over
    a parameter that it cannot read: both before any middleware, so that the server answers 500 with no body.
    ApiErrorMiddleware refuses the charset and the header, once there is a request.
    """

    def __init__(self, environ):
        query = environ.get("QUERY_STRING", "")
        if not query.isascii():
            # WSGI has raw bytes as Latin-1 (PEP 3333). Django's links and redirects would encode those
            # characters, not the bytes, and lead elsewhere.
            environ["QUERY_STRING"] = "".join(c if c.isascii() else f"%{ord(c):02X}" for c in query)
        super().__init__(environ)

    def _set_content_type_params(self, meta):
        try:
            super()._set_content_type_params(meta)
        except (ValueError, TypeError):
            # An encoding (RFC 2231) or a charset that is none, a NUL in either, a section of 5,000 digits, sections
            # that cannot be put in order (TypeError, from Python's `email` up to 3.13).
            self.content_type, self.content_params = "", None

    @property
    def encoding(self):
        return "utf-8"

    @encoding.setter
    def encoding(self, charset):
        pass


class Handler(WSGIHandler):
    request_class = Request
