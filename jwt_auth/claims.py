"""The claims that a project adds to its access tokens: the setting JWT_CLAIMS."""

import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from auth_core.conf import conf

# Claims with a meaning to this service or to every reader of a JWT (RFC 7519 4.1), and two that
# belong into a header. A hook that could set them could give a token another user or lifetime.
RESERVED = ("alg", "aud", "exp", "iat", "iss", "jti", "nbf", "sid", "sub", "token_type", "typ", "user_id")

Hook = Callable[[Any], dict[str, Any]]


class ClaimsError(ImproperlyConfigured):
    """JWT_CLAIMS is no hook, or returned what an access token cannot hold."""


def hook() -> Hook | None:
    """Return the function of JWT_CLAIMS, or None if there is none. Raises ClaimsError."""
    value = conf.JWT_CLAIMS
    if isinstance(value, str):
        if not all(map(str.isidentifier, value.split("."))):
            raise ClaimsError(f"JWT_CLAIMS={value!r} cannot be imported: allowed is the dotted path of a function")
        try:
            value = import_string(value)
        except ImportError as error:
            raise ClaimsError(f"JWT_CLAIMS={value!r} cannot be imported: {error}") from error
    if value is not None and not callable(value):
        raise ClaimsError(f"JWT_CLAIMS is {value!r}; allowed: a function, the dotted path of one, or None")
    return value


def claims_of(user: Any) -> dict[str, Any]:
    """Return a copy of the claims that JWT_CLAIMS adds for this user; {} without a hook.

    Raises ClaimsError for anything but a dict of JSON values (RFC 8259) whose names are not
    RESERVED. What the hook itself raises is not caught. The messages hold names and types, no
    value.
    """
    add = hook()
    if add is None:
        return {}
    claims = add(user)
    if not isinstance(claims, dict):
        raise ClaimsError(f"JWT_CLAIMS returned a {type(claims).__name__}; allowed: a dict of claims")
    return {name: _checked(name, value) for name, value in claims.items()}


def _checked(name: Any, value: Any) -> Any:
    if not isinstance(name, str) or not name:
        raise ClaimsError(f"JWT_CLAIMS returned a claim named {name!r}; allowed: a text that is not empty")
    reserved = {*RESERVED, conf.user_id_claim, conf.revoke_token_claim}
    if name in reserved:
        raise ClaimsError(f"JWT_CLAIMS returned the claim {name!r}; allowed: any but {', '.join(sorted(reserved))}")
    with suppress(TypeError, ValueError, RecursionError):
        copy = json.loads(json.dumps(value, allow_nan=False))
        if copy == value:
            return copy
    raise ClaimsError(
        f"JWT_CLAIMS returned a {type(value).__name__} in the claim {name!r} that is no JSON; allowed: text, finite "
        "numbers, True, False, None, and lists and dicts of these with text as keys"
    )
