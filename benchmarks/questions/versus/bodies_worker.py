"""A worker process that answers with the bodies of a service's responses; nothing is timed.

`python -m benchmarks.questions.versus.bodies_worker ASSIGNMENT`, see worker.serve.
"""

import sys
from pathlib import Path
from random import Random

from benchmarks.messages import Assignment
from benchmarks.processes.worker import serve


def main(argument: str):
    """Ask each contender at each URL of the assignment."""

    def work(done):
        import config
        from benchmarks.contenders import wsgi
        from benchmarks.contenders.wsgi import Handler
        from benchmarks.processes import timing

        assignment = Assignment.from_json(argument)
        urls = list(assignment.rounds)
        handler = Handler()
        field = timing.build(assignment, urls, Random(assignment.seed))
        timing.prove(handler, field, urls)
        return {
            "service": str(Path(config.__file__).parent.parent),
            "bodies": [
                wsgi.ask(handler, each.environ(url)).body.decode("latin-1") for url in urls for each in field.values()
            ],
        }

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
