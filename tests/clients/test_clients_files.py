"""The file in which clients/httpx_auth.py keeps a login, and what the module imports."""

import ast
import asyncio
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from clients import httpx_auth
from clients.httpx_auth import BearerAuth, FileStore, Store
from tests.support import processes, servers
from tests.support.strangers import BASE

pytestmark = pytest.mark.once
_HOLD = """
import sys, time
from clients.httpx_auth import FileStore
store = FileStore(sys.argv[1])
assert store.acquire()
store.save("half")
print("held", flush=True)
time.sleep(60)
"""


def test_a_process_that_dies_lets_go_of_the_file_and_leaves_it_whole(tmp_path, monkeypatch, to):
    path = tmp_path / "login"
    store = FileStore(path)
    assert store.acquire()
    store.save("whole")
    store.release()
    command = [sys.executable, "-c", _HOLD, path]
    with processes.group(command, cwd=servers.ROOT, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        assert not store.acquire()
        monkeypatch.setattr(httpx_auth, "WAIT", 0.05)  # seconds
        with to(BASE, store=store) as client, pytest.raises(TimeoutError, match=r"held the store of .* for 0.05 s"):
            client.get("/")
        holder.kill()
    assert store.acquire()
    assert store.load() == "whole"
    store.release()


def test_a_file_that_is_no_store_is_an_error_and_stays_as_it_is(tmp_path):
    path = tmp_path / "login"
    path.write_text("something else entirely " * 100)
    store = FileStore(path)
    for _ in range(2):
        with pytest.raises(sqlite3.DatabaseError, match="file is not a database"):
            store.acquire()
    assert path.read_text().startswith("something else")
    with pytest.raises(FileNotFoundError):
        FileStore(tmp_path / "none" / "login")


def write(store: FileStore, credential: str):
    assert store.acquire()
    store.save(credential)
    store.release()


@pytest.mark.parametrize("name", ["login", ":memory:", "file:login?mode=memory", "a%20b #1"])
def test_a_relative_path_is_that_of_the_folder_in_which_it_was_given(tmp_path, monkeypatch, name):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    monkeypatch.chdir(here)
    store = FileStore(name)
    monkeypatch.chdir(there)
    write(store, "kept")
    assert [path.name for path in here.iterdir()] == [name]
    assert not list(there.iterdir())
    again = FileStore(here / name)
    assert again.acquire()
    assert again.load() == "kept"
    again.release()


@pytest.fixture
def open_umask():
    """Let everybody read new files, unless the code that makes them restricts it."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> set[str]:
    return {f"{path.name} {path.stat().st_mode & 0o777:o}" for path in folder.iterdir()}


@pytest.mark.usefixtures("open_umask")
def test_the_file_and_its_journal_are_the_owners_alone_also_when_it_was_deleted_meanwhile(tmp_path):
    store = FileStore(tmp_path / "login")
    for _ in range(2):
        (tmp_path / "login").unlink()
        assert store.acquire()
        store.save("secret")
        assert modes(tmp_path) == {"login 600", "login-journal 600"}
        store.release()
        assert modes(tmp_path) == {"login 600"}


@pytest.mark.usefixtures("open_umask")
def test_a_file_that_is_deleted_at_the_very_last_moment_is_not_made_by_sqlite(tmp_path, monkeypatch):
    path, connect = tmp_path / "login", sqlite3.connect

    def deleted(*arguments, **options):
        path.unlink()
        return connect(*arguments, **options)

    store = FileStore(path)
    with monkeypatch.context() as patched:
        patched.setattr(sqlite3, "connect", deleted)
        with pytest.raises(sqlite3.OperationalError, match="unable to open database file"):
            store.acquire()
    assert not path.exists()
    write(store, "secret")
    assert modes(tmp_path) == {"login 600"}


@pytest.mark.usefixtures("open_umask")
def test_a_file_that_became_readable_for_others_is_closed_to_them_at_the_next_use(tmp_path):
    store = FileStore(tmp_path / "login")
    write(store, "secret")
    other = sqlite3.connect(tmp_path / "login")
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE made_to_be_written (x)")
    for path in tmp_path.iterdir():
        path.chmod(0o644)
    assert len(list(tmp_path.iterdir())) == 3
    write(store, "secret")
    assert modes(tmp_path) == {"login 600", "login-wal 600", "login-shm 600"}
    other.close()
    (tmp_path / "login").chmod(0o640)
    FileStore(tmp_path / "login")
    assert modes(tmp_path) == {"login 600"}


def link(path):
    path.with_name("elsewhere").touch()
    path.symlink_to("elsewhere")


@pytest.mark.parametrize("make", [link, lambda path: path.symlink_to("nowhere"), Path.mkdir, os.mkfifo])
def test_what_is_no_file_of_ones_own_is_refused_at_once_and_later(tmp_path, make):
    path = tmp_path / "login"
    store = FileStore(path)
    path.unlink()
    make(path)
    there = set(tmp_path.iterdir())
    for _ in range(2):
        with pytest.raises(OSError, match=r"not a regular file; allowed: .*: '/.*login'"):
            store.acquire()
    with pytest.raises(OSError, match="not a regular file"):
        FileStore(path)
    assert set(tmp_path.iterdir()) == there


def test_a_file_of_somebody_else_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "login"
    store = FileStore(path)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    for use in (store.acquire, lambda: FileStore(path)):
        with pytest.raises(PermissionError, match=rf"belongs to user {path.stat().st_uid}; allowed: .*: '{path}'"):
            use()


def test_a_folder_that_is_gone_is_a_clear_error_each_time(tmp_path):
    (tmp_path / "folder").mkdir()
    store = FileStore(tmp_path / "folder" / "login")
    shutil.rmtree(tmp_path / "folder")
    for _ in range(2):
        with pytest.raises(FileNotFoundError, match="folder/login"):
            store.acquire()


_TRY = "import sys; from clients.httpx_auth import FileStore; print(FileStore(sys.argv[1]).acquire())"


def test_another_store_of_the_same_file_does_not_let_other_processes_in(tmp_path):
    store = FileStore(tmp_path / "login")
    assert store.acquire()
    assert not FileStore(tmp_path / "login").acquire()
    assert servers.run("-c", _TRY, str(tmp_path / "login")).stdout == "False\n"
    store.release()
    assert servers.run("-c", _TRY, str(tmp_path / "login")).stdout == "True\n"


_FORK = """
import os, sys
from clients.httpx_auth import FileStore, Store
stores = [Store(), FileStore(sys.argv[1])]
assert stores[0].acquire() and super(FileStore, stores[1]).acquire()
child = os.fork()
if not child:
    os._exit(not all(store.acquire() for store in stores))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_does_not_wait_for_threads_that_were_left_behind(tmp_path):
    done = servers.run_cold("-c", _FORK, str(tmp_path / "login"))
    assert done.returncode == 0, done.stderr


def test_a_task_that_is_cancelled_while_it_refreshes_leaves_the_login_to_the_others(httpx):
    store = Store("a refresh token")
    auth = BearerAuth(BASE, store=store)

    async def main():
        asked = asyncio.Event()

        async def hang(scope, receive, send):
            asked.set()
            await asyncio.Event().wait()

        async with httpx.AsyncClient(transport=httpx.ASGITransport(hang), auth=auth) as client:
            task = asyncio.create_task(client.get(f"{BASE}/whoami/"))
            await asked.wait()
            assert not store.acquire()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert store.acquire()
    assert store.load() == "a refresh token"


_ALONE = """
import sys
for name in sys.argv[2:]:
    sys.modules[name] = None  # as if it were not installed
from clients.httpx_auth import BearerAuth
httpx = __import__(sys.argv[1])
service = httpx.MockTransport(lambda request: httpx.Response(200, json={"access": "a", "refresh": "r"}))
with httpx.Client(transport=service, auth=BearerAuth("http://testserver", "ada", "secret")) as client:
    print(client.get("http://testserver/").request.headers["Authorization"])
"""


@pytest.mark.parametrize("script", [_ALONE, "import httpx2; httpx2.alias_httpx()" + _ALONE])
@pytest.mark.parametrize("names", [("httpx", "httpx2"), ("httpx2", "httpx")])
def test_one_of_the_two_libraries_is_enough(names, script):
    missing = names[1:] if script is _ALONE else ()
    done = servers.run_cold("-c", script, names[0], *missing)
    assert done.stdout == "Bearer a\n", done.stderr


def test_without_both_libraries_an_error_says_what_to_install():
    done = servers.run_cold("-c", _ALONE, "httpx", "httpx", "httpx2")
    assert done.stderr.endswith("ModuleNotFoundError: httpx_auth.py needs httpx2 or httpx: pip install httpx2\n")


def test_the_module_can_be_copied_to_where_one_of_the_two_is_all_there_is():
    tree = ast.parse((servers.ROOT / "clients/httpx_auth.py").read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert {name.partition(".")[0] for name in imported} - sys.stdlib_module_names == {"httpx", "httpx2"}
