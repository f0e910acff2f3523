"""The endpoints of the rows `jwt` and `jwt-stateless`."""

from contextlib import suppress
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpResponseNotModified
from django.http.response import HttpResponseBase
from django.utils.decorators import method_decorator
from rest_framework import serializers as drf_serializers
from rest_framework import status
from rest_framework.exceptions import AuthenticationFailed, NotAuthenticated, ValidationError
from rest_framework.generics import DestroyAPIView, GenericAPIView, ListAPIView
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import APIView
from rest_framework_simplejwt.exceptions import InvalidToken, TokenError
from rest_framework_simplejwt.views import TokenViewBase

from auth_core import events
from auth_core.bodies import KnownNamesMixin, names_of
from auth_core.conf import conf
from auth_core.credentials import NoStoreMixin, credential, is_presented
from auth_core.errors import refused
from auth_core.etags import etag_of, is_known
from auth_core.openapi import OpenApiResponse, extend_schema, extend_schema_view, inline_serializer
from auth_core.renderers import JSONErrorsMixin, JSONRenderer
from auth_core.schemes import enabled_with
from auth_core.scopes import WRITE, HasScope, covers, insufficient
from auth_core.throttling import PasswordThrottleMixin, RefusalThrottleMixin
from jwt_auth import cookie, models, serializers, stock, tokens
from jwt_auth.authentication import JWTAuthentication
from jwt_auth.cookie import NoRefreshToken, RefreshCookieMixin
from jwt_auth.keys import key_ring


class _JWTView(TokenViewBase):
    """A view of SimpleJWT for the endpoints of our rows."""

    kind = "jwt"


class ObtainPairView(PasswordThrottleMixin, NoStoreMixin, _JWTView):
    """Log in with a user name and password, and get a refresh token and an access token."""

    serializer_class = serializers.ObtainPairSerializer
    checks_origin = True  # where JWT_REFRESH_COOKIE is on; for the OpenAPI document

    @extend_schema(operation_id="jwt_obtain", tags=["jwt"], responses=serializers.PairSerializer)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer: Any = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        fields = serializer.validated_data
        return cookie.answer(fields) if serializer.is_for_cookie else Response(fields)


# No ATOMIC_REQUESTS around these two: the end of a family is committed even if the answer is 401.
@method_decorator(transaction.non_atomic_requests, name="dispatch")
class RefreshView(RefreshCookieMixin, KnownNamesMixin, NoStoreMixin, _JWTView):
    """Exchange a refresh token, which is then spent, for the next pair."""

    serializer_class = serializers.RefreshSerializer

    def body_names(self) -> tuple[str, ...]:
        """Return the names of the pair, since some clients send back the whole answer."""
        return names_of(serializers.PairSerializer)

    @extend_schema(operation_id="jwt_refresh", tags=["jwt"], responses=serializers.PairSerializer)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if self.cookie is None:
            if conf.JWT_REFRESH_COOKIE and "refresh" not in request.data:
                raise NoRefreshToken("No refresh token was sent, in the body or in the cookie. Log in.")
            return super().post(request, *args, **kwargs)
        serializer = self.get_serializer(data={"refresh": self.cookie})
        try:
            serializer.is_valid(raise_exception=True)
        except (TokenError, ValidationError) as error:  # a cookie may be too long, or empty
            text = error.args[0] if isinstance(error, TokenError) else "Token is invalid"
            raise InvalidToken(text) from error
        return cookie.answer(serializer.validated_data)


