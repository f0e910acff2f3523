"""A worker process: `python -m benchmarks.rungs_worker TASK` answers in lines of JSON (see worker.serve)."""

import sys
from dataclasses import asdict

from benchmarks.ladder import Task
from benchmarks.worker import serve


def main(argument: str):
    def work(done):
        from benchmarks import rungs

        return {scheme: asdict(climb) for scheme, climb in rungs.run(Task.from_json(argument), done).items()}

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
