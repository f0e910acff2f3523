"""One of two processes; it reads orders, line by line, and answers each.

`python -m benchmarks.questions.revocation.cross_process_worker SCHEME-AND-CLOCK`
"""

import json
import os
import sys
import time
from contextlib import nullcontext, redirect_stdout

from benchmarks.messages import REFUSED, RefusedError
from benchmarks.processes.clock import Clock
from benchmarks.questions.revocation.messages import Login

UNTIL_REMEMBERED = 10.0  # seconds: a process that just began to listen does not remember yet


def main(argument: str):
    """Set Django up, under a stopped clock if the argument says so, and obey orders."""
    out = sys.stdout
    order = json.loads(argument)
    # The clock comes before the service is imported, as in worker.py.
    with redirect_stdout(sys.stderr), Clock() if order["clock"] else nullcontext() as clock:
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        import django

        django.setup()
        from benchmarks.contenders.lineup import find_scheme
        from benchmarks.questions.revocation import events, lifecycle
        from benchmarks.questions.revocation.service import Service

        service = Service(find_scheme(order["scheme"]))
        happen = {event: happen for event, (happen, _) in events.events(service).items()}

        def say(**answer):
            print(json.dumps(answer), file=out, flush=True)

        def do(of_staff=False, **order):
            question = service.staff_only if of_staff else service.anybody
            if "log_in" in order:
                login = service.log_in(of_staff)
                lifecycle.remember(service, login, UNTIL_REMEMBERED)
                say(user_id=login.user_id, access=login.access, refresh=login.refresh)
            elif "happen" in order:
                happen[order["happen"]](Login(**order["login"]))
                say(done_ns=time.perf_counter_ns())  # all processes of a machine share this clock
            elif "status_of" in order:
                clock.move(order["after"])
                say(status=service.by_access(Login(**order["status_of"]), question))
            else:
                say(watching=True)
                say(refused_ns=watch(Login(**order["watch"]), question, order["seconds"]))

        def watch(login: Login, question, seconds: float) -> int | None:
            end = time.perf_counter_ns() + seconds * 1e9
            while (begin := time.perf_counter_ns()) < end:
                if service.by_access(login, question) != 200:
                    return begin
            return None

        try:
            for line in sys.stdin:
                do(**json.loads(line))
        except RefusedError as refusal:
            say(**{REFUSED: str(refusal)})


if __name__ == "__main__":
    main(sys.argv[1])
