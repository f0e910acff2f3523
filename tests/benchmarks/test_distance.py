"""A database that is some milliseconds away: a round trip takes at least the delay asked for."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, suppress
from types import SimpleNamespace

import jsonschema
import pytest
from click.testing import CliRunner

from benchmarks.databases import latency
from benchmarks.databases.scratch import Database
from benchmarks.messages import RoundTrip
from benchmarks.questions.distance.command import command
from benchmarks.questions.distance.tables import of
from benchmarks.reporting.tables import round_trips
from benchmarks.results.schema import schema
from benchmarks.stats.intervals import Interval
from tests.support import processes, servers

pytestmark = pytest.mark.once  # the lab brings its own database


# --- the proxy ------------------------------------------------------------------------------------


@contextmanager
def echo(tmp_path=None):
    """Yield a proxy's target: a server that echoes until the client closes, over TCP or Unix."""
    path = tmp_path and f"{tmp_path}/.s.PGSQL.5432"
    listener = socket.create_server(path, family=socket.AF_UNIX) if path else socket.create_server(("127.0.0.1", 0))

    def serve(client):
        with client, suppress(OSError):
            while data := client.recv(65536):
                client.sendall(data)
            client.sendall(b"end")

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[client], daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    with listener:
        yield {"path": path} if path else {"host": "127.0.0.1", "port": listener.getsockname()[1]}
        listener.shutdown(socket.SHUT_RDWR)


