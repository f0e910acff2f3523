import logging
import re

from django.conf import settings
from django.contrib.auth import middleware as auth
from django.contrib.messages import middleware as messages
from django.contrib.sessions import middleware as sessions
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import JsonResponse
from django.middleware import common, csrf
from rest_framework.permissions import SAFE_METHODS

from auth_core import address
from auth_core.database_errors import is_database_away
from auth_core.errors import ContentTooLarge, answer_to_database_error, unavailable
from auth_core.impossible_values import is_impossible_value
from config.views import bad_request

logger = logging.getLogger(__name__)

ADMIN = "/admin/"  # what the paths of the admin begin with, here and in config/urls.py


class ForwardedMiddleware(address.ForwardedMiddleware):
    """Middleware that refuses a request past the proxies, except those of monitoring."""

    exempt = settings.SECURE_REDIRECT_EXEMPT


class ApiErrorMiddleware:
    """Middleware that returns errors outside of DRF's views in the form of DRF's errors."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        # Checked before the body is read, where Django would return 400 in HTML.
        stated = request.META.get("CONTENT_LENGTH") or "0"
        # int() accepts +2, 1_0 and other scripts' digits too.
        if not (stated.isascii() and stated.isdigit() and len(stated) <= 20):
            return JsonResponse({"detail": "Content-Length is not a number."}, status=400)
        length = int(stated)
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return JsonResponse(
                {"detail": f"{ContentTooLarge.default_detail} At most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes."},
                status=ContentTooLarge.status_code,
            )
        if request.content_params is None:  # see config/handler.py
            return JsonResponse({"detail": "Content-Type cannot be read."}, status=400)
        charset = request.content_params.get("charset", "utf-8")
        if charset.lower() not in ("utf-8", "utf8"):
            # Django would use any Python codec of that name: punycode, rot13, zlib.
            return JsonResponse({"detail": f"charset={charset}: only utf-8 is read."}, status=415)
        coding = request.META.get("HTTP_CONTENT_ENCODING", "identity")
        if coding.strip().lower() not in ("", "identity"):
            # Django would parse the encoded bytes (RFC 9110 15.5.16; 12.5.3 for the header).
            return JsonResponse(
                {"detail": f"Content-Encoding: {coding}: only an unencoded body is read."},
                status=415,
                headers={"Accept-Encoding": "identity"},
            )
        if request.META.get("HTTP_TRANSFER_ENCODING") or (not length and _has_body(request)):
            # Django reads Content-Length bytes, here none. It would drop the body and return 200.
            return JsonResponse({"detail": "A body needs a Content-Length."}, status=411)
        # The body is read before the view. A client that disconnects early leaves a short body,
        # which would be saved truncated if it is a form. And granian sometimes closes a kept
        # connection if nobody reads the body, which is usual before a 401.
        if length and len(request.body) != length:
            return JsonResponse({"detail": "The body is shorter than its Content-Length."}, status=400)
        response = self.get_response(request)
        if response.status_code == 301 and request.method not in SAFE_METHODS:
            # A redirect to https, or the admin's to a path with its slash. After a 301 clients
            # repeat a POST as a GET, after a 308 unchanged (RFC 9110 15.4.2, 15.4.9).
            response.status_code = 308
        return response

    def process_exception(self, request, exception):
        """Return a response to errors that no code caused, in every view: DRF's and the admin's."""
        # Handled here too, because a foreign key is checked at commit, after the view's own code.
        answer = answer_to_database_error(request, exception)
        if answer is not None:
            return answer
        if request.path_info.startswith(ADMIN) and is_impossible_value(exception):
            # The admin queries ids, dates and numbers as they come in URLs and hidden fields, some
            # of them only while it renders the page.
            logger.warning("admin: impossible value refused: %s", exception, exc_info=exception)
            return bad_request(request, exception)
        return None


class AdminOnly:
    """A mixin for middleware that only the admin needs: pass all other requests on.

    The API has neither sessions nor cookies. `path_info` is the text that Django resolves, decoded
    and without SCRIPT_NAME, so no spelling of a URL of the admin comes past its middleware.
    """

    def __call__(self, request):
        if request.path_info.startswith(ADMIN):
            return super().__call__(request)
        return self.get_response(request)


class SessionMiddleware(AdminOnly, sessions.SessionMiddleware):
    """Django's session middleware, which ignores a cookie that cannot be a session's key.

    A key has 32 letters and digits, and PostgreSQL fails on a NUL in one. If a session cannot be
    saved because the database is away, the response is 503. Django's would be 400, as if another
    request had logged the client out.
    """

    def process_request(self, request):
        name = settings.SESSION_COOKIE_NAME
        if name in request.COOKIES and not re.fullmatch("[a-z0-9]{8,40}", request.COOKIES[name]):
            del request.COOKIES[name]
        super().process_request(request)

    def process_response(self, request, response):
        try:
            return super().process_response(request, response)
        except SessionInterrupted as error:
            # Django raises it from an UpdateError, and that from the database's error.
            cause = error.__context__ and error.__context__.__context__
            if cause is None or not is_database_away(cause):
                raise
            return unavailable(request, cause)


class CsrfViewMiddleware(AdminOnly, csrf.CsrfViewMiddleware):
    """Django's protection against forged requests, which only a cookie makes possible."""

    def process_view(self, request, *args):
        return super().process_view(request, *args) if request.path_info.startswith(ADMIN) else None


class AuthenticationMiddleware(AdminOnly, auth.AuthenticationMiddleware):
    """Django's middleware that reads the session's user."""


class MessageMiddleware(AdminOnly, messages.MessageMiddleware):
    """Django's middleware that keeps the admin's messages for its next page."""


def _has_body(request) -> bool:
    """Return True for a request with a body but without its length, as HTTP/2 allows.

    Reads one byte, which takes 8 µs on granian and waits only for a client that has not ended its
    request. GET in HTTP/1 needs no read: a body there has Content-Length or Transfer-Encoding (RFC
    9112 6.3). Nothing is read from a server that does not promise the end of its input
    (`wsgi.input_terminated`), because the read could wait forever.
    """
    meta = request.META
    if request.method in SAFE_METHODS and meta.get("SERVER_PROTOCOL", "").startswith("HTTP/1"):
        return False
    return bool(meta.get("wsgi.input_terminated") and meta["wsgi.input"].read(1))


class CommonMiddleware(common.CommonMiddleware):
    """Middleware that adds a missing slash by redirect for GET, HEAD and OPTIONS only.

    Other methods get a 404 in JSON that names the path with its slash. After Django's 301, clients
    repeat a POST as a GET (RFC 9110 15.4.2): they see 200, and nothing was created. Django's class
    raises RuntimeError instead if DEBUG is on.
    """

    def should_redirect_with_slash(self, request):
        return request.method in SAFE_METHODS and super().should_redirect_with_slash(request)

    def process_response(self, request, response):
        is_changing = response.status_code == 404 and request.method not in SAFE_METHODS
        if is_changing and super().should_redirect_with_slash(request):
            response = JsonResponse({"detail": f"Not found. Send it to {request.path}/ instead."}, status=404)
        return super().process_response(request, response)
