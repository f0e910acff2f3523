import os

from django.conf import settings
from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from config.switches import SWITCHES, Switch


class Command(BaseCommand):
    help = "List every switch with its value, who set it, its default and its effect. Secrets are not printed."
    requires_system_checks = []

    def handle(self, **options):
        table = Table("switch", "value", "set by", "default", "what it does")
        for switch in SWITCHES.values():
            # An empty variable means the default.
            value = os.environ.get(switch.name) or switch.default
            table.add_row(
                switch.name, switch.shown(value), _origin(switch), switch.default or "(not set)", switch.effect
            )
        # For a pipe, the table is wide enough that no text wraps.
        Console(file=self.stdout, width=None if self.stdout.isatty() else 220).print(table)


def _origin(switch: Switch) -> str:
    """Return where the switch is set: environment, file, or default."""
    if not os.environ.get(switch.name):
        return "default"
    return "file" if switch.name in settings.SWITCHES_FROM_FILE else "environment"
