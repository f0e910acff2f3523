"""A worker process for one library: `python -m benchmarks.questions.refreshes.worker ORDER`."""

import json
import os
import sys
from contextlib import redirect_stdout
from dataclasses import asdict

from benchmarks.messages import REFUSED, SAMPLE, RefusedError
from benchmarks.processes.clock import Clock
from benchmarks.questions.refreshes.messages import Order
from benchmarks.questions.refreshes.projects import SETTINGS, SETUP_VARIABLE
from benchmarks.questions.refreshes.setups import SETUPS


def main(order: Order):
    """Set Django up under a stopped clock, and answer in one line of JSON."""
    out = sys.stdout
    # The clock comes before anything that may import time's functions by name.
    with redirect_stdout(sys.stderr), Clock() as clock:
        os.environ[SETUP_VARIABLE] = order.setup
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings" if SETUPS[order.setup].row else SETTINGS
        import django

        django.setup()
        try:
            answer = {SAMPLE: _run(order, clock)}
        except RefusedError as refusal:
            answer = {REFUSED: str(refusal)}
    print(json.dumps(answer), file=out)


def _run(order: Order, clock: Clock) -> dict:
    from importlib import import_module

    from django.conf import settings
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from django.db import connection
    from django.utils.module_loading import import_string

    from benchmarks.questions.refreshes import counting
    from benchmarks.questions.refreshes.lifecycle import Lifecycle

    import_module(settings.ROOT_URLCONF)  # django-jwt-allauth's models come with its URLs
    call_command("migrate", verbosity=0)
    call_command("migrate", verbosity=0, run_syncdb=True)  # django-jwt-allauth ships no migrations
    setup = SETUPS[order.setup]
    if setup.prepare:
        import_string(setup.prepare)()
    lifecycle = Lifecycle(setup.name, import_string(setup.client)(get_wsgi_application()), clock)
    held = lifecycle.log_in()
    written = counting.count(lambda: lifecycle.renew(held), order.refreshes)
    found = lifecycle.run()
    return {
        **found,
        "cells": {event: asdict(cell) for event, cell in found["cells"].items()},
        "written": asdict(written),
        "service": {
            "database": connection.display_name,
            "database_version": ".".join(map(str, connection.get_database_version())),
        },
    }


if __name__ == "__main__":
    main(Order.from_json(sys.argv[1]))
