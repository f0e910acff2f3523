"""A worker process: `python -m benchmarks.flows_worker TASK` answers in lines of JSON (see worker.serve)."""

import sys
from dataclasses import asdict

from benchmarks.flow_messages import Task
from benchmarks.worker import serve


def main(argument: str):
    def work(done):
        from benchmarks import flow_timing

        return asdict(flow_timing.run(Task.from_json(argument), done))

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
