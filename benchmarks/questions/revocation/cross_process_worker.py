"""One of two processes: `python -m benchmarks.questions.revocation.cross_process_worker SCHEME-AND-CLOCK` does what it reads, line by line."""

import json
import os
import sys
import time
from contextlib import nullcontext, redirect_stdout

from benchmarks.messages import REFUSED, RefusedError
from benchmarks.questions.revocation.clock import Clock
from benchmarks.questions.revocation.run import Login

UNTIL_REMEMBERED = 10.0  # seconds: a process that has just begun to listen does not remember yet


def main(argument: str):
    out = sys.stdout
    told = json.loads(argument)
    # Before the service is imported, as in the revocation worker.
    with redirect_stdout(sys.stderr), Clock() if told["clock"] else nullcontext() as clock:
        os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
        import django

        django.setup()
        from benchmarks.contenders.lineup import find_scheme
        from benchmarks.questions.revocation import lifecycle

        service = lifecycle.Service(find_scheme(told["scheme"]))
        events = {event: happen for event, (happen, _) in lifecycle.events(service).items()}

        def say(**answer):
            print(json.dumps(answer), file=out, flush=True)

        def do(of_staff=False, **order):
            question = service.staff_only if of_staff else service.anybody
            if "log_in" in order:
                login = service.log_in(of_staff)
                lifecycle.remember(service, login, UNTIL_REMEMBERED)
                say(user_id=login.user_id, access=login.access, refresh=login.refresh)
            elif "happen" in order:
                events[order["happen"]](Login(**order["login"]))
                say(done_ns=time.perf_counter_ns())  # a clock that all processes of a machine share
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
