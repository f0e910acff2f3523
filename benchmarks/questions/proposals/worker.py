"""One process of `proposals`: `python -m benchmarks.questions.proposals.worker TASK`.

It answers in lines of JSON (see processes/worker.py).
"""

import sys
from dataclasses import asdict

from benchmarks.processes.worker import serve
from benchmarks.questions.proposals.messages import Task


def main(argument: str):
    def work(done):
        from benchmarks.questions.proposals import timed

        return asdict(timed.run(Task.from_json(argument), done))

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
