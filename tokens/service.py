"""The interface between a kind of opaque token and the views, the admin and authentication."""

from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class TokenService(Protocol[T]):
    """The operations on one kind of token; T is its model.

    Two modules are such services: `tokens.models` for the tokens of DRF's table, `tokens.hashed`
    for hashed ones. A `key` is the credential as the client sends it.
    """

    def find(self, key: str) -> T | None:
        """Return the token with this key, with its user, in one query."""

    def ask_ahead(self, key: str) -> Any:
        """Send the query of find() ahead, and return what Query.ask_ahead() returns."""

    def is_expired(self, token: T) -> bool:
        """Return True if the token has expired."""

    def obtain(self, user: Any) -> T | None:
        """Return a token of the user, or None if the account changed since `user` was read."""

    def rotate(self, key: str) -> str | None:
        """Replace the key and return the new one, or None if no token has this key any more."""

    def revoke(self, key: str) -> bool:
        """Delete the token, and return True if there was one."""

    def event_fields(self, token: T) -> dict[str, object]:
        """Return the fields by which an event names the token."""

    def log_event(self, event: str, token: T, **fields: Any) -> None:
        """Log an event of this token on commit; `fields` are those of `events.log_event`."""
