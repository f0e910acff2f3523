"""The bodies of the JWT endpoints."""

import time
from typing import Any

from django.contrib.auth.models import update_last_login
from rest_framework import serializers
from rest_framework.exceptions import AuthenticationFailed
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenObtainSerializer

from auth_core import events, origins, usernames
from auth_core.bodies import TextField
from auth_core.conf import conf
from jwt_auth import models, stock
from jwt_auth.keys import MAX_TOKEN_LENGTH
from jwt_auth.tokens import AccessToken, RefreshToken


class PairSerializer(serializers.Serializer[Any]):
    """The answer to a login and to a refresh."""

    refresh = serializers.CharField(read_only=True)
    access = serializers.CharField(read_only=True)
    expires_in = serializers.IntegerField(
        read_only=True, min_value=0, help_text="Seconds until the access token expires (RFC 6749 5.1)."
    )
    refresh_expires_in = serializers.IntegerField(
        read_only=True, min_value=0, help_text="Seconds until the refresh token expires."
    )

    @property
    def optional_in_answers(self) -> tuple[str, ...]:
        """Return the fields that the OpenAPI document does not promise."""
        return ("refresh",) if conf.JWT_REFRESH_COOKIE else ()


class ObtainPairSerializer(TokenObtainSerializer):
    """A login with a user name and password, and a label."""

    label = TextField(  # type: ignore[assignment]  # Field has a `label` too
        default="", allow_blank=True, max_length=64, help_text="What the login is for.", write_only=True
    )

    cookie = serializers.BooleanField(
        default=False,
        write_only=True,
        help_text="Put the refresh token into a cookie that no script can read; needs JWT_REFRESH_COOKIE.",
    )

    @property
    def undocumented(self) -> tuple[str, ...]:
        """Return the fields that the OpenAPI document leaves out: no value of theirs works."""
        return () if conf.JWT_REFRESH_COOKIE else ("cookie",)

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields[self.username_field] = usernames.UserNameField(write_only=True)
        # Blanks belong to the password that the user chose; SimpleJWT's field cuts them off.
        self.fields["password"].trim_whitespace = False  # type: ignore[attr-defined]

    def validate_cookie(self, value: bool) -> bool:
        """Refuse a cookie before the password is checked: a foreign page could log people in."""
        if value and not conf.JWT_REFRESH_COOKIE:
            raise serializers.ValidationError("This service sets no cookie: JWT_REFRESH_COOKIE is off.")
        if value:
            origins.require(self.context["request"])
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        request = self.context["request"]
        self.is_for_cookie: bool = attrs["cookie"]
        if attrs[self.username_field] is None:
            usernames.log_failure(request)
            raise self._no_account()
        super().validate(attrs)
        user: Any = self.user
        pair = models.log_in(user, attrs["label"])
        fields = {"scheme": events.scheme_at(request), "user": user.pk, "request": request}
        if pair is None:
            events.log_event(events.LOGIN_FAILED, reason="changed", **fields)
            raise self._no_account()
        if conf.update_last_login:
            update_last_login(None, user)  # type: ignore[arg-type]
        events.log_event_on_commit(events.LOGIN_SUCCEEDED, family=pair.refresh.sid, **fields)
        return _written(pair)

    def _no_account(self) -> AuthenticationFailed:
        return AuthenticationFailed(self.error_messages["no_active_account"], "no_active_account")


class RefreshSerializer(serializers.Serializer[Any]):
    """A refresh token to exchange."""

    refresh = serializers.CharField(max_length=MAX_TOKEN_LENGTH)

    def get_fields(self) -> dict[str, Any]:
        fields = super().get_fields()
        fields["refresh"].required = not conf.JWT_REFRESH_COOKIE
        return fields

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        token = stock.refresh_token(attrs["refresh"])
        return _written(stock.operations(token).refresh(token, self.context["request"]))


class VerifySerializer(serializers.Serializer[Any]):
    """A token to check, and its type."""

    token = serializers.CharField(max_length=MAX_TOKEN_LENGTH, write_only=True)
    token_type = serializers.ChoiceField(["access", "refresh"], read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        try:
            token: stock.AnyToken = stock.access_token(attrs["token"])
        except TokenError:
            token = stock.refresh_token(attrs["token"])
        stock.operations(token).check(token)
        return {"token_type": token.token_type}


class LogoutSerializer(serializers.Serializer[Any]):
    """Which login to end."""

    refresh = serializers.CharField(
        max_length=MAX_TOKEN_LENGTH,
        required=False,
        help_text="A refresh token of the login to end; without it, the access token in the Authorization header.",
    )
    everywhere = serializers.BooleanField(
        default=False, help_text="End every login and every token of this user, of either kind."
    )


class SessionSerializer(serializers.ModelSerializer[models.RefreshFamily]):
    """What a user can read about a login; none of its tokens."""

    created = serializers.DateTimeField(source="created_at", read_only=True)
    last_refreshed = serializers.DateTimeField(
        source="rotated_at", read_only=True, help_text="When its refresh token was issued, at first by the login."
    )
    expires = serializers.DateTimeField(
        source="refresh_expires_at", read_only=True, help_text="If it is not refreshed until then."
    )
    current = serializers.SerializerMethodField(help_text="Whether the presented access token belongs to it.")

    class Meta:
        model = models.RefreshFamily
        fields = ("id", "label", "created", "last_refreshed", "expires", "current")
        read_only_fields = fields

    def get_current(self, family: models.RefreshFamily) -> bool:
        return family.pk == self.context["request"].auth.sid


def _written(pair: models.Pair) -> dict[str, str | int]:
    return {
        "refresh": str(pair.refresh),
        "access": str(pair.access),
        "expires_in": _seconds_left(pair.access),
        "refresh_expires_in": _seconds_left(pair.refresh),
    }


def _seconds_left(token: AccessToken | RefreshToken) -> int:
    """Return the seconds until the token expires, 0 where only JWT_LEEWAY still admits it."""
    return max(0, token.payload["exp"] - int(time.time()))