def connect(port: int) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def read(client: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count and (more := client.recv(count - len(data))):
        data += more
    return data


@pytest.mark.parametrize("milliseconds", [0, 0.2, 20])
def test_a_round_trip_takes_at_least_what_was_asked_for(milliseconds):
    with echo() as target, latency.proxy(target, milliseconds) as port, connect(port) as client:
        times = []
        for number in range(20):
            begin = time.perf_counter()
            client.sendall(b"%08d" % number)
            assert read(client, 8) == b"%08d" % number
            times.append(time.perf_counter() - begin)
    assert min(times) * 1000 >= milliseconds
    # A timer of whole milliseconds would delay it further.
    assert min(times) * 1000 < milliseconds + 5


def test_each_direction_waits_for_half_of_it():
    with echo() as target, latency.proxy(target, 200) as port, connect(port) as client:
        client.sendall(b"x")
        read(client, 1)
        begin = time.perf_counter()
        client.shutdown(socket.SHUT_WR)  # the target answers "end"
        assert read(client, 3) == b"end"
        assert 0.2 <= time.perf_counter() - begin < 0.4
        assert client.recv(1) == b""


def test_what_is_under_way_is_not_waited_for():
    with echo() as target, latency.proxy(target, 200) as port, connect(port) as client:
        begin = time.perf_counter()
        for number in range(50):
            client.sendall(b"%08d" % number)
            time.sleep(0.001)
        assert read(client, 400) == b"".join(b"%08d" % number for number in range(50))
        assert time.perf_counter() - begin < 2  # 50 round trips one after another would take 10


@pytest.mark.parametrize("milliseconds", [0, 2])
def test_every_byte_arrives_in_order_of_many_connections_at_once(milliseconds):
    def play(port, found):
        data = os.urandom(2_000_000)
        with connect(port) as client:
            threading.Thread(target=client.sendall, args=[data]).start()
            found.append(read(client, len(data)) == data)

    found = []
    with echo() as target, latency.proxy(target, milliseconds) as port:
        threads = [threading.Thread(target=play, args=[port, found]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [True] * 4


def test_where_nobody_listens_the_connection_ends():
    with latency.proxy({"host": "127.0.0.1", "port": servers.free_port()}, 1) as port, connect(port) as client:
        client.settimeout(5)
        with suppress(ConnectionResetError):
            assert client.recv(1) == b""
    with pytest.raises(ConnectionRefusedError):
        connect(port)


def test_the_proxy_ends_with_who_started_it():
    order = json.dumps({"target": {"host": "127.0.0.1", "port": 1}, "delay_seconds": 0})
    with processes.group(
        [sys.executable, "-m", "benchmarks.databases.proxy", order],
        cwd=servers.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert b"port" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(timeout=20) == 0


# --- the database behind it -----------------------------------------------------------------------


def test_the_url_of_a_distant_database_leads_to_the_proxy_and_keeps_the_rest(tmp_path):
    with echo(tmp_path) as target:
        url = f"postgresql://ada:se%40cret@/tracks?host={tmp_path}&application_name=x"
        assert latency._target(url) == target
        with latency.away(Database(url, "pool"), 1) as far:
            head, _, rest = far.url.partition("@")
            assert head == "postgresql://ada:se%40cret"
            address, _, rest = rest.partition("/")
            assert rest == "tracks?application_name=x"
            assert far.connection == "pool"
            with connect(int(address.removeprefix("127.0.0.1:"))) as client:
                client.sendall(b"x")
                assert client.recv(1) == b"x"
        with latency.away(Database(url, "pool"), None) as near:
            assert near.url == url


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("postgresql://ada@db.example:6432/tracks", {"host": "db.example", "port": 6432}),
        ("postgres://db.example/tracks", {"host": "db.example", "port": 5432}),
        ("postgresql:///tracks", {"host": "localhost", "port": 5432}),
    ],
)
def test_a_server_is_found_by_its_url(url, target):
    assert latency._target(url) == target


def test_what_a_distance_came_to_is_told():
    trips = [RoundTrip(None, 30, None), RoundTrip(0, 180, 150), RoundTrip(5, 5530, 5500)]
    (line,) = round_trips(trips)
    assert "0.03 ms directly" in line
    assert "0.15 ms more for 0, 5.50 ms more for 5" in line
    assert round_trips([]) == []


# --- the command ----------------------------------------------------------------------------------


def test_the_table_writes_intervals_as_the_other_tables_do():
    table = SimpleNamespace(
        url="/whoami/", rows=[SimpleNamespace(name="token", overhead=Interval(243.2, -361.4, 1847))]
    )
    near = SimpleNamespace(distance_ms=0.0, table=table)
    record = SimpleNamespace(distances=[near], turns=[], waits={"token": Interval(1.0, 1.0, 1.0)})
    assert list(of(record).columns[1].cells) == ["243\n(\N{MINUS SIGN}361 to 1,847)"]


@pytest.mark.lab
def test_a_scheme_waits_for_as_many_round_trips_as_it_asks_questions(tmp_path):
    options = ["--distance", "0", "--distance", "20", "--processes", "2", "--rounds", "1"]
    options += ["--scheme", "token", "--scheme", "jwt-stateless", "--json", str(tmp_path / "run.json")]
    done = CliRunner().invoke(command, options)
    assert done.exit_code in (0, 3), done.output
    document = json.loads((tmp_path / "run.json").read_text())
    jsonschema.validate(document, schema())
    assert [each["distance_ms"] for each in document["distances"]] == [0, 20]
    assert [trip["asked_ms"] for trip in document["round_trips"]] == [None, 0, 20]
    assert document["round_trips"][2]["adds_us"] >= 20_000
    assert document["waits"]["token"]["estimate"] == pytest.approx(1, abs=0.4)
    assert document["waits"]["jwt-stateless"]["estimate"] == pytest.approx(0, abs=0.4)
    assert document["service"]["transport"] == "TCP"
    assert "ms more for 20" in done.output
    assert done.exit_code == (0 if document["verdict"]["conclusive"] else 3)
    assert max(len(line) for line in done.output.splitlines() if str(tmp_path) not in line) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--distance", "5"], "name at least two distances"),
        (["--distance", "1", "--distance", "1001"], "0<=x<=1000"),
        (["--database-url", "sqlite:///db.sqlite3"], "postgresql://"),
    ],
)
def test_wrong_usage_is_told(arguments, message):
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 2
    assert message in done.output
