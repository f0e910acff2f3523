"""A worker process: `python -m benchmarks.processes.worker ASSIGNMENT` answers in lines of JSON (see messages.py)."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict
from typing import Any

from benchmarks.messages import DONE, REFUSED, SAMPLE, Assignment
from benchmarks.servers import server as servers


def serve(work: Callable[[Callable[[str], None]], Any]):
    """Set Django up and answer what `work(done)` returns, or why it refused. It imports what needs Django."""
    out = sys.stdout

    def report(message: dict):
        print(json.dumps(message), file=out, flush=True)

    with redirect_stdout(sys.stderr):  # what a view may print must not be taken for an answer
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        import django

        django.setup()
        from benchmarks.contenders.contender import RefusedError

        try:
            sample = work(lambda url: report({DONE: url}))
        except RefusedError as refusal:
            report({REFUSED: str(refusal)})
        else:
            report({SAMPLE: sample})


def main(argument: str):
    assignment = Assignment.from_json(argument)
    if assignment.server:
        _ask_server(assignment)
        return

    def work(done):
        from benchmarks.processes import timing

        return asdict(timing.run(assignment, done))

    serve(work)


def _ask_server(assignment: Assignment):
    cores = servers.cores()
    # It starts while this process sets itself up.
    with servers.running(assignment, cores and cores.server) as server:

        def work(done):
            from benchmarks.questions.wire import timing as wire_timing

            return asdict(wire_timing.run(assignment, server, cores, done))

        serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
