"""A fork behaves like a fresh process: the same output and exit, no project module imported yet."""

import os
import subprocess
import time

import pytest

from tests.support import forking, servers

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "import sys, os; print(sys.argv, sys.path[0], __name__, os.getcwd(), sys.stdin.read())", "one", "two"),
        ("-c", "import os; print(sorted(os.environ.items()))"),
        ("-c", "import sys; print('out'); print('err', file=sys.stderr); sys.exit('the end')"),
        ("-c", "import sys; sys.exit(7)"),
        ("-c", "import os; os.kill(os.getpid(), 9)"),
        ("-c", "import atexit; atexit.register(print, 'bye'); print('no line', end='')"),
        ("-c", "import threading; threading.Timer(0.1, print, ['late']).start()"),
        ("manage.py", "check"),
        ("manage.py", "nosuch"),
    ],
)
def test_a_fork_does_what_a_fresh_process_does(monkeypatch, arguments):
    monkeypatch.setenv("OF_THE_TEST", "é\udcff")
    ends = [run(*arguments, JWT_LEEWAY="7s") for run in (servers.run_cold, servers.run)]
    cold, forked = [(each.returncode, each.stdout, each.stderr) for each in ends]
    assert forked == cold


def test_an_exception_that_nobody_catches_is_told_and_counts():
    done = servers.run("-c", "raise ValueError('so')")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, "ValueError: so")


# Django reads its settings on first use. DRF and SimpleJWT read theirs when their classes are
# imported.
_BEFORE = """
import sys
from django.apps import apps
from django.conf import settings
print(settings.configured, apps.ready, list(apps.app_configs))
ours = ("benchmarks", "config", "jwt_auth", "tokens", "tracks")
settled = ("rest_framework.views", "rest_framework_simplejwt")
print([name for name in sys.modules if name.partition(".")[0] in ours or name.startswith(settled)])
"""


def test_a_fork_begins_without_settings_apps_or_a_module_of_ours():
    for _ in range(2):  # the second fork shows that the first left nothing
        assert servers.run("-c", _BEFORE).stdout == "False False []\n[]\n"
        assert servers.run("manage.py", "check").returncode == 0


def test_a_fork_that_does_not_end_is_killed_and_the_next_one_runs(tmp_path):
    forks, word = forking.Parent(servers.ROOT), tmp_path / "pid"
    endless = f"import os, time; open({str(word)!r}, 'w').write(str(os.getpid())); time.sleep(3600)"
    assert forks.run(("-c", "pass"), dict(os.environ), 60).returncode == 0
    with pytest.raises(subprocess.TimeoutExpired):
        forks.run(("-c", endless), dict(os.environ), 2)
    with pytest.raises(ProcessLookupError):
        for _ in range(600):  # at most a minute, until the system has removed it
            os.kill(int(word.read_text()), 0)
            time.sleep(0.1)
    assert forks.run(("-c", "pass"), dict(os.environ), 60).returncode == 0
    forks.stop()
