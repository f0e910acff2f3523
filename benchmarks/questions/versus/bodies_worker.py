"""A worker process that answers with the bodies of a service's responses; nothing is timed.

It also answers where the packages came from that it imported.

`python -m benchmarks.questions.versus.bodies_worker ASSIGNMENT`, see worker.serve.
"""

import sys
from importlib import import_module
from pathlib import Path
from random import Random

from benchmarks.messages import Assignment
from benchmarks.processes.worker import serve


def origins(name: str) -> dict[str, str]:
    """Return the files of the module that has `package.module:SCHEME`, and of the class."""
    from django.utils.module_loading import import_string

    from benchmarks.contenders.lineup import find_scheme

    path = find_scheme(name).authentication
    modules = {name: import_module(name.partition(":")[0]), path: sys.modules[import_string(path).__module__]}
    return {what: getattr(module, "__file__", None) or "" for what, module in modules.items()}


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
            "origins": {
                what: file for name in assignment.schemes if ":" in name for what, file in origins(name).items()
            },
            "bodies": [
                wsgi.ask(handler, each.environ(url)).body.decode("latin-1") for url in urls for each in field.values()
            ],
        }

    serve(work)


if __name__ == "__main__":
    main(sys.argv[1])
