from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from auth_core.commands import CheckedCommand
from auth_core.conf import conf
from jwt_auth.models import MARGIN, DeletedLogin, RefreshFamily, StockToken


class Command(CheckedCommand):
    """Delete expired logins."""

    help = "Delete logins whose last refresh token expired over a day ago."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--batch", type=int, default=1000, help="rows deleted in one statement (default: 1000)")

    def handle(self, *args: Any, batch: int, **options: Any) -> None:
        if not 1 <= batch <= 10_000:
            raise CommandError(f"--batch {batch}: allowed: 1 to 10000")
        ends_before = timezone.now() - conf.JWT_LEEWAY - MARGIN
        # refresh_expires_at is indexed, and no access token outlives its refresh token.
        expired = RefreshFamily.objects.filter(refresh_expires_at__lt=ends_before)
        total = self._delete_all(expired, "refresh_expires_at", batch)
        # It does not count the rows that stay: with ten million of them that takes 0.4 s, longer
        # than the rest.
        self.stdout.write(f"{total} expired logins deleted")
        spent = StockToken.objects.filter(expires_at__lt=ends_before)
        if total := self._delete_all(spent, "expires_at", batch):
            self.stdout.write(f"{total} spent tokens of SimpleJWT deleted")
        forgotten = DeletedLogin.objects.filter(deleted_at__lt=ends_before)
        if total := self._delete_all(forgotten, "deleted_at", batch):
            self.stdout.write(f"{total} notes of deleted logins deleted")

    def _delete_all(self, expired: QuerySet[Any], field: str, batch: int) -> int:
        total = 0
        while deleted := self._delete(expired, field, batch):
            total += deleted
        return total

    @staticmethod
    def _delete(expired: QuerySet[Any], field: str, batch: int) -> int:
        """Delete at most so many rows, those with the lowest `field` first, and return how many.

        A login that another transaction has locked, because it is being ended, stays for the next
        run. So this never waits, and cannot deadlock with transactions that lock a user before the
        user's logins.
        """
        with transaction.atomic():
            free = expired.order_by(field).select_for_update(skip_locked=True)
            keys = list(free.values_list("pk", flat=True)[:batch])
            # Django's own `delete`: nobody has to hear of a login that has expired.
            deleted, _ = QuerySet.delete(expired.filter(pk__in=keys))
        return deleted
