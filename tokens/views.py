from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.settings import api_settings

from auth_core import events, revocation
from auth_core.bodies import KnownNamesMixin
from auth_core.credentials import NoStoreMixin
from auth_core.throttling import PasswordThrottleMixin, RefusalThrottleMixin
from tokens import models
from tokens.authentication import TokenAuthentication
from tokens.serializers import AuthTokenSerializer, RevokeSerializer, TokenSerializer


class ObtainTokenView(PasswordThrottleMixin, NoStoreMixin, ObtainAuthToken):
    """The user's opaque token, for a user name and password."""

    life = models  # the module of what happens to the tokens this view tells
    # DRF's view would refuse a client that still sends its dead token along.
    authentication_classes = ()
    parser_classes = api_settings.DEFAULT_PARSER_CLASSES
    renderer_classes = api_settings.DEFAULT_RENDERER_CLASSES
    serializer_class = AuthTokenSerializer

    @extend_schema(operation_id="token_obtain", tags=["token"], request=AuthTokenSerializer, responses=TokenSerializer)
    def post(self, request, *args, **kwargs):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token = self.obtain(serializer.validated_data)
        if token is None:
            self.log_failure("changed")
            # As DRF answers a wrong password, which it is by now.
            raise ValidationError({"non_field_errors": ["Unable to log in with provided credentials."]})
        self.life.log_event(events.LOGIN_SUCCEEDED, token, request=request)
        return Response({"token": token.key})

    def obtain(self, data: dict):
        return models.obtain(data["user"])

    def log_failure(self, reason: str):
        """Of a right password."""
        scheme = events.scheme_at(self.request)
        events.log_event(events.LOGIN_FAILED, scheme=scheme, reason=reason, request=self.request)


class PresentedTokenView(KnownNamesMixin, RefusalThrottleMixin, NoStoreMixin, GenericAPIView):
    """A view about the opaque token in the Authorization header, whatever other schemes are enabled."""

    authentication_classes = (TokenAuthentication,)
    permission_classes = (IsAuthenticated,)

    @property
    def life(self):
        """The module of what happens to the tokens that this class takes."""
        return self.authentication_classes[0].life


class RotateTokenView(PresentedTokenView):
    """The presented token dies and its successor is returned."""

    # No HEAD: it would rotate, and the answer that holds the successor has no body.
    http_method_names = ("get", "post", "options") if settings.TOKEN_ROTATE_ON_GET else ("post", "options")
    changing_methods = frozenset({"GET", "POST"})
    serializer_class = TokenSerializer

    def body_names(self):
        return ()  # the serializer is the answer's

    @extend_schema(operation_id="token_rotate", tags=["token"], request=None, responses=TokenSerializer)
    def post(self, request):
        new_key = self.life.rotate(request.auth.key)
        if new_key is None:
            # Another request that presented it won.
            raise AuthenticationFailed("Invalid token.")
        self.life.log_event(events.TOKEN_ROTATED, request.auth, request=request)
        return Response({"token": new_key})

    @extend_schema(operation_id="token_rotate_by_get", tags=["token"], responses=TokenSerializer)
    def get(self, request):
        return self.post(request)


class RevokeTokenView(PresentedTokenView):
    """The presented token dies; with `everywhere`, every credential of its user."""

    serializer_class = RevokeSerializer

    @extend_schema(
        operation_id="token_revoke", tags=["token"], responses={204: OpenApiResponse(description="It is dead.")}
    )
    def post(self, request):
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if serializer.validated_data["everywhere"]:
            revocation.revoke_all_credentials(request.user.pk, revocation.LOGOUT_EVERYWHERE, request=request)
        elif not self.life.revoke(request.auth.key):
            # A rotation was faster: its successor lives, and "dead" would be a lie.
            raise AuthenticationFailed("Invalid token.")
        else:
            self.life.log_event(events.TOKEN_REVOKED, request.auth, reason="logout", request=request)
        return Response(status=status.HTTP_204_NO_CONTENT)
