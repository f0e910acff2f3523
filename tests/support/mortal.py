"""The real service in processes that kill themselves by SIGKILL at a chosen statement.

One process loads `config.wsgi` and serves no request itself. For each `Service.life` it forks a
process that has no connection and no cache yet, like a new server. The fork answers the requests
through the WSGI handler, and ends.
"""

import copy
import ctypes
import gc
import io
import itertools
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from wsgiref.util import setup_testing_defaults

from config.schemes import SCHEMES, Scheme
from tests.support import processes, servers

# These make the secret of a credential. A process may store a secret and die before it returns it.
_MAKERS = (("tokens.wire", "new"), ("rest_framework.authtoken.models", "Token.generate_key"))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: dict


@dataclass(frozen=True)
class Life:
    """The record of one process: its responses, steps and secrets, and whether it was killed."""

    answers: list[Answer]
    steps: list[str]
    made: list[str]
    killed: bool


def call(method: str, path: str, body: dict | None = None, authorization: str = "") -> dict:
    return {"method": method, "path": path, "body": body, "authorization": authorization}


class Service:
    """The service under these switches, to be used as a context manager."""

    def __init__(self, **switches: str):
        self._switches = switches
        self._row: str | None = None
        self.log = servers.temporary_folder() / "log"

    def __enter__(self):
        with self.log.open("w") as log:
            self._group = processes.group(
                [sys.executable, "-m", "tests.support.mortal"],
                cwd=servers.ROOT,
                env=servers.environment(**self._switches),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            self._process = self._group.__enter__()
        return self

    def __exit__(self, *exc_info):
        try:
            self._process.stdin.close()
            self._process.wait(60)
        finally:
            self._group.__exit__(None, None, None)

    def opened_by(self, scheme: Scheme) -> Self:
        """Return this service with its URLs opened by this row of the scheme table alone."""
        opened = copy.copy(self)
        opened._row = scheme.name
        return opened

    def life(self, *requests: dict, die: int | None = None, survives: bool = False, **limits) -> Life:
        """Let a new process answer the requests in turn, and kill itself at its step `die`.

        Steps are counted from 0. A step is the moment before or after a statement or a commit, and
        the moment before a response is sent. `limits` are those of `_limit`. Raise RuntimeError for
        a process that ended by itself.
        """
        task = {"requests": requests, "die": die, "row": self._row, "limits": limits}
        self._process.stdin.write(f"{json.dumps([survives, task])}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the service ended: {self.log.read_text()}")
        told, died_of = json.loads(line)
        by_kind = {kind: [what for each, what in told if each == kind] for kind in ("answer", "step", "made", "error")}
        if by_kind["error"] or died_of not in (0, signal.SIGKILL):
            raise RuntimeError(f"signal {died_of}, {by_kind['error']}: {self.log.read_text()}")
        answers = [Answer(*answer) for answer in by_kind["answer"]]
        return Life(answers, by_kind["step"], by_kind["made"], died_of == signal.SIGKILL)

    def ask(self, *requests: dict, **limits) -> list[Answer]:
        """Return the responses of a new process that is not killed."""
        return self.life(*requests, **limits).answers

    def statuses(self, *requests: dict, **limits) -> list[int]:
        return [answer.status for answer in self.ask(*requests, **limits)]

    def survivor(self, *requests: dict) -> list[int]:
        """Return the statuses from a process that remembers earlier requests. SQLite only."""
        return [answer.status for answer in self.life(*requests, survives=True).answers]

    def run(self, source: str) -> None:
        """Run Python code in a new process of the service."""
        self.life({"python": source})


def _main():
    from django.conf import settings

    from config.wsgi import application

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # PBKDF2 is slow on purpose
    own = settings.ROOT_URLCONF
    for row in SCHEMES:  # do what a server does only once, without opening a connection
        _open_by(row)
        _answer(application, call("GET", "/whoami/"))
    settings.ROOT_URLCONF = own
    gc.freeze()
    for line in sys.stdin:
        survives, task = json.loads(line)
        if survives:
            told = [("answer", _answer(application, each)) for each in task["requests"]]
            print(json.dumps([told, 0]), flush=True)
            continue
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            _live(application, writing, **task)
        os.close(writing)
        with open(reading) as pipe:
            told = [json.loads(each) for each in pipe]
        _, status = os.waitpid(child, 0)
        print(json.dumps([told, os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0]), flush=True)


def _open_by(row: str):
    from django.conf import settings

    from tests.urlconf import urlconf_for

    settings.ROOT_URLCONF = urlconf_for(SCHEMES[row])


def _live(application: Callable, pipe: int, requests: list[dict], die: int | None, row: str | None, limits: dict):
    def tell(kind: str, what):
        os.write(pipe, f"{json.dumps([kind, what])}\n".encode())  # written at once, since the next step may be the last

    from django.db import connections

    try:
        inherited = [each.connection for each in connections.all()]
        for each in connections.all():
            each.connection = None
        if row:
            _open_by(row)
        step = _watch(tell, die)
        _limit(**limits)
        for each in requests:
            if "python" in each:
                exec(each["python"], {})
            else:
                answer = _answer(application, each)
                step("before the answer")
                tell("answer", answer)
    except BaseException:
        tell("error", traceback.format_exc())
    finally:
        with suppress(Exception):
            connections.close_all()  # as a server does at its end; the last one removes a file's -wal and -shm
        del inherited  # not earlier, because this process must not close them
        os._exit(0)


def _watch(tell: Callable, die: int | None) -> Callable[[str], None]:
    """Report each step, and kill the process at step number `die`."""
    from django.db.backends.base.base import BaseDatabaseWrapper
    from django.db.backends.signals import connection_created
    from django.utils.module_loading import import_string

    numbers = itertools.count()

    def step(name: str):
        tell("step", name)
        if next(numbers) == die:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(execute, sql, *arguments):
        verb = sql.split(maxsplit=1)[0]
        step(f"before {verb}")
        result = execute(sql, *arguments)
        step(f"after {verb}")
        return result

    def watch(connection, **kwargs):
        if around not in connection.execute_wrappers:
            connection.execute_wrappers.append(around)

    commit = BaseDatabaseWrapper._commit

    def watched_commit(connection):
        step("before COMMIT")
        commit(connection)
        step("after COMMIT")

    def telling(make: Callable) -> Callable:
        def told():
            secret = make()
            tell("made", secret)
            return secret

        return told

    connection_created.connect(watch, weak=False)
    BaseDatabaseWrapper._commit = watched_commit
    for module, name in _MAKERS:
        *owners, name = name.split(".")
        owner = import_string(".".join([module, *owners])) if owners else sys.modules[module]
        setattr(owner, name, staticmethod(telling(getattr(owner, name))))
    return step


def _limit(
    database: str | None = None,
    file_bytes: int | None = None,
    is_anybody: bool = False,
    lock_seconds: float | None = None,
):
    """Limit this process: its SQLite file, its file size, its permissions, its lock timeout.

    `is_anybody` makes permissions count even for root.
    """
    from django.db import connections

    settings = connections["default"].settings_dict
    if database is not None:
        settings["NAME"] = f"{Path(database).as_uri()}?mode=rw"  # as config.wsgi sets it
    if file_bytes is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    if is_anybody and not os.geteuid():
        _drop_override()
    if lock_seconds is not None:
        settings["OPTIONS"]["timeout"] = lock_seconds


def _drop_override():
    """Drop CAP_DAC_OVERRIDE (capset(2)), which lets root write read-only files."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # version 3, this process
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; then the same for numbers from 32
    for call in ("capget", "capset"):
        if call == "capset":
            sets[0] &= ~(1 << 1)
        if getattr(libc, call)(header, sets):
            raise OSError(ctypes.get_errno(), call)


def _answer(application: Callable, asked: dict) -> tuple[int, dict, dict]:
    body = json.dumps(asked["body"]).encode() if asked["body"] is not None else b""
    environ = {
        "REQUEST_METHOD": asked["method"],
        "HTTP_HOST": "127.0.0.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "HTTP_AUTHORIZATION": asked["authorization"],
    }
    environ["PATH_INFO"], _, environ["QUERY_STRING"] = asked["path"].partition("?")
    setup_testing_defaults(environ)
    started = []
    response = application(environ, lambda status, headers: started.append((int(status[:3]), dict(headers))))
    try:
        text = b"".join(response)
    finally:
        response.close()
    with suppress(ValueError):
        return *started[0], json.loads(text)
    return *started[0], {}


if __name__ == "__main__":
    _main()
