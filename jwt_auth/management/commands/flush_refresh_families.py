from datetime import timedelta

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from jwt_auth.models import RefreshFamily

# Kept longer than any token can live, should a lifetime have been shortened meanwhile.
MARGIN = timedelta(days=1)


class Command(BaseCommand):
    help = "Delete logins whose last refresh token expired over a day ago; what can still be used stays."

    def add_arguments(self, parser):
        parser.add_argument("--batch", type=int, default=1000, help="rows deleted in one statement (default: 1000)")

    def handle(self, *args, batch, **options):
        if not 1 <= batch <= 10_000:
            raise CommandError(f"--batch {batch}: allowed: 1 to 10000")
        ends_before = timezone.now() - settings.JWT_LEEWAY - MARGIN
        # refresh_expires_at is indexed, and no access token outlives its refresh token.
        expired = RefreshFamily.objects.filter(refresh_expires_at__lt=ends_before)
        total = 0
        while deleted := self._delete(expired, batch):
            total += deleted
        # How many are kept is not told: to count them takes longer than all else, 0.4 s beside ten million.
        self.stdout.write(f"{total} expired logins deleted")

    @staticmethod
    def _delete(expired, batch: int) -> int:
        """Delete so many logins, and return how many those were.

        A login that somebody else has locked, because it is being ended, stays for the next run. So this waits for
        nobody, and cannot deadlock with those who lock a user before the user's logins.
        """
        with transaction.atomic():
            free = expired.order_by("refresh_expires_at").select_for_update(skip_locked=True)
            keys = list(free.values_list("pk", flat=True)[:batch])
            deleted, _ = expired.filter(pk__in=keys).delete()
        return deleted
