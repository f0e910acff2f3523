"""A worker process: `python -m benchmarks.questions.ladder.worker ASSIGNMENT` answers in lines of JSON (see worker.serve)."""

import sys
from dataclasses import asdict

from benchmarks.messages import Assignment
from benchmarks.processes.worker import serve


def main(argument: str):
    def work(done):
        from benchmarks.questions.ladder import rungs

        climbs = rungs.run(Assignment.from_json(argument), done)
        return {scheme: asdict(climb) for scheme, climb in climbs.items()}

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
