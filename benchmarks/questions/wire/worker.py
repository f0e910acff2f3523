"""Time contenders behind a server: `python -m benchmarks.questions.wire.worker ASSIGNMENT`.

It answers in lines of JSON (see processes/worker.py).
"""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from benchmarks.messages import ASSIGNMENT_VARIABLE, Assignment
from benchmarks.processes.worker import serve
from benchmarks.servers import server as servers

APPLICATION = "benchmarks.questions.wire.application:application"


def main(argument: str):
    assignment = Assignment.from_json(argument)
    environment = os.environ | {ASSIGNMENT_VARIABLE: argument}
    cores = servers.cores()
    # The server starts while this process sets itself up.
    with servers.started(assignment.server, APPLICATION, environment, cores and cores.server) as server:

        def work(done: Callable[[str], None]) -> dict[str, Any]:
            from benchmarks.questions.wire import timing

            return asdict(timing.run(assignment, server, cores, done))

        serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
