"""The lab over HTTP: real servers, proved, timed, and gone afterwards. No test asserts a time."""

import itertools
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from benchmarks.contenders.contender import Contender
from benchmarks.databases.scratch import Database
from benchmarks.messages import ANONYMOUS, CONTROL, Assignment, Blocks, Entry, Facts, RefusedError, Sample
from benchmarks.processes import turns
from benchmarks.questions.wire import run as wire
from benchmarks.questions.wire import timing
from benchmarks.questions.wire.command import command
from benchmarks.results import comparison, files
from benchmarks.results.records.common import Head
from benchmarks.results.records.overhead import Process
from benchmarks.results.records.wire import Wire
from benchmarks.results.schema import schema
from benchmarks.servers import http1
from benchmarks.stats import overhead as analysis
from benchmarks.stats.intervals import welch
from benchmarks.terminal import Watcher
from tests.support import processes, servers
from tests.support.results import environment, overhead_record

pytestmark = pytest.mark.once  # the lab brings its own database
LAB_FIXTURES = {"run"}  # a long run, for `make test-lab`

URL = "/whoami/"
MARK = "TESTS_WIRE_LAB"  # in the environment of everything that a run starts


def survivors(mark: str, seconds: float = 10) -> list[str]:
    """Return the command lines of processes with that mark, after waiting for them to end."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("there is no /proc to find processes by")
    end = time.monotonic() + seconds
    while (found := marked(mark)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def marked(mark: str) -> list[str]:
    return [process.command for process in processes.marked(MARK, mark)]


# --- a run ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run the command once, next to another machine's result. Return process, document, mark."""
    folder, mark = tmp_path_factory.mktemp("run"), uuid.uuid4().hex
    inside, path = folder / "overhead.json", folder / "run.json"
    head, result = overhead()
    files.save(inside, result, head.environment)
    arguments = ["--scheme", "token", "--scheme", "jwt", "--processes", 2, "--rounds", 1, "--block", 8, "--drop", 3]
    arguments += ["--beside", inside, "--json", path]
    process = servers.run("-m", "benchmarks", "wire", *map(str, arguments), **{MARK: mark})
    assert process.returncode in (0, 3), process.stderr
    return process, json.loads(path.read_text("utf-8")), mark


def test_a_run_keeps_to_the_schema(run):
    jsonschema.Draft202012Validator(schema()).validate(run[1])


def test_a_run_times_every_contender_over_the_wire(run):
    everybody = sorted([ANONYMOUS, CONTROL, "token", "jwt"])
    _, document, _ = run
    assert [table["url"] for table in document["tables"]] == [URL]
    assert len(document["turns"]) == 2
    for turn in document["turns"]:
        assert [sorted(order) for order in turn["blocks"][wire.WIRE][URL]["orders"]] == [everybody]
    assert len({turn["hash_seed"] for turn in document["turns"]}) == 2
    assert document["tables"][0]["control_level"] == 0.99


def test_a_run_counts_what_overhead_counts(run):
    facts = {row["name"]: row["facts"] for row in run[1]["tables"][0]["rows"]}
    assert {name: each["sql_statements"] for name, each in facts.items()} == {"token": 1, "jwt": 1}
    assert facts["token"]["header_bytes"] == len("Authorization: Token \r\n") + 40


def test_a_run_says_what_served_it_and_how_it_connects(run):
    process, document, _ = run
    assert document["service"]["server"].startswith("granian 2.")
    assert document["service"]["garbage_collection"] == "as Python does by itself"
    assert document["service"]["connection_policy"]["CONN_MAX_AGE"] is None
    text = " ".join(process.stdout.split())
    for part in (
        "Server: granian 2.",
        "one kept TCP connection (TCP_NODELAY)",
        "Connection policy: served",
        "A/A control",
    ):
        assert part in text
    if document["service"]["cores"]:
        assert f"the server had processor {document['service']['cores']['server']} " in text


