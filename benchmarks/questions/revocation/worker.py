"""A worker process that answers assignments in one line of JSON.

`python -m benchmarks.questions.revocation.worker ASSIGNMENTS`
"""

import json
import os
import sys
from contextlib import redirect_stdout

from benchmarks.messages import REFUSED, SAMPLE, RefusedError
from benchmarks.processes.clock import Clock
from benchmarks.questions.revocation.messages import Assignment


def main(argument: str):
    """Set Django up under a stopped clock, and answer."""
    out = sys.stdout
    assignments = [Assignment.from_dict(data) for data in json.loads(argument)]
    # The clock comes before the service is imported: it may import time's functions by name.
    with redirect_stdout(sys.stderr), Clock(max(assignment.issued_at for assignment in assignments)) as clock:
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        import django

        django.setup()
        from benchmarks.questions.revocation import lifecycle

        try:
            answer = {SAMPLE: {"answers": [lifecycle.run(assignment, clock) for assignment in assignments]}}
        except RefusedError as refusal:
            answer = {REFUSED: str(refusal)}
    print(json.dumps(answer), file=out)


if __name__ == "__main__":
    main(sys.argv[1])
