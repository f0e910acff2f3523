"""An SQLite that cannot be written: the service answers 503 and changes nothing."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import disks
from tests.support.faults import CLIENTS, OWN, RUNS, copy_of, on_sqlite

pytestmark = pytest.mark.django_db  # the tests need only its tables, which are copied


# --- SQLite can no longer write -------------------------------------------------------------------


@contextmanager
def open_elsewhere(file: Path, *statements: str) -> Iterator[None]:
    """Keep the file open in another process that reads it, so that its -wal and -shm stay."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        for statement in statements or ["BEGIN"]:
            other.execute(statement)
        other.execute("SELECT count(*) FROM auth_user").fetchone()
        yield


@contextmanager
def files_at_their_limit(file: Path) -> Iterator[dict]:
    """Limit file sizes by RLIMIT_FSIZE: the -wal cannot grow, and is longer than the -shm."""
    grow = "CREATE TABLE IF NOT EXISTS filler (bytes)", "INSERT INTO filler VALUES (zeroblob(65536))"
    with open_elsewhere(file, *grow, "BEGIN"):
        yield {"file_bytes": file.with_name(f"{file.name}-wal").stat().st_size}


@contextmanager
def full_disk(file: Path) -> Iterator[dict]:
    filler = file.with_name("filler")
    with filler.open("wb", buffering=0) as stream, suppress(OSError):
        while stream.write(bytes(4096)):
            pass
    try:
        yield {}
    finally:
        filler.unlink()


@contextmanager
def full_disk_with_the_file_open(file: Path) -> Iterator[dict]:
    with open_elsewhere(file), full_disk(file) as limits:
        yield limits


@contextmanager
def read_only(*paths: Path) -> Iterator[dict]:
    modes = [path.stat().st_mode for path in paths]
    for path in paths:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        yield {"is_anybody": True}
    finally:
        for path, mode in zip(paths, modes, strict=True):
            path.chmod(mode)


@contextmanager
def locked(file: Path) -> Iterator[dict]:
    with open_elsewhere(file, "BEGIN IMMEDIATE"):
        yield {"lock_seconds": 0.2}


@pytest.fixture(scope="module")
def small_disk() -> Iterator[Path]:
    """Yield a folder that is a file system of 8 MB."""
    with disks.small_disk("8m") as folder:
        yield folder


@dataclass(frozen=True)
class CannotWrite:
    have: Callable[[Path], AbstractContextManager[dict]]
    reads: int = 200  # the status of requests that only read
    needs_disk: bool = False


# SQLite needs a -shm file even for reading: an existing one, or room and permission to create it.
CANNOT_WRITE = {
    "files at their size limit": CannotWrite(files_at_their_limit),
    "disk full": CannotWrite(full_disk, reads=503, needs_disk=True),
    "disk full, file open elsewhere": CannotWrite(full_disk_with_the_file_open, needs_disk=True),
    "file read-only": CannotWrite(lambda file: read_only(file)),
    "file and folder read-only": CannotWrite(lambda file: read_only(file, file.parent), reads=503),
    "locked by another": CannotWrite(locked),
}


@on_sqlite
@pytest.mark.parametrize("fault", CANNOT_WRITE)
def test_what_sqlite_cannot_write_is_503_and_leaves_all_as_it_was(
    fault, service, users, database_url, tmp_path, request, tally
):
    how = CANNOT_WRITE[fault]
    folder = request.getfixturevalue("small_disk") if how.needs_disk else tmp_path
    file = copy_of(database_url.removeprefix("sqlite:///"), folder)
    for scheme in OWN * RUNS:
        opened, client, username = service.opened_by(scheme), CLIENTS[scheme.keyword], next(users)
        (login,) = opened.ask(client.log_in(username), database=str(file))
        mine = client.credential(login)
        writes = client.spend(mine), client.end(mine, everywhere=False), client.log_in(username)
        with how.have(file) as limits:
            life = opened.life(*writes, client.look(mine), database=str(file), **limits)
        *written, read = life.answers
        if written[-1].status == 200:  # a user has one token, so this log-in only reads
            assert client.credential(written.pop()) == mine
        assert {(answer.status, answer.headers.get("Retry-After")) for answer in written} == {(503, "5")}
        assert read.status == how.reads
        made = [client.look(token) for token in life.made]
        old, *new, spent = opened.statuses(client.look(mine), *made, client.spend(mine), database=str(file))
        assert (old, set(new), spent) == (200, {401} if made else set(), 200)
        tally.count(f"SQLite: {fault}", f"writes 503, reads {how.reads}, then as before")