def test_a_run_says_where_the_wire_and_the_process_part(run):
    process, document, _ = run
    assert [(row["url"], row["name"]) for row in document["beside"]] == [(URL, ANONYMOUS), (URL, "token")]
    assert document["beside"][1]["in_process"]["estimate"] == pytest.approx(50)
    assert "processor: PDP-11 and " in " ".join(document["unlike"])
    assert "Why they differ" in process.stdout
    assert "overhead.json: processor: PDP-11" in process.stdout.replace("\n", "")


def test_the_exit_code_is_the_verdict_and_the_answer_comes_last(run):
    process, document, _ = run
    assert process.returncode == (0 if document["verdict"]["conclusive"] else 3)
    assert " ".join(process.stdout.split()).endswith(document["answer"])
    assert process.stderr == ""


def test_no_server_outlives_a_run(run):
    assert survivors(run[2]) == []


# --- a process that asks a server -----------------------------------------------------------------


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    url = f"sqlite:///{tmp_path_factory.mktemp('filled')}/scratch.sqlite3"
    filled = servers.run("-m", "benchmarks.processes.fill_worker", BENCHMARKS_DATABASE_URL=url)
    assert filled.returncode == 0, filled.stderr
    return url


def worker(assignment: Assignment, database: str, mark: str):
    return processes.group(
        [sys.executable, "-m", wire.WORKER, assignment.to_json()],
        cwd=servers.ROOT,
        env=servers.environment(BENCHMARKS_DATABASE_URL=database, **{MARK: mark}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def test_what_a_contender_answers_over_the_wire_is_looked_at_before_it_is_timed(database):
    """Five contenders share one kept connection to gunicorn."""
    mark = uuid.uuid4().hex
    wrong = ("FAILING", "REFUSING", "OPEN")
    schemes = ("token", *(f"tests.support.dishonest:{name}" for name in wrong))
    with worker(Assignment(schemes, {URL: 1}, 8, 3, seed=1, server="gunicorn"), database, mark) as process:
        (line,) = process.stdout
    assert json.loads(line)["refused"].splitlines() == [
        "failing at /whoami/: answers 500 with its credential, not 200",
        "failing at /whoami/: answers 500 with garbage for a credential, not 401",
        "failing at /whoami/: answers 500 with a forged credential, not 401",
        "refusing at /whoami/: answers 401 with its credential, not 200",
        "open at /whoami/: answers 200 without a credential, not 401",
    ]
    assert survivors(mark) == []


def test_a_server_ends_with_who_started_it_however_that_ends(database):
    """Ctrl-C makes the command kill its worker, which then cannot end its server."""
    mark = uuid.uuid4().hex
    with worker(Assignment(("token",), {URL: 10_000}, 8, 3, seed=1, server="granian"), database, mark) as process:
        assert json.loads(process.stdout.readline()) == {"done": URL}  # during the run
        assert any("benchmarks.servers.pinned" in line for line in marked(mark))
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert survivors(mark) == []


# --- the connection -------------------------------------------------------------------------------


@contextmanager
def answering(*pieces: bytes):
    """Yield a port that answers a request with these pieces and pauses, and then closes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve():
            accepted, _ = listening.accept()
            with accepted:
                accepted.recv(1 << 16)
                for piece in pieces:
                    accepted.sendall(piece)
                    time.sleep(0.05)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            thread.join()


HEAD = b"HTTP/1.1 200 OK\r\nX: content-length: 9\r\nContent-Length: 4\r\n\r\n"


@pytest.mark.parametrize("pieces", [(HEAD + b"body",), (HEAD[:20], HEAD[20:], b"bo", b"dy"), (HEAD, b"body")])
def test_an_answer_is_whole_however_it_comes(pieces):
    with answering(*pieces) as port, http1.Connection(port) as connection:
        answer = connection.exchange(http1.get("/"))
    assert (answer.status, answer.body, answer.size) == ("200 OK", b"body", len(HEAD) + 4)


@pytest.mark.parametrize(
    ("pieces", "why"),
    [
        ((), "closed the connection"),
        ((HEAD[:20],), "closed the connection"),
        ((HEAD, b"bod"), "closed the connection"),
        ((HEAD + b"body again",), "6 bytes more than Content-Length"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",), "without Content-Length"),
        ((b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",), "means to close the connection"),
        ((b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",), "HTTP/1.0"),
    ],
)
def test_what_is_no_answer_on_a_kept_connection_is_an_error(pieces, why):
    with (
        answering(*pieces) as port,
        http1.Connection(port) as connection,
        pytest.raises(http1.ProtocolError, match=why),
    ):
        connection.exchange(http1.get("/"))


def test_an_error_under_the_clock_is_no_time():
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"
    with (
        answering(refusal) as port,
        http1.Connection(port) as connection,
        pytest.raises(RefusedError, match="GET /02/whoami/ was answered 401 Unauthorized under the clock"),
    ):
        timing.Client(connection).time_block(http1.get("/02/whoami/"), 1)


def test_a_request_is_sent_as_the_service_would_be_called():
    contender = Contender(Entry("x"), "/02", {"HTTP_X_SESSION_TOKEN": "abc"}, {}, 401, {})
    assert timing.request(contender.environ("/tracks/?search=a b&title=%C3%A9")).split(b"\r\n") == [
        b"GET /02/tracks/?search=a%20b&title=%C3%A9 HTTP/1.1",
        b"Host: 127.0.0.1:8000",
        b"Accept: */*",
        b"User-Agent: benchmarks",
        b"X-Session-Token: abc",
        b"",
        b"",
    ]


def test_a_server_that_says_nothing_is_not_waited_for_in_vain():
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        http1.Connection(silent.getsockname()[1], seconds=1) as connection,
        pytest.raises(BlockingIOError),
    ):
        connection.exchange(http1.get("/"))


# --- the answer -----------------------------------------------------------------------------------


def sample(anonymous: float, token: float) -> Sample:
    """Return a sample: contender -> microseconds of each request."""
    p25 = {name: [1000 * us] * 4 for name, us in ((ANONYMOUS, anonymous), (CONTROL, anonymous), ("token", token))}
    entries = [Entry(ANONYMOUS), Entry(CONTROL), Entry("token", "Token")]
    facts = {URL: dict.fromkeys(p25, Facts(1, 63, 49))}
    return Sample(entries, facts, {URL: 0.04}, {}, blocks={URL: Blocks([()] * 4, p25, p25, p25, p25)})


WIRE = [sample(300, 420), sample(310, 432), sample(305, 426)]
IN_PROCESS = [sample(100, 150), sample(104, 155), sample(102, 151)]


def run_of(over_the_wire: list[Sample], in_process: list[Sample] | None = None) -> turns.Run:
    places = {wire.WIRE: over_the_wire} | ({wire.IN_PROCESS: in_process} if in_process else {})
    done = tuple(turns.Turn(0, 0, dict(zip(places, each, strict=True))) for each in zip(*places.values(), strict=True))
    return turns.Run({URL: 4}, {place: samples[0] for place, samples in places.items()}, done, 0.0, (0.0,))


def record(run: turns.Run, inside: wire.Inside | None = None, precision_us: float | None = None) -> Wire:
    return wire.record(
        run,
        Assignment(("token",), {URL: 4}, 4, 1, 0),
        5,
        precision_us,
        None,
        asdict(environment()),
        inside,
        seconds=1.0,
    )


def test_the_wire_is_held_against_what_the_same_run_found_in_process():
    found = record(run_of(WIRE, IN_PROCESS))
    anonymous, token = found.beside
    assert (anonymous.name, anonymous.wire.estimate, anonymous.in_process.estimate) == (ANONYMOUS, 305, 102)
    assert token.wire.estimate == pytest.approx(found.tables[0].rows[0].overhead.estimate)
    assert token.difference == welch([50, 51, 49], [120, 122, 121]).interval()
    assert token.verdict == "faster"
    assert found.tables[0].control_level == 0.995
    assert found.verdict.conclusive


SERVICE = ("database", "database_version", "transport", "connection", "connection_policy", "switches")


def overhead(url: str = URL) -> wire.Inside:
    """Return a result of `overhead` on another machine."""
    result = replace(
        overhead_record(),
        service=dict.fromkeys((*SERVICE, "garbage_collection"), ""),
        plan={"block": 8, "drop": 3},
        contenders=tuple(IN_PROCESS[0].entries),
        processes=tuple(Process(0, 0, {}, {url: each.blocks[URL]}) for each in IN_PROCESS),
    )
    return Head("2026-11-24", replace(environment(), processor="PDP-11", cores=1)), result


def test_the_wire_is_held_against_a_run_of_overhead():
    found = record(run_of(WIRE), overhead())
    assert [row.name for row in found.beside] == [ANONYMOUS, "token"]
    assert found.beside[1].in_process.estimate == 50
    assert found.tables[0].control_level == 0.99
    with pytest.raises(comparison.UnlikeError):
        record(run_of(WIRE), overhead("/tracks/"))


def test_a_control_that_differs_in_process_makes_the_run_inconclusive_too():
    odd = [sample(100, 150), sample(104, 155), sample(102, 151)]
    for each, us in zip(odd, (110, 114.5, 112), strict=True):
        each.blocks[URL].p25_ns[CONTROL] = [1000 * us] * 4
    (reason,) = record(run_of(WIRE, odd)).verdict.reasons
    assert reason.startswith("on /whoami/ in process the A/A control differs from itself")


def test_an_interval_wider_than_asked_for_makes_the_run_inconclusive():
    (reason,) = record(run_of(WIRE, IN_PROCESS), precision_us=0.1).verdict.reasons
    assert reason.endswith("not the 0.1 µs asked for")


def test_only_what_is_not_the_wire_is_told_as_unlike():
    inside = overhead()
    found = comparison.conditions(*inside)
    other = replace(found, service=found.service | {"garbage_collection": "otherwise", "database": "PostgreSQL"})
    assert wire.unlike(inside, other) == ("database:  and PostgreSQL",)


def test_what_stands_beside_the_wire_is_not_measured_again():
    database = Database("sqlite://", "kept")
    assert wire.places(database, "granian", overhead()) == {
        wire.WIRE: turns.Place(database, server="granian", worker=wire.WORKER)
    }
    assert wire.places(database, "granian", None) == {
        wire.WIRE: turns.Place(database, server="granian", worker=wire.WORKER),
        wire.IN_PROCESS: turns.Place(database),
    }


def test_a_run_goes_on_until_its_intervals_over_the_wire_are_as_narrow_as_asked(monkeypatch):
    """The intervals in process do not count: they stay as wide until the end."""
    outside = iter([sample(300, 420), sample(300, 460), sample(300, 421), *[sample(300, 421)] * 100])
    inside = itertools.cycle([sample(100, 9000), sample(100, 150)])
    monkeypatch.setattr(turns, "_work", lambda _, place, *others: next(outside if place.server else inside))
    places = wire.places(Database("sqlite://", "kept"), "granian", None)
    nobody = Watcher(lambda seconds: None, lambda: None)
    end = time.monotonic() + 1000
    run = turns.run(Assignment(("token",), {URL: 0}, 8, 3, 1), places, 2, end, 4, nobody, precision_us=10)
    samples = run.samples(wire.WIRE)
    assert 2 < len(samples) < 100
    assert analysis.widest(samples) <= 10 < analysis.widest(samples[:-1])


def test_a_run_waited_as_long_as_its_client_or_its_server():
    class Busy:
        def work(self):
            return 1.0, 0.25

    collector = timing._Collector(Busy())
    collector.collect()
    assert collector.waited >= 0.75  # more if this process itself had to wait


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--server", "nginx"), 2, ["nginx", "granian", "gunicorn"]),
        (("--url", "whoami"), 2, ["'whoami'", "beginning with /"]),
        (("--block", "6", "--drop", "5"), 2, ["--drop 5 leaves fewer than 2 of the 6 requests"]),
        (
            ("--beside", "docs/reference/results.schema.json"),
            1,
            ["docs/reference/results.schema.json", "no result of python -m benchmarks"],
        ),
    ],
)
def test_wrong_usage_is_told_before_anything_is_started(arguments, code, message):
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == code
    for part in message:
        assert part in done.output
