from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from auth_core import events, scopes, usernames
from auth_core.schemes import enabled_schemes, enabled_with
from tokens import hashed
from tokens.models import HashedToken


class Command(BaseCommand):
    """Issue a hashed token."""

    help = "Issue a hashed token and print it. It cannot be shown again, since only its digest is stored."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--label", default="", help="what the token is for, at most 64 characters")
        parser.add_argument(
            "--scope",
            default=scopes.FULL,
            help=f"{scopes.READ}, {scopes.WRITE}, or both with a space between them (default: {scopes.FULL})",
        )

    def handle(self, *, username: str, label: str, scope: str, **options: Any) -> None:
        users = get_user_model()
        try:
            scope = scopes.normal(scope)
        except ValueError as error:
            raise CommandError(f"--scope {scope!r}: {error}") from None
        try:
            HashedToken._meta.get_field("label").clean(label, None)
            user = users._default_manager.get_by_natural_key(usernames.normal(username))
            token = hashed.obtain(user, label, scope)
        except ValidationError as error:
            raise CommandError(f"--label {label!r}: {' '.join(error.messages)}") from None
        except users.DoesNotExist:
            raise CommandError(f"user {username} does not exist") from None
        except hashed.TokenLimitError as error:
            raise CommandError(f"user {username}: {error}") from None
        if token is None:
            raise CommandError(f"user {username} is disabled or was just changed")
        hashed.log_event(events.TOKEN_ISSUED, token, reason="command")
        self.stdout.write(str(token.key))
        if enabled_with("service", hashed) is None:
            self.stderr.write(
                f"warning: the enabled schemes ({', '.join(enabled_schemes())}) do not honour it; "
                "token-hashed (tokens.authentication.HashedTokenAuthentication) does"
            )
