"""The process under valgrind: `python -m benchmarks.questions.instructions.worker TASK`."""

import gc
import multiprocessing
import sys
from collections.abc import Callable

from benchmarks.messages import ANONYMOUS
from benchmarks.processes.worker import serve
from benchmarks.questions.instructions.run import Task

WARM_UP = 20  # requests of each contender; the interpreter specialises its code after a few


def run(task: Task) -> dict[str, list[int]]:
    """Return contender -> ids of two processes that did `few` and `many` requests and have ended.

    Raises RefusedError, before anything is counted, if a contender does not do what it says.
    """
    from django.contrib.auth import get_user_model
    from django.db import connection

    from benchmarks.contenders.contender import Contender
    from benchmarks.contenders.lineup import find_scheme
    from benchmarks.contenders.user import USERNAME
    from benchmarks.contenders.wsgi import Handler
    from benchmarks.processes import timing

    user = get_user_model().objects.get(username=USERNAME)
    urls = [task.url]
    field = {ANONYMOUS: Contender.anonymous(ANONYMOUS, urls)}
    for name in task.schemes:
        contender = Contender.of_scheme(find_scheme(name), user, urls)
        field[contender.name] = contender
    handler = Handler()
    timing.prove(handler, field, urls)
    for contender in field.values():
        timing.time_block(handler, contender.environ(task.url), WARM_UP)
    connection.close()  # a connection must not be used on both sides of a fork
    gc.collect()
    gc.freeze()
    gc.disable()
    return {
        name: [_copy(_requests, handler, contender, task.url, count) for count in (task.few, task.many)]
        for name, contender in field.items()
    }


def _requests(handler, contender, url: str, count: int):
    from benchmarks.contenders import proof
    from benchmarks.processes import timing

    proof.hear(handler, [contender])  # no listener survives the fork
    timing.time_block(handler, contender.environ(url), count)


def _copy(work: Callable, *arguments) -> int:
    """Return the id of a copy of this process that did `work` and ended."""
    copy = multiprocessing.get_context("fork").Process(target=work, args=arguments)
    copy.start()
    copy.join()
    if copy.exitcode:
        raise RuntimeError(f"the process of {arguments[-1]} requests ended with {copy.exitcode}")
    return copy.pid


if __name__ == "__main__":
    serve(lambda done: run(Task.from_json(sys.argv[1])))
