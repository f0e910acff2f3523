"""A worker process: `python -m benchmarks.worker ASSIGNMENT` answers in lines of JSON (see messages.py)."""

import json
import os
import sys
from contextlib import redirect_stdout
from dataclasses import asdict

from benchmarks.messages import DONE, REFUSED, SAMPLE, Assignment


def main(argument: str):
    out = sys.stdout

    def report(message: dict):
        print(json.dumps(message), file=out, flush=True)

    with redirect_stdout(sys.stderr):  # what a view may print must not be taken for an answer
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        import django

        django.setup()
        from benchmarks import timing

        try:
            sample = timing.run(Assignment.from_json(argument), lambda url: report({DONE: url}))
        except timing.RefusedError as refusal:
            report({REFUSED: str(refusal)})
        else:
            report({SAMPLE: asdict(sample)})


if __name__ == "__main__":
    main(sys.argv[1])
