"""Forks that replace fresh Python processes and save the second in which each imports Django.

`python -m tests.support.forking` imports only what works without settings. Each fork loads its own
settings, apps and project modules. Like a new process, it has its own environment, arguments,
output and exit code. It shares the hash seed and everything else that Python reads before it
starts.
"""

import gc
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from threading import Lock
from types import ModuleType

IMPORTED = (
    "cryptography.hazmat.primitives.asymmetric.ec",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
    "cryptography.hazmat.primitives.asymmetric.rsa",
    "cryptography.hazmat.primitives.serialization",
    "django.contrib.postgres.fields",
    "django.core.management",
    "django.db.backends.sqlite3.base",
    "django.test",
    "django_filters",
    "environ",
    "jwt",
    "psycopg",
    "pythonjsonlogger.json",
    "redis",
    "rest_framework.serializers",
    "whitenoise.middleware",
)


class Parent:
    """The process that forks. The first use starts it; threads take turns."""

    def __init__(self, folder: Path):
        self._folder, self._lock, self._process = folder, Lock(), None

    def run(
        self, arguments: tuple[str, ...], environment: dict[str, str], seconds: float
    ) -> subprocess.CompletedProcess[str]:
        """Run `python *arguments` as subprocess.run does; raise subprocess.TimeoutExpired.

        The arguments are a script and its own arguments, or `-c` and code.
        """
        with self._lock, tempfile.TemporaryDirectory(prefix="tracks-tests-") as folder:
            output, errors = Path(folder, "output"), Path(folder, "errors")
            order = [list(arguments), environment, str(output), str(errors)]
            process = self._process = self._process or self._started()
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            if not select.select([process.stdout], [], [], seconds)[0]:
                os.killpg(process.pid, signal.SIGKILL)
                self.stop()
                raise subprocess.TimeoutExpired(arguments, seconds, output.read_bytes(), errors.read_bytes())
            returncode = int(process.stdout.readline())
            return subprocess.CompletedProcess(arguments, returncode, output.read_text(), errors.read_text())

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.support.forking"],
            cwd=self._folder,
            env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a group of its own, so that the forks are killed too
        )

    def stop(self):
        if self._process:
            self._process.communicate()
            self._process = None


def main():
    for name in IMPORTED:
        import_module(name)
    gc.freeze()  # otherwise each fork would traverse all objects as it ends, which takes longer than its work
    while line := sys.stdin.readline():
        arguments, *others = json.loads(line)
        child = os.fork()
        if not child:
            _become(*others)
            _execute(arguments)
            return
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _become(environment: dict[str, str], output: str, errors: str):
    os.environ.clear()
    os.environ.update(environment)
    flags = os.O_WRONLY | os.O_CREAT
    for number, path, how in ((0, os.devnull, os.O_RDONLY), (1, output, flags), (2, errors, flags)):
        file = os.open(path, how)
        os.dup2(file, number)
        os.close(file)


def _execute(arguments: list[str]):
    """Return or raise as `python *arguments` would. The interpreter does the rest."""
    sys.argv[:] = arguments
    if arguments[0] != "-c":
        sys.path[0] = os.getcwd()
        runpy.run_path(arguments[0], run_name="__main__")
    else:
        sys.path[0] = ""
        del sys.argv[1]
        module = sys.modules["__main__"] = ModuleType("__main__")
        exec(compile(arguments[1], "<string>", "exec"), module.__dict__)


if __name__ == "__main__":
    main()
