from collections.abc import Iterable
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from rest_framework.authtoken.models import Token

from auth_core import revocation
from auth_core.commands import CheckedCommand
from auth_core.schemes import enabled_from
from tokens import hashed, wire
from tokens.authentication import HashedTokenAuthentication
from tokens.models import HashedToken

MOST_NAMED = 10


class Command(CheckedCommand):
    """Move the keys of DRF's table into the table of hashed tokens."""

    help = (
        "Move every key of DRF's table into the table of hashed tokens. The keys stay valid; their clear text is "
        "deleted. This cannot be undone, since no key can be computed from its digest. See "
        "docs/how-to/migrate-from-drf-tokens.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=1000, help="keys moved in one transaction (default: 1000)")
        parser.add_argument(
            "--force",
            action="store_true",
            help="move them even if the default authentication classes would refuse them, as where the views that "
            "accept them name their own",
        )

    def handle(self, *, batch: int, force: bool, **options: Any) -> None:
        if not 1 <= batch <= 10_000:
            raise CommandError(f"--batch {batch}: allowed: 1 to 10000")
        if not force and not enabled_from(HashedTokenAuthentication):
            raise CommandError(
                "every client would be logged out, and nothing was moved: no class in "
                "REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES'] accepts hashed tokens. Name "
                "tokens.authentication.HashedTokenAuthentication there (by AUTH_SCHEMES=token-hashed, if the project "
                "has that switch), or give --force"
            )
        self._refuse_malformed(Token.objects.values_list("user", "key").iterator())
        total = 0
        owners = Token.objects.order_by("user").values_list("user", flat=True)
        while users := list(owners[:batch]):
            total += self._move(users)
        self.stdout.write(f"{total} keys moved, none left in clear")

    @classmethod
    def _move(cls, users: list[Any]) -> int:
        """Move the keys of these users, and return how many.

        At every moment a key is in exactly one of the two tables, so a revocation there is final.
        """
        with transaction.atomic():
            revocation.lock_users(users)
            tokens = list(Token.objects.select_for_update().filter(user__in=users))
            cls._refuse_malformed((token.user_id, token.key) for token in tokens)
            # A key that is there already came back with a restored table.
            HashedToken.objects.bulk_create(map(hashed.from_drf_token, tokens), ignore_conflicts=True)
            Token.objects.filter(pk__in=[token.pk for token in tokens]).delete()
        return len(tokens)

    @staticmethod
    def _refuse_malformed(keys: Iterable[tuple[Any, str]]) -> None:
        """Raise CommandError for keys that `token-hashed` would refuse, given as (user id, key)."""
        users = [str(user) for user, key in keys if not wire.is_well_formed(key)]
        if users:
            named = ", ".join(users[:MOST_NAMED]) + (" …" if len(users) > MOST_NAMED else "")
            raise CommandError(
                f"{len(users)} keys do not have 40 lowercase hexadecimal digits, and no row of this project accepts "
                "them. Issue new tokens for these clients and delete the keys, then run this again. "
                f"Ids of their users: {named}"
            )
