"""Time the same requests under WSGI and under ASGI: `python -m docs.explanation.asgi_cost`.

One granian serves the project each way. The client sends one request at a time on a kept
connection, in blocks that alternate in random order, and a ratio is taken in each round. It prints
the median of the ratios, with the least and the most.
"""

import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import click

from benchmarks.contenders.user import PASSWORD, USERNAME
from benchmarks.databases.scratch import scratch
from benchmarks.messages import SERVED
from benchmarks.servers import http1

# What it is called here -> granian's interface, what it serves, and the threads it takes.
SERVED_AS = {
    "wsgi": ("wsgi", "config.wsgi:application", "8"),
    "asgi": ("asginl", "docs.explanation.asgi_cost:application", "1"),  # without a lifespan, as Django has none
}
DROP = 5  # first requests of a block that are left out
FIRST_ANSWER = 60.0  # seconds in which a server must answer
MAKE_USER = (
    f"from django.contrib.auth.models import User; User.objects.create_user({USERNAME!r}, password={PASSWORD!r})"
)


def __getattr__(name: str):
    """Return the ASGI application that granian asks for; Django is set up by then only."""
    if name != "application":
        raise AttributeError(name)
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


@click.command()
@click.option("--database", type=click.Choice(["sqlite", "postgresql"]), default="sqlite", show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=30, show_default=True)
@click.option("--block", type=click.IntRange(min=DROP + 2), default=30, show_default=True, help="Requests of a block.")
def main(database: str, rounds: int, block: int):
    """Print what a request costs under ASGI, divided by what it costs under WSGI."""
    with scratch(database, None, SERVED) as made, ExitStack() as stack:
        environment = os.environ | {
            "ENV_FILE": "",
            "DATABASE_URL": made.url,
            "SECRET_KEY": "x" * 50,
            "AUTH_SCHEMES": "token,jwt-stateless",
            "LOGIN_THROTTLE": "none",
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        for command in (["migrate", "--verbosity", "0"], ["shell", "--verbosity", "0", "--command", MAKE_USER]):
            subprocess.run([sys.executable, "manage.py", *command], env=environment, check=True)  # noqa: S603
        ports = {each: stack.enter_context(_serve(each, environment)) for each in SERVED_AS}
        requests = _requests(ports["wsgi"])
        connections = {each: stack.enter_context(http1.Connection(port)) for each, port in ports.items()}
        times = [_round(connections, requests, block) for _ in range(rounds)]
    for name in requests:
        ratios = [each["asgi", name] / each["wsgi", name] for each in times]
        print(f"{name}: {statistics.median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]")


@contextmanager
def _serve(interface: str, environment: Mapping[str, str]) -> Iterator[int]:
    """Start a granian, wait for its first answer, and yield its port."""
    granians, application, threads = SERVED_AS[interface]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "granian", "--interface", granians, "--no-ws", "--http", "1"]
    command += ["--log-level", "error", "--host", "127.0.0.1", "--port", str(port), application]
    server = subprocess.Popen(command, env={**environment, "GRANIAN_BLOCKING_THREADS": threads})  # noqa: S603
    try:
        end = time.monotonic() + FIRST_ANSWER
        while True:
            try:
                with http1.Connection(port) as connection:
                    connection.exchange(http1.get("/health/"))
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > end:
                    sys.exit(f"the server for {interface} gave no answer")
                time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait()


def _requests(port: int) -> dict[str, bytes]:
    """Return what is sent, by what it asks of the database."""

    def log_in(path: str) -> dict:
        body = json.dumps({"username": USERNAME, "password": PASSWORD}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)

    headers = {
        "jwt-stateless, no query": f"Authorization: Bearer {log_in('/api/token/')['access']}",
        "token, one query": f"Authorization: Token {log_in('/api-token-auth/')['token']}",
    }
    return {
        "no credential, no query": http1.get("/health/"),
        **{name: http1.get("/whoami/", "Host: 127.0.0.1", header) for name, header in headers.items()},
    }


def _round(connections: Mapping[str, http1.Connection], requests: Mapping[str, bytes], block: int) -> dict:
    """Return the 25th percentile of a block of each request under each interface."""
    found = {}
    for interface, name in random.sample(keys := [(i, n) for i in connections for n in requests], len(keys)):
        answers = [connections[interface].exchange(requests[name]) for _ in range(block)]
        wrong = {answer.status for answer in answers if not answer.status.startswith("200")}
        if wrong:
            sys.exit(f"{interface}, {name}: {', '.join(wrong)}")
        found[interface, name] = statistics.quantiles([a.nanoseconds for a in answers[DROP:]], n=4)[0]
    return found


if __name__ == "__main__":
    main()
