from django.contrib.auth import get_user_model
from django.core.management.base import CommandError

from auth_core import revocation
from auth_core.commands import CheckedCommand
from auth_core.usernames import normal


class Command(CheckedCommand):
    help = "Log users out everywhere: revoke all their tokens, logins and sessions."

    def add_arguments(self, parser):
        parser.add_argument("usernames", nargs="*", metavar="USERNAME")
        parser.add_argument("--all", action="store_true", help="every user, as after restoring a backup")

    def handle(self, usernames, **options):
        if options["all"] == bool(usernames):
            raise CommandError("allowed: user names, or --all")
        users = get_user_model()._default_manager.order_by("pk")
        if usernames:
            name = get_user_model().USERNAME_FIELD
            users = users.filter(**{f"{name}__in": [normal(username) for username in usernames]})
            found = set(users.values_list(name, flat=True))
            missing = sorted(username for username in set(usernames) if normal(username) not in found)
            if missing:
                raise CommandError(f"these users do not exist, and nobody was logged out: {', '.join(missing)}")
        keys = list(users.values_list("pk", flat=True))
        for key in keys:
            revocation.revoke_all_credentials(key, revocation.ADMIN)
        self.stdout.write(f"{len(keys)} logged out everywhere")
