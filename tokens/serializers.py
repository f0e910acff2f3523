"""The bodies of the token endpoints."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.authtoken import serializers as stock

from auth_core import scopes, usernames
from auth_core.bodies import TextField
from auth_core.openapi import extend_schema_field
from tokens.models import HashedToken

_WORD = f"{scopes.READ}|{scopes.WRITE}"


class AuthTokenSerializer(stock.AuthTokenSerializer):
    """DRF's serializer, which reads a user name as Django's forms do (auth_core/usernames.py)."""

    username = usernames.UserNameField(label=_("Username"), write_only=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        name = usernames.field_name()
        return {name if each == "username" else each: field for each, field in super().get_fields().items()}

    def to_internal_value(self, data: Any) -> Any:
        name = usernames.field_name()
        if name != "username" and isinstance(data, Mapping) and name not in data and "username" in data:
            data = {**{each: data[each] for each in data}, name: data["username"]}
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["username"] = attrs.pop(usernames.field_name())  # as DRF's method reads it
        if attrs["username"] is None:
            usernames.log_failure(self.context["request"])
            raise serializers.ValidationError(_("Unable to log in with provided credentials."), code="authorization")
        return super().validate(attrs)


class TokenSerializer(serializers.Serializer[Any]):
    """The answer that holds a token."""

    token = serializers.CharField(
        read_only=True, help_text="The credential to send after `Token` in the Authorization header."
    )


class ScopedTokenSerializer(TokenSerializer):
    """The answer that holds a token, and the scope that it was issued with (RFC 6749 5.1)."""

    scope = serializers.ChoiceField(scopes.CHOICES, read_only=True, help_text="What the token may be used for.")


class RevokeSerializer(serializers.Serializer[Any]):
    """What to revoke."""

    everywhere = serializers.BooleanField(
        default=False, help_text="Revoke every token and every login of this user, of either kind."
    )


@extend_schema_field({"type": "string", "pattern": f"^({_WORD})( ({_WORD}))*$"})
class ScopeField(TextField):
    """A scope, in any order, with a word once or more often."""

    default_error_messages = dict.fromkeys(
        ("blank", "invalid", "null"), f"Enter {scopes.READ}, {scopes.WRITE}, or both with a space between them."
    )

    def to_internal_value(self, data: Any) -> str:
        try:
            return scopes.normal(super().to_internal_value(data))
        except ValueError as error:
            raise serializers.ValidationError([str(error)], code="invalid_scope") from None  # RFC 6749 5.2


class LabelledAuthTokenSerializer(AuthTokenSerializer):
    """A login for a token with a label and a scope."""

    label = TextField(  # type: ignore[assignment]  # Field has a `label` too
        default="", allow_blank=True, max_length=64, help_text="What the token is for.", write_only=True
    )
    scope = ScopeField(
        default=scopes.FULL,
        help_text="What the token may be used for: `read` for safe methods, `write` for all others.",
        write_only=True,
    )


class HashedTokenSerializer(serializers.ModelSerializer[HashedToken]):
    """What a user can read about a token; neither the token nor its digest."""

    expires = serializers.DateTimeField(read_only=True, allow_null=True, help_text="If it is not used until then.")

    class Meta:
        model = HashedToken
        fields = ("id", "label", "scope", "last_four", "created", "last_used", "expires")
        read_only_fields = fields
