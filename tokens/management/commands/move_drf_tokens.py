from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from rest_framework.authtoken.models import Token

from auth_core import revocation
from tokens import hashed
from tokens.models import HashedToken


class Command(BaseCommand):
    """Move the keys of DRF's table into the table of hashed tokens."""

    help = (
        "Move every key of DRF's table into the table of hashed tokens. The keys stay valid; their clear text is "
        "deleted. This cannot be undone, since no key can be computed from its digest. See "
        "docs/how-to/migrate-from-drf-tokens.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=1000, help="keys moved in one transaction (default: 1000)")

    def handle(self, *, batch: int, **options: Any) -> None:
        if not 1 <= batch <= 10_000:
            raise CommandError(f"--batch {batch}: allowed: 1 to 10000")
        total = 0
        owners = Token.objects.order_by("user").values_list("user", flat=True)
        while users := list(owners[:batch]):
            total += self._move(users)
        self.stdout.write(f"{total} keys moved, none left in clear")

    @staticmethod
    def _move(users: list[Any]) -> int:
        """Move the keys of these users, and return how many.

        At every moment a key is in exactly one of the two tables, so a revocation there is final.
        """
        with transaction.atomic():
            revocation.lock_users(users)
            tokens = list(Token.objects.select_for_update().filter(user__in=users))
            # A key that is there already came back with a restored table.
            HashedToken.objects.bulk_create(map(hashed.from_drf_token, tokens), ignore_conflicts=True)
            Token.objects.filter(pk__in=[token.pk for token in tokens]).delete()
        return len(tokens)
