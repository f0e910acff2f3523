"""Time the ladders of schemes: `python -m benchmarks.questions.ladder.worker ASSIGNMENT`.

It answers in lines of JSON (see processes/worker.py).
"""

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
