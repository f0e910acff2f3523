"""Steps that run at the same moment, each in a thread of its own."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connections


def at_once(*steps: Callable) -> list:
    """Start each step in a thread of its own at the same moment; return what the steps return."""
    barrier = Barrier(len(steps))

    def run(step):
        barrier.wait(timeout=30)
        try:
            return step()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(steps)) as pool:
        return [future.result() for future in [pool.submit(run, step) for step in steps]]
