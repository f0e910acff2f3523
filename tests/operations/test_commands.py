"""Any command without its database or its tables prints one line, without the password."""

import pytest

from tests.support import servers

pytestmark = pytest.mark.once

COMMANDS = pytest.mark.parametrize(
    "command",
    [
        "load_tracks",
        "drf_create_token ada",
        "flush_refresh_families",
        "flushexpiredtokens",
        "clearsessions",
        "changepassword ada",
    ],
)


def refusal(command: str, url: str) -> str:
    """Return the one line that the command prints before it fails."""
    done = servers.run("manage.py", *command.split(), DATABASE_URL=url)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: DATABASE_URL=")
    assert "secret" not in line
    return line


@COMMANDS
def test_a_database_that_is_away_is_one_line(command):
    assert "Connection refused" in refusal(command, "postgresql://ada:secret@127.0.0.1:1/tracks")


@COMMANDS
def test_a_database_without_tables_is_one_line_that_names_the_remedy(command, tmp_path):
    line = refusal(command, f"sqlite:///{tmp_path}/empty.sqlite3")
    assert "no such table" in line
    assert "manage.py migrate" in line


def test_a_database_without_tables_is_told_on_postgresql_too():
    line = refusal("load_tracks", servers.start_postgresql())
    assert 'relation "tracks_genre" does not exist' in line
    assert "manage.py migrate" in line


@pytest.mark.parametrize("command", ["load_tracks", "migrate", "showmigrations"])
def test_a_file_that_is_no_database_or_cannot_be_opened_is_one_line(command, tmp_path):
    (tmp_path / "text").write_text("no database" * 1000)
    assert "file is not a database" in refusal(command, f"sqlite:///{tmp_path}/text")
    assert "unable to open database file" in refusal(command, "sqlite:////nowhere/at/all.sqlite3")


def test_the_traceback_is_there_for_who_asks_for_it(tmp_path):
    done = servers.run("manage.py", "load_tracks", "--traceback", DATABASE_URL=f"sqlite:///{tmp_path}/empty.sqlite3")
    assert done.returncode == 1
    assert "Traceback" in done.stderr


def test_the_switches_need_no_database():
    done = servers.run("manage.py", "switches", DATABASE_URL="postgresql://ada:xyzzy@127.0.0.1:1/tracks")
    assert (done.returncode, done.stderr) == (0, "")
    assert "xyzzy" not in done.stdout
