"""The disk that a run's scratch databases need."""

import shutil
import tempfile

import click


def check(needed: int, options: str):
    """Raise click.UsageError unless that many bytes are free where scratch databases are made.

    `options`  those that say how much is loaded
    """
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise click.UsageError(
            f"{options}: some {needed / 1e9:,.0f} GB to load, of which {folder} has "
            f"{free / 1e9:,.0f}; allowed: fewer, or --database-url"
        )
