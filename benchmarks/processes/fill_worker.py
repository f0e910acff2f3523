"""Fill the scratch database: `python -m benchmarks.processes.fill_worker [POPULATION]`.

It answers in lines of JSON (see worker.serve).
"""

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from benchmarks.databases.fill import fill
from benchmarks.messages import NOBODY, Population
from benchmarks.processes.worker import serve


def main(others: Population):
    def work(done: Callable[[str], None]) -> dict[str, Any]:
        from benchmarks.databases import population

        rows = 0

        def added(more: int):
            nonlocal rows
            rows += more
            done(str(rows / (others.population * population.per_user(others.refreshes, others.tracks))))

        fill(others, added)
        return asdict(population.stored(others.tracks))

    serve(work)


if __name__ == "__main__":
    main(Population.from_json(sys.argv[1]) if len(sys.argv) > 1 else NOBODY)
