import logging

from django.conf import settings
from django.http import JsonResponse

from config import events
from config.exceptions import (
    Conflict,
    ContentTooLarge,
    ServiceUnavailable,
    is_database_away,
    is_impossible_value,
    is_lost_race,
)
from config.views import bad_request

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
        if request.content_params is None:  # see config/handler.py
            return JsonResponse({"detail": "Content-Type cannot be read."}, status=400)
        charset = request.content_params.get("charset", "utf-8")
        if charset.lower() not in ("utf-8", "utf8"):
            # Django would decode by whatever codec Python has of that name: punycode, rot13, zlib.
            return JsonResponse({"detail": f"charset={charset}: only utf-8 is read."}, status=415)
        coding = request.META.get("HTTP_CONTENT_ENCODING", "identity")
        if coding.strip().lower() not in ("", "identity"):
            # It would be parsed as it came (RFC 9110 15.5.16; 12.5.3 for the header).
            return JsonResponse(
                {"detail": f"Content-Encoding: {coding}: only an unencoded body is read."},
                status=415,
                headers={"Accept-Encoding": "identity"},
            )
        if request.META.get("HTTP_TRANSFER_ENCODING"):
            # Django reads Content-Length bytes, here none: the body would be dropped and the answer still be 200.
            return JsonResponse({"detail": "A body needs a Content-Length."}, status=411)
        # Read before the view. A client that goes away early leaves a short body, which as a form would be saved
        # cut off; and over a body nobody reads (a 401, mostly) granian now and then closes a kept connection.
        if length and len(request.body) != length:
            return JsonResponse({"detail": "The body is shorter than its Content-Length."}, status=400)
        return self.get_response(request)

    def process_exception(self, request, exception):
        """For every view, DRF's and the admin's: what the database does or what others do is no programming error."""
        if is_database_away(exception):
            logger.error("database away: %s", exception, exc_info=exception)
            events.tell(events.SERVICE_UNAVAILABLE, reason="database", request=request)
            return JsonResponse(
                {"detail": ServiceUnavailable.default_detail},
                status=ServiceUnavailable.status_code,
                headers={"Retry-After": str(ServiceUnavailable.wait)},
            )
        if is_lost_race(exception):
            # Here, because a foreign key is checked at commit, when the view's own code is over.
            logger.warning("race lost: %s", exception.args[0])  # a ProtectedError has every row in its second
            return JsonResponse({"detail": Conflict.default_detail}, status=Conflict.status_code)
        if request.resolver_match.app_name == "admin" and is_impossible_value(exception):
            # The admin asks for ids, dates and numbers as they come in URLs and hidden fields. Here, because some
            # are asked for only while the page is rendered.
            logger.warning("admin: impossible value refused: %s", exception, exc_info=exception)
            return bad_request(request, exception)
        return None
