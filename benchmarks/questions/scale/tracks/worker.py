"""A process that times pages and searches of one service on one database.

`python -m benchmarks.questions.scale.tracks.worker TASK`, see worker.serve.
"""

import json
import sys
from dataclasses import asdict

from benchmarks.processes.worker import serve
from benchmarks.questions.scale.tracks.messages import Task


def main(argument: str):
    """Do the task and answer with what was found."""

    def work(done):
        from benchmarks.questions.scale.tracks import timing

        return asdict(timing.run(Task(**json.loads(argument)), done))

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
