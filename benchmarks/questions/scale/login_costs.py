"""Second half of `python -m benchmarks scale`: the cost of making, refreshing and flushing logins.

Fresh processes take turns among the sizes, as in turns.py. Each does what a process of `flows`
does; then it adds expired logins and cleans them up. Intervals are Student's at 95 % over the
processes. Times are in microseconds.
"""

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random

from benchmarks.databases.scratch import Database
from benchmarks.messages import Stored
from benchmarks.processes import start
from benchmarks.questions.flows.messages import OBTAIN, REFRESH, Found, Task
from benchmarks.questions.flows.run import figure
from benchmarks.results.records.scale import LoginCosts
from benchmarks.stats.design import endless
from benchmarks.stats.intervals import t_interval
from benchmarks.terminal import Watcher

EXPIRED = 1000  # logins to clean up in each process, or as many as there are users
ROUNDS = 2


@dataclass(frozen=True, slots=True)
class Process:
    """What one process found. `flush_ns`: command -> time to clean up `logins` expired logins."""

    found: Found
    flush_ns: dict[str, int]
    logins: int


def run(
    schemes: Sequence[str], places: Mapping[int, Database], refreshes: int, turns: int, watcher: Watcher
) -> dict[int, list[Process]]:
    """Run `turns` processes for each of `places`, which are named by their population.

    Raises start.WorkerRefusedError or start.WorkerFailedError.
    """
    task = Task(tuple(schemes), rounds=ROUNDS, counts=False, password_hash="", seed=0)
    found: dict[int, list[Process]] = {population: [] for population in places}
    orders = endless(list(places), Random(secrets.randbits(64)))
    begun, done = time.monotonic(), 0
    for _ in range(turns):
        task = replace(task, seed=secrets.randbelow(2**32))
        hash_seed = secrets.randbelow(2**32)
        for population in next(orders):
            logins = min(EXPIRED, population + 1)
            task = replace(task, counts=not found[population])
            order = json.dumps({"task": asdict(task), "logins": logins, "refreshes": refreshes})
            answer = start.ask(
                "benchmarks.questions.scale.login_costs_worker", order, places[population], schemes, hash_seed
            )
            process = Process(Found.from_dict(answer["found"]), answer["flush_ns"], logins)
            found[population].append(process)
            task = replace(task, password_hash=process.found.password_hash.encoded)
            done += 1
            watcher.expected((time.monotonic() - begun) * turns * len(places) / done)
            watcher.tick()
    return found


def analyse(found: Sequence[Process], stored: Stored) -> LoginCosts:
    """Return what the processes at one size say together, at least two."""
    first = found[0].found
    return LoginCosts(
        flows_us={
            scheme: {
                flow: t_interval([figure(process.found.flow_ns[scheme][flow]) for process in found]) for flow in flows
            }
            for scheme, flows in first.flow_ns.items()
        },
        flush_us={
            command: t_interval([process.flush_ns[command] / process.logins / 1000 for process in found])
            for command in found[0].flush_ns
        },
        bytes_per_login=bytes_per_login(first, stored),
    )


def bytes_per_login(found: Found, stored: Stored) -> dict[str, float]:
    """Return scheme -> bytes for each user, for schemes whose tables have a known size."""
    tables = {each.table: each for each in stored.tables}
    (users,) = (each.rows for each in stored.tables if each.table == "auth_user")
    sizes = {}
    for scheme, flows in found.counts.items():
        grows = {
            table
            for flow in (OBTAIN, REFRESH)
            if flow in flows
            for table, growth in flows[flow].tables.items()
            if growth.inserted
        }
        parts = [
            part for table in grows & set(tables) for part in (tables[table].table_bytes, tables[table].index_bytes)
        ]
        if parts and None not in parts:
            sizes[scheme] = sum(parts) / users
    return sizes
