"""The lab's commands: `python -m benchmarks`.

Each has a folder of its name in benchmarks/questions.
"""

from importlib import import_module

import click

from benchmarks import terminal

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
    "refreshes",
    "scale",
    "plan",
    "proposals",
    "versus",
    "report",
    "compare",
    "record",
    "site",
    "splice",
    "csv",
    "schema",
    "selftest",
)


class _Commands(click.Group):
    """A group that imports a command only when it is needed, and so only its libraries."""

    def list_commands(self, context):
        return COMMANDS

    def format_commands(self, context, formatter):
        """Write the whole first sentence of each command: click itself cuts it to a line."""
        commands = ((name, self.get_command(context, name)) for name in COMMANDS)
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(limit=1000)) for name, each in commands])

    def get_command(self, context, name):
        if name not in COMMANDS:
            return None
        return import_module(f"benchmarks.questions.{name}.command").command


@click.command(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": terminal.WIDTH}
)
def main():
    """Token or JWT: what does each authentication scheme cost?"""
    terminal.show_anywhere()


if __name__ == "__main__":
    terminal.end_by_signals()
    main()
