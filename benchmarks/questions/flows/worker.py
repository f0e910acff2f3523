"""A worker process: `python -m benchmarks.questions.flows.worker TASK` answers in lines of JSON (see worker.serve)."""

import sys
from dataclasses import asdict

from benchmarks.processes.worker import serve
from benchmarks.questions.flows.messages import Task


def main(argument: str):
    def work(done):
        from benchmarks.questions.flows import timing

        return asdict(timing.run(Task.from_json(argument), done))

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
