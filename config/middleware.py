import logging
from contextlib import suppress

from django.conf import settings
from django.http import JsonResponse
from django.http.request import UnreadablePostError

from config.exceptions import ContentTooLarge, ServiceUnavailable, is_database_away

logger = logging.getLogger(__name__)


class ApiErrorMiddleware:
    """Errors that DRF does not answer, answered as DRF answers its own."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        # Before the body is read: Django itself would answer 400, in HTML.
        try:
            length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            return JsonResponse({"detail": "Content-Length is not a number."}, status=400)
        if length > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            return JsonResponse(
                {"detail": f"{ContentTooLarge.default_detail} At most {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes."},
                status=ContentTooLarge.status_code,
            )
        charset = request.content_params.get("charset", "utf-8")
        if length and charset.lower() not in ("utf-8", "utf8"):
            # Django decodes a form by whatever codec Python has of that name: punycode, rot13, zlib.
            return JsonResponse({"detail": f"charset={charset}: only utf-8 is read."}, status=415)
        response = self.get_response(request)
        # A body that nobody asked for (a 401, mostly) is read away: granian would sometimes close a kept
        # connection over it without saying so, and the client's next request would break.
        if length:
            with suppress(UnreadablePostError):  # the client has gone: there is nobody to keep a connection for
                request.read()
        return response

    def process_exception(self, request, exception):
        """For every view, DRF's and the admin's: a database that is away is no programming error."""
        if not is_database_away(exception):
            return None
        logger.error("database away: %s", exception, exc_info=exception)
        return JsonResponse(
            {"detail": ServiceUnavailable.default_detail},
            status=ServiceUnavailable.status_code,
            headers={"Retry-After": str(ServiceUnavailable.wait)},
        )
