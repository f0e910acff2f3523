"""`make run`: its data, users and sample requests, its messages on failure, a second start."""

import json
import socket
import subprocess
import urllib.request

import pytest

from tests.support import servers

pytestmark = pytest.mark.once


def pasted(line: str) -> dict:
    """Return the JSON that a shell command prints."""
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=600)  # seconds
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def curls(output) -> list[str]:
    return [line for line in output.read_text().splitlines() if line.startswith("curl ")]


def test_a_first_start_loads_the_tracks_and_every_printed_request_works_as_printed(tmp_path):
    with servers.demo(DATABASE_URL=f"sqlite:///{tmp_path}/demo.sqlite3") as (base, output):
        assert f"Serving 3503 tracks on {base}/" in output.read_text()
        by_token, by_jwt, refresh = curls(output)
        for line in (by_token, by_jwt):
            page = pasted(line)
            assert page["count"] == 1297
            assert len(page["results"]) == 2
        assert {"access", "refresh"} < set(pasted(refresh))


def test_a_second_start_loses_nothing_and_adds_nothing(tmp_path):
    url = f"sqlite:///{tmp_path}/demo.sqlite3"
    track = {"title": "Mine", "album": "Mine", "artist": "Me", "genre": "Rock", "duration_ms": 1000}
    with servers.demo(DATABASE_URL=url) as (base, output):
        login = curls(output)[0].partition("$(")[2].rpartition(')"')[0]
        key = subprocess.run(["bash", "-c", login], capture_output=True, text=True).stdout.strip()
        header = {"Authorization": f"Token {key}", "Content-Type": "application/json"}
        request = urllib.request.Request(f"{base}/tracks/", json.dumps(track).encode(), header)
        with urllib.request.urlopen(request) as response:
            assert response.status == 201
    with servers.demo(DATABASE_URL=url) as (base, output):
        assert "Serving 3504 tracks" in output.read_text()
        with urllib.request.urlopen(urllib.request.Request(f"{base}/whoami/", headers=header)) as response:
            assert json.load(response)["username"] == "demo"


@pytest.mark.parametrize(
    ("schemes", "names", "refreshes"),
    [("token", ["token"], False), ("drf-token,simplejwt", ["drf-token", "simplejwt"], True)],
)
def test_it_prints_a_request_for_each_enabled_scheme(tmp_path, schemes, names, refreshes):
    url = f"sqlite:///{tmp_path}/demo.sqlite3"
    with servers.demo(DATABASE_URL=url, AUTH_SCHEMES=schemes) as (_, output):
        printed = output.read_text()
        for name in names:
            assert f"# List tracks with {name}:" in printed
        assert ("# Refresh:" in printed) == refreshes
        assert all(pasted(line) for line in curls(output))


def refusal(**switches: str) -> str:
    """Return the one line that the command prints before it fails."""
    done = servers.run("manage.py", "serve_demo", **switches)
    assert done.returncode != 0
    (line,) = done.stderr.splitlines()
    return line


def test_a_port_in_use_is_one_line(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refusal(GRANIAN_PORT=str(port), DATABASE_URL=f"sqlite:///{tmp_path}/demo.sqlite3")
    assert f"GRANIAN_PORT={port}: cannot listen on 127.0.0.1: Address already in use" in line
    assert not (tmp_path / "demo.sqlite3").exists()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://ada:secret@127.0.0.1:1/tracks", "Connection refused"),
        ("sqlite:////nowhere/at/all/demo.sqlite3", "unable to open database file"),
        ("mysql://localhost/tracks", "allowed: sqlite:///"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_line_without_its_password(url, words):
    line = refusal(DATABASE_URL=url, GRANIAN_PORT=str(servers.free_port()))
    assert "DATABASE_URL=" in line
    assert words in line
    assert "secret" not in line


def test_it_makes_no_known_passwords_on_a_reachable_address(tmp_path):
    url = f"sqlite:///{tmp_path}/demo.sqlite3"
    assert "GRANIAN_HOST='0.0.0.0'" in refusal(GRANIAN_HOST="0.0.0.0", DATABASE_URL=url)
    assert not (tmp_path / "demo.sqlite3").exists()
