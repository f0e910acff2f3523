#!/usr/bin/env python
import os
import sys


def main():
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    from django.conf import settings
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line
    from django.db import DatabaseError, DataError, IntegrityError, InterfaceError

    try:
        settings.INSTALLED_APPS  # noqa: B018 - reads the switches, so that a wrong one is one line and no traceback
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error}")
    # Nobody waits for a command's answer: it may wait for a lock, and read a table from end to end.
    for name in ("lock_timeout", "statement_timeout"):
        settings.DATABASES["default"]["OPTIONS"].pop(name, None)
    try:
        execute_from_command_line(sys.argv)
    except (DatabaseError, InterfaceError) as error:
        if isinstance(error, DataError | IntegrityError) or "--traceback" in sys.argv:
            raise  # of a database that is there and has its tables: a defect
        sys.exit(f"error: {_refusal(error)}")


def _refusal(error) -> str:
    """Which database, without its password, what it said, and the remedy if its tables are missing or old."""
    from config.switches import SWITCHES

    switch = SWITCHES["DATABASE_URL"]
    url = switch.shown(os.environ.get(switch.name) or switch.default)
    # PostgreSQL's undefined_table and undefined_column.
    unmade = getattr(error.__cause__, "sqlstate", None) in ("42P01", "42703") or "no such " in str(error)
    remedy = "; `manage.py migrate` makes what is missing" if unmade else ""
    return f"DATABASE_URL={url!r}: {' '.join(str(error).split())}{remedy}"


if __name__ == "__main__":
    main()
