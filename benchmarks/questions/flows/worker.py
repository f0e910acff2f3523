"""A worker process that times flows: `python -m benchmarks.questions.flows.worker TASK`.

It answers in lines of JSON (see worker.serve).
"""

import sys
from dataclasses import asdict

from benchmarks.processes.worker import serve
from benchmarks.questions.flows.messages import Task


def main(argument: str):
    """Do the task and answer with what was found."""

    def work(done):
        from benchmarks.questions.flows import timing

        return asdict(timing.run(Task.from_json(argument), done))

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
