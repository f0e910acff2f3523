"""The class, the middleware and the credential of `ticket`."""

import secrets

from django.conf import settings
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed

from tests.support.outside.models import Ticket


def issue(user):
    return Ticket.objects.create(user=user, text=secrets.token_hex(settings.TICKET_BYTES)).text


class TicketMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        request.ticket = request.headers.get("X-Ticket")
        return self.get_response(request)


class TicketAuthentication(BaseAuthentication):
    def authenticate(self, request):
        if not request.ticket:
            return None
        try:
            return Ticket.objects.select_related("user").get(text=request.ticket).user, None
        except Ticket.DoesNotExist:
            raise AuthenticationFailed from None

    def authenticate_header(self, request):
        return "Ticket"
