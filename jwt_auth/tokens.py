"""SimpleJWT's token classes with our keys, and the family's id (`sid`) in every token."""

from datetime import UTC, datetime, timedelta
from typing import Any, Self
from uuid import UUID

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from rest_framework_simplejwt import tokens
from rest_framework_simplejwt.exceptions import TokenError

from auth_core.conf import conf
from jwt_auth.claims import ClaimsError
from jwt_auth.keys import AT_JWT, MAX_TOKEN_LENGTH, KeyRingBackend, token_backend

SESSION_CLAIM = "sid"  # registered with IANA for a session's id; here the refresh family's
SUBJECT_CLAIM = "sub"

_LAST_SECOND = 253402300799  # of the year 9999, the last a datetime can hold


class _FamilyToken(tokens.Token):
    """A token of a login.

    Raises TokenError, and nothing else, for text that is no valid token of this type.
    """

    # SimpleJWT reads its lifetimes on import and requires one; here a token's expiry comes from its
    # family.
    lifetime = timedelta(0)
    is_stock = False

    @property
    def token_backend(self) -> KeyRingBackend:
        return token_backend()

    @classmethod
    def mint(cls, *, sid: UUID, user_id: object, jti: str, issued: datetime, expires: datetime) -> Self:
        """Return a token with these claims; times are cut to seconds (RFC 7519 NumericDate)."""
        token = cls()
        token.payload.update(
            {
                "jti": jti,
                "iat": int(issued.timestamp()),
                "exp": int(expires.timestamp()),
                SESSION_CLAIM: sid.hex,
                conf.user_id_claim: str(user_id),
            }
        )
        return token

    def verify(self) -> None:
        """Check the shape of each claim, then what SimpleJWT checks.

        A good signature says who made a claim, not that it can be used.
        """
        check_times(self.payload)
        for name in ("jti", SESSION_CLAIM):
            if not _is_uuid(self.payload.get(name)):
                raise TokenError(f"Token has no usable '{name}' claim")
        if not is_user_id(self.payload.get(conf.user_id_claim)):
            raise TokenError(f"Token has no usable '{conf.user_id_claim}' claim")
        if self.payload.get(SUBJECT_CLAIM, self.user_id) != self.user_id:
            raise TokenError(f"Token has no usable '{SUBJECT_CLAIM}' claim")
        super().verify()

    @property
    def sid(self) -> UUID:
        return UUID(self.payload[SESSION_CLAIM])

    @property
    def jti(self) -> str:
        return self.payload["jti"]

    @property
    def user_id(self) -> str:
        return self.payload[conf.user_id_claim]


class AccessToken(_FamilyToken):
    """A token that opens the API."""

    token_type = "access"

    @property
    def scope(self) -> Any:
        """Return the claim `scope` (RFC 9068 2.2.3), or None for a token that is not limited.

        Our tokens have it only if the project's own claims add it.
        """
        return self.payload.get("scope")

    @property
    def event_fields(self) -> dict[str, object]:
        """Return the fields by which an event names the token: its user and its login."""
        return {"user": self.user_id, "family": self.sid}

    @classmethod
    def mint(cls, **claims: Any) -> Self:
        """Return a token with these claims, and `sub` for JWT_ACCESS_TYPE=at+jwt (RFC 9068 2.2)."""
        token = super().mint(**claims)
        if conf.JWT_ACCESS_TYPE == AT_JWT:
            token.payload[SUBJECT_CLAIM] = token.user_id
        return token

    def add(self, claims: dict[str, Any]) -> None:
        """Add what JWT_CLAIMS returned.

        Raises ClaimsError if no endpoint would accept a token of that length.
        """
        self.payload.update(claims)
        if claims and (length := len(str(self))) > MAX_TOKEN_LENGTH:
            raise ClaimsError(
                f"JWT_CLAIMS makes an access token of {length} characters ({', '.join(claims)}); "
                f"allowed: {MAX_TOKEN_LENGTH} with everything"
            )

    @classmethod
    def verified(cls, raw_token: str) -> Self:
        """Return `cls(raw_token)`, verified once by each class for each text (see memo.py)."""
        token = cls.__new__(cls)
        memo = token.token_backend.verified
        claims = memo.get(cls, raw_token)
        if claims is None:
            token.__init__(raw_token)  # type: ignore[misc]
            memo.put(cls, raw_token, token.payload)
        else:
            # What SimpleJWT's own constructor sets.
            token.token, token.current_time, token.payload = raw_token, datetime.now(UTC), claims  # type: ignore[assignment]
        return token


class RefreshToken(_FamilyToken):
    """A token to exchange, once, for the next pair."""

    token_type = "refresh"


def check_times(claims: dict[str, Any]) -> None:
    """Raise TokenError unless exp, iat and nbf, if any, are whole seconds of a datetime."""
    for name in ("exp", "iat", "nbf") if "nbf" in claims else ("exp", "iat"):
        value = claims.get(name)
        if type(value) is not int or not 0 <= value <= _LAST_SECOND:
            raise TokenError(f"Token has no usable '{name}' claim")


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and len(value) == 32 and all(c in "0123456789abcdef" for c in value)


def is_user_id(value: object) -> bool:
    """Return True for a user's id as `mint` writes it; int() would accept " 1" and "1_0" too."""
    users = get_user_model()._meta
    field: Any = users.pk if conf.user_id_field == "pk" else users.get_field(conf.user_id_field)
    try:
        key = field.to_python(value) if isinstance(value, str) else None
        field.run_validators(key)
    except ValidationError:
        return False
    return str(key) == value
