"""The endpoints of the row `token-hashed`: those of `token`, and a user's own tokens by id."""

from copy import copy
from typing import Any

from django.db.models import QuerySet
from rest_framework.generics import DestroyAPIView, ListAPIView
from rest_framework.permissions import IsAuthenticated

from auth_core import events
from auth_core.errors import Conflict
from auth_core.openapi import OpenApiResponse, extend_schema, extend_schema_view
from auth_core.scopes import HasScope
from tokens import hashed
from tokens.authentication import HashedTokenAuthentication
from tokens.models import HashedToken
from tokens.serializers import HashedTokenSerializer, LabelledAuthTokenSerializer, ScopedTokenSerializer
from tokens.views import ObtainTokenView, PresentedTokenView, RevokeTokenView, RotateTokenView


class TooManyTokens(Conflict):
    """The user has as many valid tokens as TOKENS_PER_USER allows."""

    default_code = "token_limit"


@extend_schema_view(
    post=extend_schema(
        request=LabelledAuthTokenSerializer,
        responses={
            200: ScopedTokenSerializer,
            409: OpenApiResponse(description="The user has TOKENS_PER_USER tokens."),
        },
    )
)
class ObtainHashedTokenView(ObtainTokenView):
    """Issue a new opaque token for a user name and password. It cannot be read again later."""

    service = hashed
    serializer_class = LabelledAuthTokenSerializer

    def obtain(self, data: dict[str, Any]) -> HashedToken | None:
        try:
            return hashed.obtain(data["user"], data["label"], data["scope"])
        except hashed.TokenLimitError as error:
            self.log_failure("token_limit")
            raise TooManyTokens(str(error)) from None


class RotateHashedTokenView(RotateTokenView):
    """Replace the presented token and return the new one. Its id, label and scope stay."""

    authentication_classes = (HashedTokenAuthentication,)
    serializer_class = ScopedTokenSerializer


@extend_schema_view(
    post=extend_schema(
        responses={
            204: OpenApiResponse(description="It is dead."),
            403: OpenApiResponse(description="`everywhere` needs the scope `write`."),
        }
    )
)
class RevokeHashedTokenView(RevokeTokenView):
    """Revoke the presented token; with `everywhere` (scope `write`), every credential of its user.

    Any token may revoke itself, whatever its scope.
    """

    authentication_classes = (HashedTokenAuthentication,)


class _OwnTokensView(PresentedTokenView):
    """A view about the tokens of the user who presents one."""

    authentication_classes = (HashedTokenAuthentication,)
    permission_classes = (IsAuthenticated, HasScope)
    serializer_class = HashedTokenSerializer
    queryset = HashedToken.objects.order_by("-created", "-pk")

    def get_queryset(self) -> QuerySet[HashedToken]:
        return super().get_queryset().filter(user=self.request.user.pk)


@extend_schema_view(get=extend_schema(operation_id="token_list", tags=["token"]))
class TokenListView(_OwnTokensView, ListAPIView[HashedToken]):
    """List the user's tokens, the newest first."""


@extend_schema_view(delete=extend_schema(operation_id="token_delete", tags=["token"]))
class TokenView(_OwnTokensView, DestroyAPIView[HashedToken]):
    """Revoke one of the user's tokens, which may be the presented one."""

    def perform_destroy(self, instance: HashedToken) -> None:
        revoked = copy(instance)  # Django takes the id off what it deletes
        deleted, _ = instance.delete()
        if deleted:
            self.service.log_event(events.TOKEN_REVOKED, revoked, reason="logout", request=self.request)
