"""A worker process: `python -m benchmarks.upkeep_worker TASK` answers in lines of JSON (see worker.serve)."""

import json
import sys
from dataclasses import asdict

from benchmarks.flow_messages import Task
from benchmarks.worker import serve


def main(argument: str):
    def work(done):
        from benchmarks import flow_timing, flushing

        order = json.loads(argument)
        found = flow_timing.run(Task(**order["task"]), done)
        return {"found": asdict(found), "flush_ns": flushing.run(order["logins"], order["refreshes"])}

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
