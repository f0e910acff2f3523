"""SimpleJWT's own tokens, as the stock rows issue them, and what clients do with them."""

from datetime import timedelta

from rest_framework_simplejwt.state import token_backend
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from tests.support.logins import claims

LATER = timedelta(days=3650)


def stock_pair(user) -> dict[str, str]:
    """Return what SimpleJWT's own login returns."""
    refresh = RefreshToken.for_user(user)
    return {"refresh": str(refresh), "access": str(refresh.access_token)}


def stock_forge(token: str, **changes) -> str:
    """Return the token with other claims, signed as SimpleJWT signs; `...` removes a claim."""
    payload = {name: value for name, value in {**claims(token), **changes}.items() if value is not ...}
    return token_backend.encode(payload)


def stock_access(user) -> str:
    return str(AccessToken.for_user(user))


def stock_refresh(user) -> str:
    return str(RefreshToken.for_user(user))


def log_out(api, body=None, access=None):
    headers = {"Authorization": f"Bearer {access}"} if access else {}
    return api.post("/api/token/logout/", body or {}, headers=headers)
