"""The endpoints of the rows `token` and `token-cached`."""

from typing import Any

from rest_framework import status
from rest_framework.authtoken.views import ObtainAuthToken
from rest_framework.exceptions import AuthenticationFailed, ValidationError
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings

from auth_core import events, revocation
from auth_core.bodies import KnownNamesMixin
from auth_core.conf import conf
from auth_core.credentials import NoStoreMixin
from auth_core.openapi import OpenApiResponse, extend_schema
from auth_core.schemes import enabled_with
from auth_core.scopes import WRITE, require
from auth_core.throttling import PasswordThrottleMixin, RefusalThrottleMixin
from tokens import models
from tokens.authentication import TokenAuthentication
from tokens.serializers import AuthTokenSerializer, RevokeSerializer, TokenSerializer
from tokens.service import TokenService


class ObtainTokenView(PasswordThrottleMixin, NoStoreMixin, ObtainAuthToken):
    """Return the user's opaque token for a user name and password."""

    kind = "token"
    service: TokenService[Any] = models
    # DRF's view would refuse a client that still sends its revoked token along.
    authentication_classes = ()
    parser_classes = api_settings.DEFAULT_PARSER_CLASSES  # type: ignore[assignment]
    renderer_classes = api_settings.DEFAULT_RENDERER_CLASSES  # type: ignore[assignment]
    serializer_class = AuthTokenSerializer

    @extend_schema(operation_id="token_obtain", tags=["token"], request=AuthTokenSerializer, responses=TokenSerializer)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        token = self.obtain(serializer.validated_data)
        if token is None:
            self.log_failure("changed")
            # DRF's answer to a wrong password, which the password is by now.
            raise ValidationError({"non_field_errors": ["Unable to log in with provided credentials."]})
        self.service.log_event(events.LOGIN_SUCCEEDED, token, request=request)
        return answer(token.key, token)

    def obtain(self, data: dict[str, Any]) -> Any:
        """Return a token of the user, or None if the account changed since the password check."""
        return self.service.obtain(data["user"])

    def log_failure(self, reason: str) -> None:
        """Log that a correct password was not enough to log in."""
        scheme = events.scheme_at(self.request)
        events.log_event(events.LOGIN_FAILED, scheme=scheme, reason=reason, request=self.request)


class PresentedTokenView(KnownNamesMixin, RefusalThrottleMixin, NoStoreMixin, GenericAPIView[Any]):
    """A view about the opaque token in the Authorization header, under any choice of schemes."""

    kind = "token"
    authentication_classes = (TokenAuthentication,)
    permission_classes: tuple[type[BasePermission], ...] = (IsAuthenticated,)

    @property
    def service(self) -> TokenService[Any]:
        """Return the service of the tokens that this view's authentication class accepts."""
        return self.authentication_classes[0].service

    def get_authenticators(self) -> list[Any]:
        """Return the authenticators, with the keyword of the enabled class for these tokens."""
        authenticators: list[Any] = super().get_authenticators()
        enabled: Any = enabled_with("service", self.service)
        for authenticator in authenticators if enabled else ():
            authenticator.keyword = enabled.keyword
        return authenticators


class RotateTokenView(PresentedTokenView):
    """Replace the presented token and return the new one."""

    # No HEAD: it would rotate the token, and its answer has no body to hold the new one.
    http_method_names = ("get", "post", "options") if conf.TOKEN_ROTATE_ON_GET else ("post", "options")
    changing_methods = frozenset({"GET", "POST"})
    serializer_class = TokenSerializer

    def body_names(self) -> tuple[str, ...]:
        return ()  # the serializer is the answer's

    @extend_schema(operation_id="token_rotate", tags=["token"], request=None, responses=TokenSerializer)
    def post(self, request: Request) -> Response:
        new_key = self.service.rotate(request.auth.key)
        if new_key is None:
            # Another request with the same token was faster.
            raise AuthenticationFailed("Invalid token.")
        self.service.log_event(events.TOKEN_ROTATED, request.auth, request=request)
        return answer(new_key, request.auth)

    @extend_schema(operation_id="token_rotate_by_get", tags=["token"], responses=TokenSerializer)
    def get(self, request: Request) -> Response:
        return self.post(request)


class RevokeTokenView(PresentedTokenView):
    """Revoke the presented token; with `everywhere`, every credential of its user."""

    serializer_class = RevokeSerializer

    @extend_schema(
        operation_id="token_revoke", tags=["token"], responses={204: OpenApiResponse(description="It is dead.")}
    )
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        if serializer.validated_data["everywhere"]:
            require(request, WRITE)
            revocation.revoke_all_credentials(request.user.pk, revocation.LOGOUT_EVERYWHERE, request=request)
        elif not self.service.revoke(request.auth.key):
            # A rotation was faster: its new token is valid, so nothing was revoked.
            raise AuthenticationFailed("Invalid token.")
        else:
            self.service.log_event(events.TOKEN_REVOKED, request.auth, reason="logout", request=request)
        return Response(status=status.HTTP_204_NO_CONTENT)


def answer(key: str, token: Any) -> Response:
    """Return the answer that holds a key, with the token's scope if its kind has one."""
    scope = getattr(token, "scope", None)
    return Response({"token": key} if scope is None else {"token": key, "scope": scope})
