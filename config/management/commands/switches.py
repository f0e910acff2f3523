import os

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.table import Table

from config.switches import SWITCHES


class Command(BaseCommand):
    help = "List every switch: its name, its value here, its default, what it does. Secrets are not shown."
    requires_system_checks = []

    def handle(self, **options):
        table = Table("switch", "value", "default", "what it does")
        for switch in SWITCHES.values():
            # An empty variable means the default, as it does when it is read.
            value = os.environ.get(switch.name) or switch.default
            table.add_row(switch.name, switch.shown(value), switch.default or "(not set)", switch.effect)
        # A terminal has its width; a pipe gets every word on its line.
        Console(file=self.stdout, width=None if self.stdout.isatty() else 220).print(table)
