"""`python -m benchmarks`: the lab's commands, each in the module of its name in benchmarks/commands."""

import signal
import sys
from importlib import import_module

import click

from benchmarks import screen

COMMANDS = (
    "overhead",
    "wire",
    "ladder",
    "instructions",
    "flows",
    "load",
    "users",
    "distance",
    "revocation",
    "scale",
    "plan",
    "versus",
    "report",
    "compare",
    "csv",
    "schema",
    "selftest",
)


class _Commands(click.Group):
    """Imports a command when it is named, or listed: one needs no other's libraries."""

    def list_commands(self, context):
        return COMMANDS

    def get_command(self, context, name):
        if name not in COMMANDS:
            return None
        return import_module(f"benchmarks.commands.{name}").command


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": screen.WIDTH}
)
def main():
    """Token or JWT: what does each authentication scheme cost?"""
    screen.show_anywhere()


def _end(number: int, frame):
    """End as by Ctrl-C, so that what the command has started ends with it."""
    sys.exit(128 + number)


if __name__ == "__main__":
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ending) is signal.SIG_DFL:  # not under nohup, which has SIGHUP ignored
            signal.signal(ending, _end)
    main()
