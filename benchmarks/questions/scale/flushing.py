"""The clean-up of expired logins in one process: ours and the stock pair's."""

from io import StringIO
from time import perf_counter_ns

from django.apps import apps
from django.core.management import call_command

from benchmarks.databases import population
from benchmarks.messages import RefusedError

# Command -> the table from which it deletes.
COMMANDS = {
    "flush_refresh_families": "jwt_auth.RefreshFamily",
    "flushexpiredtokens": "token_blacklist.OutstandingToken",
}


def run(logins: int, refreshes: int) -> dict[str, int]:
    """Add expired logins, each with refreshes, and return the time of each of COMMANDS in ns.

    Raises RefusedError if a command leaves any of them, or deletes more.
    """
    before = {name: _rows(model) for name, model in COMMANDS.items()}
    population.load_expired(logins, refreshes)
    taken = {}
    for name, model in COMMANDS.items():
        start = perf_counter_ns()
        call_command(name, stdout=StringIO())
        taken[name] = perf_counter_ns() - start
        if (rows := _rows(model)) != before[name]:
            raise RefusedError(f"{name}: leaves {rows} rows of {model}, not {before[name]}")
    return taken


def _rows(model: str) -> int:
    return apps.get_model(model).objects.count()
