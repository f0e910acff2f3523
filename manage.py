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
        settings.INSTALLED_APPS  # noqa: B018 - reads the switches: a wrong one prints one line, no traceback
    except ImproperlyConfigured as error:
        sys.exit(f"error: {error}")
    # Commands have no client that waits: they may wait for locks and read whole tables.
    for name in ("lock_timeout", "statement_timeout"):
        settings.DATABASES["default"]["OPTIONS"].pop(name, None)
    try:
        execute_from_command_line(sys.argv)
    except (DatabaseError, InterfaceError) as error:
        if isinstance(error, DataError | IntegrityError) or "--traceback" in sys.argv:
            raise  # the database is available and has its tables: this is a defect
        sys.exit(f"error: {_refusal(error)}")


def _refusal(error: Exception) -> str:
    """Return which database failed, without its password, why, and how to create missing tables."""
    from config.switches import SWITCHES

    switch = SWITCHES["DATABASE_URL"]
    url = switch.shown(os.environ.get(switch.name) or switch.default)
    # PostgreSQL's codes for undefined_table and undefined_column.
    is_missing = getattr(error.__cause__, "sqlstate", None) in ("42P01", "42703") or "no such " in str(error)
    remedy = "; `manage.py migrate` creates what is missing" if is_missing else ""
    return f"DATABASE_URL={url!r}: {' '.join(str(error).split())}{remedy}"


if __name__ == "__main__":
    main()
