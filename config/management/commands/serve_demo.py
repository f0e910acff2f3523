import ipaddress
import os
import shlex
import sys

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.urls import NoReverseMatch, reverse

from config import server
from config.demo import DEMO, DEMO_PASSWORD, STAFF, STAFF_PASSWORD
from tracks.models import Track

# For each keyword, the route that exchanges a password for a credential, and the field with it.
OBTAIN = {"Token": ("token-obtain", "token"), "Bearer": ("jwt-obtain", "access")}


class Command(BaseCommand):
    help = (
        "Create a database with the catalogue, a demo user and a staff user, print sample requests, and serve. "
        "Use it on your own machine only, because it prints the passwords. A deployment runs granian itself."
    )

    def handle(self, **options):
        host, port = settings.GRANIAN_HOST, settings.GRANIAN_PORT
        if not ipaddress.ip_address(host).is_loopback:
            raise CommandError(
                f"GRANIAN_HOST={host!r}: this command creates users with known passwords; allowed: 127.0.0.1, ::1"
            )
        self._claim(host, port)
        self._fill()
        self._say(server.base_url(host, port))
        sys.stdout.flush()
        os.environ["GRANIAN_HOST"], os.environ["GRANIAN_PORT"] = host, str(port)
        os.environ["GRANIAN_WORKERS"] = str(settings.GRANIAN_WORKERS)
        os.environ["GRANIAN_BLOCKING_THREADS"] = str(settings.GRANIAN_BLOCKING_THREADS)
        log = ["--log-config", str(server.JSON_LINES)] if settings.LOG_FORMAT == "json" else []
        # A worker ignores a signal to end while it starts, and granian would wait for it forever.
        ending = ["--workers-kill-timeout", "5"]  # seconds
        command = server.command(host, port, "--log-level", "warning", *ending, *log)
        os.execv(sys.executable, command)  # noqa: S606 - no shell is meant

    @staticmethod
    def _claim(host: str, port: int):
        """Raise CommandError unless the server can listen on the port."""
        try:
            server.claim(host, port)
        except OSError as error:
            raise CommandError(f"GRANIAN_PORT={port}: cannot listen on {host}: {error.strerror}") from None

    @staticmethod
    def _fill():
        """Create what is missing. A second start changes nothing."""
        call_command("migrate", verbosity=0, interactive=False)
        if not Track.objects.exists():
            call_command("load_tracks")
        users = get_user_model()._default_manager
        if not users.filter(username=DEMO).exists():
            users.create_user(DEMO, password=DEMO_PASSWORD)
        if not users.filter(username=STAFF).exists():
            users.create_superuser(STAFF, password=STAFF_PASSWORD)

    def _say(self, base: str):
        say = self.stdout.write
        say(f"\nServing {Track.objects.count()} tracks on {base}/ (docs: {base}/docs/, admin: {base}/admin/)")
        say(f"Users: {DEMO} / {DEMO_PASSWORD}, {STAFF} / {STAFF_PASSWORD}. Open to: ", ending="")
        say(", ".join(scheme.name for scheme in settings.SCHEMES) + ". Stop with Ctrl-C.")
        tracks = shlex.quote(f"{base}{reverse('track-list')}?genre=Rock&page_size=2")
        for scheme in settings.SCHEMES:
            route, name = OBTAIN[scheme.keyword]
            login = f"{self._login(base + reverse(route))} | {_pick(name)}"
            say(f"\n# List tracks with {scheme.name}:")
            say(f'curl -H "Authorization: {scheme.keyword} $({login})" {tracks}')
        try:
            refresh = reverse("jwt-refresh")
        except NoReverseMatch:
            say("")
            return
        login = f"{self._login(base + reverse('jwt-obtain'))} | {_pick('refresh')}"
        say(f'\n# Refresh:\ncurl -d "refresh=$({login})" {base}{refresh}\n')

    @staticmethod
    def _login(url: str) -> str:
        return f"curl -s -d username={DEMO} -d password={DEMO_PASSWORD} {url}"


def _pick(name: str) -> str:
    """Return a shell filter that prints one member of a JSON object."""
    return f"""sed 's/.*"{name}":"\\([^"]*\\)".*/\\1/'"""
