"""The run behind `python -m benchmarks refreshes`: a process and a database for each setup."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from benchmarks.databases.scratch import SQLITE, Database
from benchmarks.processes import start
from benchmarks.questions.refreshes.messages import Order
from benchmarks.questions.refreshes.setups import SETUPS
from benchmarks.results.records.refreshes import Library
from benchmarks.terminal import Watcher
from config.switches import SWITCHES

SECONDS_PER_SETUP = 10.0  # about, for the progress bar


def run(
    names: Sequence[str], refreshes: int, databases: Sequence[Database], watcher: Watcher
) -> tuple[list[Library], dict[str, Any]]:
    """Return what was found about each setup, and the database.

    Nothing is timed, so that on SQLite as many processes run at a time as there are processors. The
    databases of a PostgreSQL server share one write-ahead log, so there they take turns.

    Raises start.WorkerRefusedError or start.WorkerFailedError.
    """
    # Other runs pin these to outlast their timing; this one measures the service's own.
    lifetimes = {name: SWITCHES[name].default for name in ("JWT_ACCESS_LIFETIME", "JWT_REFRESH_LIFETIME")}

    def ask(name: str, database: Database) -> dict[str, Any]:
        row = SETUPS[name].row
        switches = lifetimes | {"AUTH_SCHEMES": row} if row else {}
        order = Order(name, refreshes).to_json()
        answer = start.ask("benchmarks.questions.refreshes.worker", order, database, [], 0, switches=switches)
        watcher.tick()
        return answer

    at_once = (os.cpu_count() or 1) if databases[0].url.startswith(SQLITE) else 1
    watcher.expected(SECONDS_PER_SETUP * len(names) / at_once)
    with ThreadPoolExecutor(at_once) as pool:
        try:
            answers = list(pool.map(ask, names, databases))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    found = [
        msgspec.convert(
            {
                "name": name,
                "package": SETUPS[name].package,
                "version": SETUPS[name].version(),
                "settings": SETUPS[name].shown,
                **answer,
            },
            Library,
        )
        for name, answer in zip(names, answers, strict=True)
    ]
    return found, answers[0]["service"]
