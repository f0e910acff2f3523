"""A worker process that times logins and their clean-up.

`python -m benchmarks.questions.scale.login_costs_worker TASK`, see worker.serve.
"""

import json
import sys
from dataclasses import asdict

from benchmarks.processes.worker import serve
from benchmarks.questions.flows.messages import Task


def main(argument: str):
    """Do the task and answer with what was found."""

    def work(done):
        from benchmarks.questions.flows import timing
        from benchmarks.questions.scale import flushing

        order = json.loads(argument)
        found = timing.run(Task(**order["task"]), done)
        return {"found": asdict(found), "flush_ns": flushing.run(order["logins"], order["refreshes"])}

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
