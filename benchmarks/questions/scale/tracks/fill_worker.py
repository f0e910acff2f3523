"""A process that migrates a database and may load copies of the catalogue into it.

`python -m benchmarks.questions.scale.tracks.fill_worker ORDER`, see worker.serve.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from time import monotonic

from benchmarks.processes.worker import serve
from benchmarks.questions.scale.tracks.messages import Filled


def main(argument: str):
    """Migrate, load as many `copies` as the order names (0: none), and answer with a Filled."""
    order = json.loads(argument)

    def work(done: Callable[[str], None]) -> dict:
        from django.core.management import call_command

        from benchmarks.databases import fill, population
        from tracks import catalogue
        from tracks.models import Track

        call_command("migrate", verbosity=0)
        begin = monotonic()
        if order["copies"]:
            rows = catalogue.read(catalogue.CHINOOK, order["copies"])
            with fill.same_times():
                catalogue.load(rows, order["copies"])
        seconds = monotonic() - begin if order["copies"] else 0.0
        population.settle(order["analyze"])
        return asdict(Filled(Track.objects.count(), population.stored().database_bytes, seconds))

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
