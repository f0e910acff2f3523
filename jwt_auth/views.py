from django.db import transaction
from django.http import Http404
from django.utils.decorators import method_decorator
from drf_spectacular.utils import OpenApiResponse, extend_schema, inline_serializer
from rest_framework import serializers as drf_serializers
from rest_framework import status
from rest_framework.authentication import get_authorization_header
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.views import TokenViewBase

from auth_core import events, revocation
from auth_core.bodies import KnownNamesMixin, names_of
from auth_core.credentials import NoStoreMixin, credential
from auth_core.errors import refused
from auth_core.renderers import JSONErrorsMixin, JSONRenderer
from auth_core.throttling import PasswordThrottleMixin, RefusalThrottleMixin
from jwt_auth import models, serializers
from jwt_auth.authentication import JWTAuthentication
from jwt_auth.keys import key_ring
from jwt_auth.tokens import AccessToken, RefreshToken


class ObtainPairView(PasswordThrottleMixin, NoStoreMixin, TokenViewBase):
    """Log in: a refresh token and an access token, for a user name and password."""

    serializer_class = serializers.ObtainPairSerializer

    @extend_schema(operation_id="jwt_obtain", tags=["jwt"], responses=serializers.PairSerializer)
    def post(self, request, *args, **kwargs):
        return super().post(request, *args, **kwargs)


# The end of a family is kept though the answer is 401: no ATOMIC_REQUESTS around these two.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class RefreshView(KnownNamesMixin, RefusalThrottleMixin, NoStoreMixin, TokenViewBase):
    """The next pair, for a refresh token, which is spent."""

    serializer_class = serializers.RefreshSerializer

    def body_names(self):
        """Return the names of the pair: clients exist that send back all that they were answered."""
        return names_of(serializers.PairSerializer)

    @extend_schema(operation_id="jwt_refresh", tags=["jwt"], responses=serializers.PairSerializer)
    def post(self, request, *args, **kwargs):
        return super().post(request, *args, **kwargs)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class LogoutView(KnownNamesMixin, RefusalThrottleMixin, NoStoreMixin, TokenViewBase):
    """End this login: its refresh token and all its access tokens die. Doing it twice is no error."""

    serializer_class = serializers.LogoutSerializer

    @extend_schema(
        operation_id="jwt_logout", tags=["jwt"], responses={204: OpenApiResponse(description="It has ended.")}
    )
    def post(self, request, *args, **kwargs):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            token = self._presented(request, serializer.validated_data)
            family = models.family_of(token)
        except TokenError as error:
            raise InvalidToken(error.args[0]) from error
        # The token of a login that had ended before ends nothing more.
        if serializer.validated_data["everywhere"] and family.revoked_at is None:
            # This login with the others: if it ended first and the process died, asking again would not end them.
            revocation.revoke_all_credentials(family.user_id, revocation.LOGOUT_EVERYWHERE, request=request)
        elif models.end(models.LOGOUT, pk=family.pk):
            models.log_event(events.LOGIN_ENDED, family, reason=models.LOGOUT, request=request)
        return Response(status=status.HTTP_204_NO_CONTENT)

    def get_authenticate_header(self, request):
        challenge = super().get_authenticate_header(request)
        presented = get_authorization_header(request).lower().split()[:1] == [
            JWTAuthentication.keyword.lower().encode()
        ]
        # A refresh token in the body comes first: then the header was not looked at.
        return refused(challenge) if presented and "refresh" not in request.data else challenge

    @staticmethod
    def _presented(request, data):
        if "refresh" in data:
            return RefreshToken(data["refresh"])
        # Not by authentication_classes: a stale access token in the header must not stop a logout by refresh token.
        raw_token = credential(request, JWTAuthentication.keyword)
        if raw_token is None:
            raise NotAuthenticated("Send a refresh token, or an access token in the Authorization header.")
        return AccessToken(raw_token)


class VerifyView(KnownNamesMixin, RefusalThrottleMixin, NoStoreMixin, TokenViewBase):
    """Would this token be honoured now, and of which kind is it?"""

    serializer_class = serializers.VerifySerializer

    @extend_schema(operation_id="jwt_verify", tags=["jwt"])
    def post(self, request, *args, **kwargs):
        return super().post(request, *args, **kwargs)


class JWKSetRenderer(JSONRenderer):
    """Write the same JSON under its own media type (RFC 7517 8.5.1), for clients that ask for it."""

    media_type = "application/jwk-set+json"


class JWKSView(JSONErrorsMixin, APIView):
    """The public keys, for whoever verifies our tokens elsewhere (RFC 7517). None where the keys are secrets: 404."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (*api_settings.DEFAULT_RENDERER_CLASSES, JWKSetRenderer)

    @extend_schema(
        operation_id="jwks",
        tags=["jwt"],
        responses={
            200: inline_serializer("JWKSet", {"keys": drf_serializers.ListField(child=drf_serializers.DictField())}),
            404: OpenApiResponse(description="The algorithm is symmetric."),
        },
    )
    def get(self, request):
        jwks = key_ring().jwks()
        if not jwks["keys"]:
            raise Http404
        # Short enough that a new key is known everywhere long before its first use in a planned rotation.
        return Response(jwks, headers={"Cache-Control": "public, max-age=300"})
