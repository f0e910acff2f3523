"""`python -m benchmarks.bodies_worker ASSIGNMENT` tells what is answered (see worker.serve), untimed."""

import sys
from pathlib import Path
from random import Random

from benchmarks.messages import Assignment
from benchmarks.worker import serve


def main(argument: str):
    def work(done):
        import config
        from benchmarks import contenders, timing

        assignment = Assignment.from_json(argument)
        urls = list(assignment.rounds)
        handler = contenders.Handler()
        field = timing.build(assignment, urls, Random(assignment.seed))
        timing.prove(handler, field, urls)
        return {
            "service": str(Path(config.__file__).parent.parent),
            "bodies": [
                contenders.ask(handler, contenders.environ(each, url)).body.decode("latin-1")
                for url in urls
                for each in field.values()
            ],
        }

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