@method_decorator(transaction.non_atomic_requests, name="dispatch")
class LogoutView(RefreshCookieMixin, KnownNamesMixin, NoStoreMixin, _JWTView):
    """End this login: revoke its refresh token and its access tokens.

    Doing it twice is no error.
    """

    serializer_class = serializers.LogoutSerializer
    # For the OpenAPI document. The view reads the header itself.
    optional_authentication_classes = (JWTAuthentication,)

    @extend_schema(
        operation_id="jwt_logout",
        tags=["jwt"],
        responses={
            204: OpenApiResponse(description="It has ended."),
            403: OpenApiResponse(description="`everywhere` needs the scope `write` of a token that has a scope."),
        },
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        try:
            token = self._presented(request, serializer.validated_data)
            everywhere: bool = serializer.validated_data["everywhere"]
            if everywhere and not covers(token, WRITE):
                raise insufficient(token, WRITE, super().get_authenticate_header(request))
            stock.operations(token).log_out(token, everywhere, request)
        except TokenError as error:
            raise InvalidToken(error.args[0]) from error
        response = Response(status=status.HTTP_204_NO_CONTENT)
        if self.cookie is not None:
            self._end_login_of_header(token, request)
            cookie.delete(response)
        return response

    def get_authenticate_header(self, request: Request) -> str:
        challenge = super().get_authenticate_header(request)
        # A refresh token in the body or in the cookie comes first: then the header was not read.
        is_read = "refresh" not in request.data and self.cookie is None
        is_refused = is_read and is_presented(request, _keyword())
        return refused(challenge) if is_refused else challenge

    def _presented(self, request: Request, data: dict[str, Any]) -> stock.AnyToken:
        """Return the token of the login to end, verified. Raises TokenError."""
        text = data.get("refresh", self.cookie)
        if text is not None:
            return stock.refresh_token(text)
        # Not authentication_classes: an expired access token in the header must not stop a logout
        # by refresh token.
        raw_token = credential(request, _keyword())
        if raw_token is None:
            raise NotAuthenticated("Send a refresh token, or an access token in the Authorization header.")
        return stock.access_token(raw_token)

    @staticmethod
    def _end_login_of_header(ended: stock.AnyToken, request: Request) -> None:
        """End the login of the access token in the header too, if it is another than the cookie's.

        The browser adds the cookie to whatever a page sends. A page that presents its access token
        and is answered 204 must not find that the token still lives. A stale one stops no logout.
        """
        with suppress(TokenError, AuthenticationFailed):
            raw_token = credential(request, _keyword())
            token = None if raw_token is None else stock.access_token(raw_token)
            if isinstance(token, tokens.AccessToken) and token.sid != ended.sid:
                models.log_out(token, everywhere=False, request=request)


def _keyword() -> Any:
    """Return the keyword, or the keywords, of the class that opens the API."""
    return getattr(enabled_with("kind", "jwt") or JWTAuthentication, "keyword", None)


class VerifyView(KnownNamesMixin, RefusalThrottleMixin, NoStoreMixin, _JWTView):
    """Check that this token would be accepted now, and name its type."""

    serializer_class = serializers.VerifySerializer

    @extend_schema(operation_id="jwt_verify", tags=["jwt"])
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().post(request, *args, **kwargs)


class _OwnSessionsView(KnownNamesMixin, RefusalThrottleMixin, NoStoreMixin, GenericAPIView[models.RefreshFamily]):
    """A view about the living logins of the user who presents an access token.

    The login of that access token must not have ended, even where `jwt-stateless` opens the API.
    """

    kind = "jwt"
    authentication_classes = (JWTAuthentication,)
    permission_classes = (IsAuthenticated, HasScope)
    filter_backends = ()
    pagination_class = None
    serializer_class = serializers.SessionSerializer

    def get_authenticators(self) -> list[Any]:
        """Return the authenticator, with the keyword of the class that opens the API."""
        authenticators: list[Any] = super().get_authenticators()
        for authenticator in authenticators:
            authenticator.keyword = _keyword()
        return authenticators

    def get_queryset(self) -> QuerySet[models.RefreshFamily]:
        return models.living().filter(user=self.request.user.pk).order_by("-created_at", "-pk")


@extend_schema_view(get=extend_schema(operation_id="jwt_sessions", tags=["jwt"]))
class SessionListView(_OwnSessionsView, ListAPIView[models.RefreshFamily]):
    """List the user's logins that have not ended, the newest first, at most 100."""

    # Nothing limits how many logins a user has. Older ones appear as these end.
    most = 100

    def get_queryset(self) -> QuerySet[models.RefreshFamily]:
        return super().get_queryset()[: self.most]


@extend_schema_view(delete=extend_schema(operation_id="jwt_session_end", tags=["jwt"]))
class SessionView(_OwnSessionsView, DestroyAPIView[models.RefreshFamily]):
    """End one of the user's logins, which may be the one of the presented access token."""

    def perform_destroy(self, instance: models.RefreshFamily) -> None:
        if models.end(models.LOGOUT, pk=instance.pk):
            models.log_event(events.LOGIN_ENDED, instance, reason=models.LOGOUT, request=self.request)


class JWKSetRenderer(JSONRenderer):
    """Write JSON under the media type of a JWK Set (RFC 7517 8.5.1)."""

    media_type = "application/jwk-set+json"


class JWKSView(JSONErrorsMixin, APIView):
    """Return the public keys, for services that verify our tokens (RFC 7517); 404 for secrets.

    A client that asks for `application/json` gets that type.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (JWKSetRenderer, *api_settings.DEFAULT_RENDERER_CLASSES)  # type: ignore[arg-type]

    @extend_schema(
        operation_id="jwks",
        tags=["jwt"],
        responses={
            200: inline_serializer("JWKSet", {"keys": drf_serializers.ListField(child=drf_serializers.DictField())}),
            304: OpenApiResponse(description="The keys are those of the ETag in If-None-Match."),
            404: OpenApiResponse(description="The algorithm is symmetric."),
        },
    )
    def get(self, request: Request) -> Response:
        jwks = key_ring().jwks()
        if not jwks["keys"]:
            raise Http404
        # So short that every cache knows a new key long before its first use in a planned rotation.
        response = Response(jwks, headers={"Cache-Control": "public, max-age=300"})
        response.add_post_render_callback(partial(_unless_known, request))
        return response

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Let pages of every origin read the keys, which are public, and why there are none."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        return response


def _unless_known(request: Request, response: Response) -> HttpResponseBase:
    """Give the response an ETag, and return 304 instead to a client that named this ETag.

    The ETag covers the media type, too: the same keys under two types are two representations.
    """
    response["ETag"] = etag_of(f"{response['Content-Type']}\n".encode() + response.content)
    if not is_known(request, response["ETag"]):
        return response
    unchanged = HttpResponseNotModified()
    for name in ("Access-Control-Allow-Origin", "Cache-Control", "ETag", "Vary"):
        unchanged[name] = response[name]  # what a 200 would have said (RFC 9110 15.4.5)
    return unchanged
