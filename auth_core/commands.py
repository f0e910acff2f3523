"""Management commands that cannot be undone."""

from typing import Any

from django.core.management.base import BaseCommand


class CheckedCommand(BaseCommand):
    """A command that runs only after every system check has passed.

    Django offers --skip-checks for each command with checks, and `call_command` skips them unless
    it is asked not to. Here nothing skips them, and the option does not exist. Raises
    SystemCheckError, a CommandError, before anything is changed.
    """

    requires_system_checks: Any = ()  # for the parser, which then has no --skip-checks

    def execute(self, *args: Any, **options: Any) -> str | None:
        self.requires_system_checks = "__all__"
        return super().execute(*args, **{**options, "skip_checks": False})
