"""Time contenders in process: `python -m benchmarks.processes.timing_worker ASSIGNMENT`.

It answers in lines of JSON (see worker.serve).
"""

import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from benchmarks.messages import Assignment
from benchmarks.processes.worker import serve


def main(argument: str):
    def work(done: Callable[[str], None]) -> dict[str, Any]:
        from benchmarks.processes import timing

        return asdict(timing.run(Assignment.from_json(argument), done))

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
