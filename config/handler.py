"""The service's WSGI handler, and the request it makes of an environ. The lab times the same ones."""

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest


class Request(WSGIRequest):
    """Django's request, decoded as UTF-8 whatever charset its Content-Type names.

    Django's own decodes the query string while it is made, by whatever codec Python has of that name, so that
    a bad one fails before any middleware. ApiErrorMiddleware refuses the charset, once there is a request.
    """

    @property
    def encoding(self):
        return "utf-8"

    @encoding.setter
    def encoding(self, charset):
        pass


class Handler(WSGIHandler):
    request_class = Request
