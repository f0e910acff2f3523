"""How a worker process answers: in lines of JSON on standard output (see messages.py)."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

from benchmarks.messages import DONE, REFUSED, SAMPLE, RefusedError


def serve(
    work: Callable[[Callable[[str], None]], Any],
    unfit: Callable[[Exception], RefusedError] | None = None,
):
    """Set Django up and print what `work(done)` returns, or why it refused.

    `work` imports what needs Django. `unfit` makes a refusal of what the set-up raises.
    """
    # What a C library or a shell prints is no answer either, and they know no sys.stdout.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def report(message: dict):
        print(json.dumps(message), file=out, flush=True)

    with redirect_stdout(sys.stderr):  # a view may print, and that is no answer
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        try:
            _set_up(unfit)
            sample = work(lambda url: report({DONE: url}))
        except RefusedError as refusal:
            report({REFUSED: str(refusal)})
        else:
            report({SAMPLE: sample})


def _set_up(unfit: Callable[[Exception], RefusedError] | None):
    import django

    try:
        django.setup()
    except RefusedError:
        raise
    except Exception as error:
        if unfit is None:
            raise
        raise unfit(error) from None
