"""A worker process: `python -m benchmarks.revocation_worker ASSIGNMENT` answers in one line of JSON."""

import json
import os
import sys
from contextlib import redirect_stdout

from benchmarks.clock import Clock
from benchmarks.messages import REFUSED
from benchmarks.revocation import Assignment, LongerLifeError


def main(argument: str):
    out = sys.stdout
    assignment = Assignment.from_json(argument)
    # Before the service is imported: it may take time's functions by name.
    with redirect_stdout(sys.stderr), Clock(assignment.issued_at) as clock:
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        import django

        django.setup()
        from benchmarks import contenders, lifecycle

        try:
            answer = lifecycle.run(assignment, clock)
        except contenders.RefusedError as refusal:
            answer = {REFUSED: str(refusal)}
        except LongerLifeError as error:
            answer = {REFUSED: f"{assignment.scheme}: {error}"}
    print(json.dumps(answer), file=out)


if __name__ == "__main__":
    main(sys.argv[1])
