"""Load on real servers. The only times asserted are those that a stall of a second leaves."""

import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise

import jsonschema
import pytest
from click.testing import CliRunner
from hdrh.histogram import HdrHistogram

from benchmarks.databases.scratch import Database
from benchmarks.processes.start import WorkerRefusedError
from benchmarks.questions.load import command as load_command
from benchmarks.questions.load import run as load
from benchmarks.questions.load.rates import PARTS, STOCK, Contender, at_saturation, ratio_to_stock, ratios
from benchmarks.questions.load.run import BEYOND, HALVINGS, Run
from benchmarks.questions.users import command as users_command
from benchmarks.results.records.load import Loaded, LoadPlan, Series, Step
from benchmarks.results.schema import schema
from benchmarks.servers import generator, service
from benchmarks.servers import server as servers
from benchmarks.servers.generator import Generator
from tests.support import processes
from tests.support import servers as test_servers

pytestmark = pytest.mark.once  # the lab brings its own database

STALL_SECONDS = float(os.environ.get("STALL_SECONDS", "1"))
STALL_RUN_SECONDS = float(os.environ.get("STALL_RUN_SECONDS", "4"))

REQUEST = load.request("/", "Token x").encode()
MARK = "BENCHMARKS_TEST_MARK"  # in the environment of all processes that a command starts


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """Return a filled SQLite database."""
    url = f"sqlite:///{tmp_path_factory.mktemp('load')}/scratch.sqlite3"
    assert test_servers.run("-m", "benchmarks.processes.fill_worker", BENCHMARKS_DATABASE_URL=url).returncode == 0
    return Database(url, "kept")


@pytest.fixture(scope="module")
def server(database):
    """Serve `token` by granian."""
    with service.serving("granian", database, "token") as server:
        yield server


def percentile(encoded: str, level: float) -> float:
    """Return a percentile in seconds."""
    return HdrHistogram.decode(encoded).get_value_at_percentile(level) / 1e6


# --- a stall is not hidden ------------------------------------------------------------------------


def test_a_server_that_stands_still_is_charged_with_all_who_came_meanwhile(database, server):
    request = load.request("/whoami/", service.log_in(server, "token"))
    with load.generator(database, server.port, request, 4) as step:
        step(100, 0.5, 1)
        begin = STALL_RUN_SECONDS / 4
        timers = [
            threading.Timer(begin, server.send, [signal.SIGSTOP]),
            threading.Timer(begin + STALL_SECONDS, server.send, [signal.SIGCONT]),
        ]
        for timer in timers:
            timer.start()
        made = step(100, STALL_RUN_SECONDS, 5)
        for timer in timers:
            timer.join()
    # The median of the requests that came during the stall waited for half of it.
    stalled = STALL_SECONDS / STALL_RUN_SECONDS
    level = 100 * (1 - stalled / 2)
    intended, sent = percentile(made.from_intended, level), percentile(made.from_sent, level)
    print(f"\n{made.answered} requests, standstill {STALL_SECONDS:g} of {STALL_RUN_SECONDS:g} s: p{level:g} ", end="")
    print(f"{intended:.3f} s from the intended time, {sent:.3f} s from the sending")
    assert made.answered == 100 * STALL_RUN_SECONDS
    assert made.unanswered == 0
    assert intended > 0.4 * STALL_SECONDS
    assert sent < intended / 3


# --- the generator --------------------------------------------------------------------------------


@contextmanager
def answering(*answers: list[bytes], close: bool = False):
    """Yield the address of a server that sends these pieces, one list for each request in turn.

    The last list answers all further requests. `close`: the server closes the connection after each
    answer, without notice.
    """
    left = list(answers)

    def serve(client):
        with client:
            while client.recv(65536):
                for piece in left.pop(0) if len(left) > 1 else left[0]:
                    client.sendall(piece)
                    time.sleep(0.001)
                if close or any(b"connection: close" in piece.lower() for piece in answers[0]):
                    return

    def accept():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=[client], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()
        listener.shutdown(socket.SHUT_RDWR)


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
REFUSED = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"


def made_by(address, rate, seconds, grace=1.0, connections=2) -> dict:
    made = Generator(address, REQUEST, connections)
    try:
        return made.step(rate, seconds, grace)
    finally:
        made.close()


@pytest.mark.parametrize(
    ("pieces", "close"),
    [
        ([OK], False),
        ([OK[:10], OK[10:38], OK[38:]], False),
        ([OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")], False),
        ([OK], True),
    ],
    ids=["whole", "in pieces", "announced to close", "closed without a word"],
)
def test_every_request_of_a_rate_is_sent_and_its_answer_read(pieces, close):
    with answering(pieces, close=close) as address:
        made = made_by(address, rate=100, seconds=0.3)
    assert made["answered"] == 30
    assert made["statuses"] == {200: 30}
    assert made["unanswered"] == 0
    assert (made["resent"] > 0) == close
    assert HdrHistogram.decode(made["from_intended"]).get_total_count() == 30


def test_an_error_is_counted_and_is_no_time():
    with answering([OK], [REFUSED], [OK]) as address:
        made = made_by(address, rate=100, seconds=0.1, connections=1)
    assert made["statuses"] == {200: 9, 503: 1}
    assert HdrHistogram.decode(made["from_intended"]).get_total_count() == 9
    assert not load.step(made | {"statuses": {"200": 9, "503": 1}}).is_within(1e9)


def test_who_gets_no_answer_counts_with_the_age_that_was_reached(monkeypatch):
    monkeypatch.setattr(generator, "PATIENCE", 0.2)
    with answering([OK], []) as address:
        made = made_by(address, rate=50, seconds=0.2, grace=0.1, connections=1)
    assert (made["answered"], made["unanswered"]) == (1, 9)
    histogram = HdrHistogram.decode(made["from_intended"])
    assert histogram.get_total_count() == 10
    # The last request was due at 0.18 s; the generator waited for all of them until 0.3 s.
    assert percentile(made["from_intended"], 20) > 0.1
    assert percentile(made["from_intended"], 100) > 0.25
    assert HdrHistogram.decode(made["from_sent"]).get_total_count() == 1


def test_an_answer_whose_end_cannot_be_told_is_refused():
    with (
        answering([b"HTTP/1.1 200 OK\r\n\r\n"]) as address,
        pytest.raises(generator.UnreadableError, match="Content-Length"),
    ):
        made_by(address, rate=10, seconds=0.1)


def test_a_closed_loop_sends_as_soon_as_a_connection_is_free():
    with answering([OK]) as address:
        made = made_by(address, rate=None, seconds=0.2)
    assert made["answered"] > 10
    assert made["per_second"] > 50
    assert HdrHistogram.decode(made["late"]).get_total_count() == 0


# --- the search, the verdict ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limit", "found"),
    [(0.7, 0.7), (0.85, 0.85), (0.1, 0.1), (1.05, 1.05), (9, BEYOND[-1])],
)
def test_the_highest_rate_is_found_between_the_parts(limit, found):
    tried = []
    highest = load.search(lambda rate: tried.append(rate) or rate <= limit * 1000, 1000)
    steps = sorted({0.0, *PARTS, *BEYOND})
    width = max(high - low for low, high in pairwise(steps)) / 2**HALVINGS
    assert found * 1000 - 1000 * width <= highest <= found * 1000
    assert tried[: len(PARTS)] == [part * 1000 for part in PARTS]


def test_where_nothing_is_within_the_bound_there_is_no_highest_rate():
    assert load.search(lambda rate: False, 1000) is None


def test_a_failure_below_what_went_well_is_not_the_rates():
    assert load.search(lambda rate: rate != 400 and rate <= 850, 1000) >= 800


PLAN = LoadPlan("/whoami/", 4, 1, 20_000)
HERE = Contender("token", "granian")
STEP = Step(100.0, 1000.0, 100, 0, {"200": 100}, 0, 900, 5000, 4000, 100, 0.1, "", "")
SERIES = Series(STEP, 0.99, (STEP,) * len(PARTS), 90.0)


def run_of(series: Series = SERIES, **other) -> Run:
    usual = {"ceiling_per_second": 20_000, "apart": True, "round_trips": (), "steal": 0.0, "load_average": (0, 0, 0)}
    return Run(turns=({HERE.name: SERIES}, {HERE.name: series}), **(usual | other))


def test_a_run_without_doubts_is_conclusive():
    assert load.judge(run_of(), PLAN, [HERE]).conclusive


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (run_of(apart=False), "share their cores"),
        (run_of(steal=0.2), "steal"),
        (run_of(ceiling_per_second=1500), "the generator may be the limit, 1000 requests per second of 1500"),
        (run_of(replace(SERIES, steps=(replace(STEP, generator_share=0.8),))), "the generator used 80% of its core"),
        (run_of(replace(SERIES, steps=(replace(STEP, late_p99_us=6000),))), "itself 6.0 ms late"),
        (run_of(replace(SERIES, server_share=0.5)), "the server used 50% of its core"),
        (run_of(replace(SERIES, saturation=replace(STEP, statuses={"200": 9, "503": 1}))), "1 x 503"),
    ],
)
def test_a_run_that_found_something_else_than_the_servers_limit_says_so(run, reason):
    verdict = load.judge(run, PLAN, [HERE])
    assert not verdict.conclusive
    assert reason in " ".join(verdict.reasons)
    assert len(verdict.reasons) == 1


def test_a_server_that_waits_for_a_distant_database_may_leave_its_core_idle():
    far = replace(HERE, distance_ms=5)
    idle = replace(SERIES, server_share=0.2)
    assert load.judge(replace(run_of(), turns=({far.name: idle},)), PLAN, [far]).conclusive


def test_ratios_are_of_the_same_turn():
    ones, others = (
        [replace(SERIES, saturation=replace(STEP, per_second=rate)) for rate in rates]
        for rates in ((300, 100), (100, 50))
    )
    assert ratios(ones, others, at_saturation) == [3, 2]


def at_rates(*rates: float) -> list[Series]:
    return [replace(SERIES, saturation=replace(STEP, per_second=rate)) for rate in rates]


def test_a_ratio_has_an_interval_over_the_turns():
    first, second = (Loaded(name, "x", "y", None, ()) for name in (HERE.name, STOCK.name))
    ours, theirs = (
        replace(each, turns=tuple(at_rates(*rates)))
        for each, rates in ((first, (300, 200, 250)), (second, (100, 100, 100)))
    )
    found = ratio_to_stock(ours, [theirs, ours], at_saturation)
    assert found.estimate == pytest.approx(2.5)
    assert found.half_width == pytest.approx(4.303 * 0.5 / 3**0.5, rel=1e-3)
    assert ratio_to_stock(ours, [ours], at_saturation) is None


@pytest.mark.parametrize(("again", "conclusive"), [((1030, 1032, 1031), False), ((1010, 1012, 1011), True)])
def test_a_stock_contender_that_differs_from_itself_makes_the_run_inconclusive(again, conclusive):
    control = replace(STOCK, again=True)
    turns = tuple(
        {STOCK.name: one, control.name: other}
        for one, other in zip(at_rates(1000, 1000, 1000), at_rates(*again), strict=True)
    )
    verdict = load.judge(replace(run_of(), turns=turns), PLAN, [STOCK, control])
    assert verdict.conclusive == conclusive
    assert conclusive or verdict.reasons[0].startswith("drf-token on gunicorn, again: answers 1.031 times (1.02")


# --- the commands ---------------------------------------------------------------------------------


def marked(mark: str) -> list[str]:
    """Return the command lines of the processes with this mark in their environment."""
    return [process.command for process in processes.marked(MARK, mark)]


@pytest.fixture
def mark():
    """Yield a mark for a command's environment. Fail if a process still has it afterwards."""
    mark = secrets.token_hex(8)
    yield mark
    assert marked(mark) == []


@pytest.fixture
def invoke(mark, monkeypatch, tmp_path):
    """Return a function that runs a command in this process, without pinning it to a core."""
    monkeypatch.setenv(MARK, mark)
    monkeypatch.setattr(servers, "cores", lambda: None)
    return lambda module, *options: CliRunner().invoke(module.command, list(map(str, options)))


@pytest.mark.lab
def test_a_run_keeps_what_it_measured_and_leaves_nobody_behind(invoke, tmp_path):
    done = invoke(
        load_command,
        *("--scheme", "token", "--connections", 4, "--seconds", 0.2, "--turns", 1),
        *("--json", tmp_path / "run.json"),
    )
    assert done.exit_code == 3, done.output
    document = json.loads((tmp_path / "run.json").read_text())
    jsonschema.validate(document, schema())
    assert [each["name"] for each in document["contenders"]] == [
        "drf-token on gunicorn",
        "drf-token on gunicorn, again",
        "token on granian",
    ]
    for contender in document["contenders"]:
        (series,) = contender["turns"]
        assert series["saturation"]["statuses"].keys() == {"200"}
        assert len(series["steps"]) >= len(PARTS)
        for step in series["steps"]:
            assert sum(step["statuses"].values()) + step["unanswered"] == int(step["offered_per_second"] * 0.2)
            assert percentile(step["from_intended"], 99) == step["p99_us"] / 1e6
        assert f"{series['saturation']['per_second']:.0f}" in done.output
    stock, _, ours = (each["turns"][0]["saturation"]["per_second"] for each in document["contenders"])
    assert f" {ours / stock:.2f} ({ours / stock:.2f} to" in done.output
    assert document["ceiling_per_second"] > 0
    assert not document["verdict"]["conclusive"]
    assert "INCONCLUSIVE: server and generator share their cores" in done.output
    assert max(len(line) for line in done.output.splitlines() if str(tmp_path) not in line) <= 100


_SERVE = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background process is started without
from benchmarks.databases.scratch import Database
from benchmarks.questions.load import run as load
from benchmarks.servers import service
database = Database(sys.argv[1], "kept")
with service.serving("granian", database, "token") as server, load.generator(database, server.port, "", 1):
    print("serving", flush=True)
    time.sleep(60)
"""


@pytest.mark.lab
def test_a_run_that_is_interrupted_leaves_nobody_behind(database, mark):
    with processes.group(
        [sys.executable, "-c", _SERVE, database.url],
        cwd=test_servers.ROOT,
        env=test_servers.environment(**{MARK: mark}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout.readline() == "serving\n"
        assert len(marked(mark)) >= 3
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) != 0


def test_a_server_that_does_not_come_up_says_why_and_is_gone(database, mark, monkeypatch):
    monkeypatch.setenv(MARK, mark)
    with (
        pytest.raises(servers.ServerError, match="JWT_LEEWAY"),
        service.serving("gunicorn", database, "token", switches={"JWT_LEEWAY": "nonsense"}),
    ):
        pass


def test_a_login_that_does_not_open_the_service_is_refused(server):
    with pytest.raises(WorkerRefusedError, match="token-hashed: /whoami/ answers 200"):
        service.log_in(server, "token-hashed")


@pytest.mark.lab
def test_users_do_as_clients_do(invoke, capfd):
    done = invoke(
        users_command,
        *("--users", 4, "--workers", 2, "--seconds", 3, "--pace", 0.002, "--access-lifetime", 3),
    )
    output = capfd.readouterr()
    assert done.exit_code == 0, done.output + output.out + output.err
    # name, count, and p50 from when the request was due and from when it was sent
    rows = re.findall(r"^ (\S.*?)\s+(\d+)  +([\d.]+) \[([\d.]+)\]", output.out, re.MULTILINE)
    counts = {name: int(count) for name, count, _, _ in rows}
    for name in ("token /api-token-auth/", "token /api-token-auth/revoke/", "token /tracks/", "token /tracks/{id}/"):
        assert counts.get(name), name
    for name in ("jwt /api/token/", "jwt /api/token/refresh/", "jwt /api/token/logout/", "jwt /tracks/?…"):
        assert counts.get(name), name
    # The merged histograms of the workers hold what locust counted.
    (total,) = re.findall(r"^ +Aggregated +(\d+) +0\(0.00%\) \|", output.err, re.MULTILINE)
    assert sum(counts.values()) == int(total)
    # No user can keep such a pace, and a late action counts from when it was due.
    due, sent = (max(float(row[column]) for row in rows) for column in (2, 3))
    assert due > 2 * sent


@pytest.mark.parametrize(
    ("command", "arguments", "message"),
    [
        (load_command, ["--scheme", "nonsense"], "token-hashed"),
        (load_command, ["--server", "nonsense"], "gunicorn"),
        (load_command, ["--url", "whoami"], "beginning with /"),
        (load_command, ["--distance", "1"], "add --database postgresql"),
        (load_command, ["--distance", "-1"], "0<=x<=1000"),
        (users_command, ["--scheme", "token", "--scheme", "token-hashed"], "both answer to the keyword"),
    ],
)
def test_wrong_usage_is_told(command, arguments, message):
    done = CliRunner().invoke(command.command, arguments)
    assert done.exit_code == 2
    assert message in done.output


def test_who_measures_keeps_off_the_servers_core(monkeypatch):
    calls = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 2, 3}, raising=False)
    monkeypatch.setattr(os, "sched_setaffinity", lambda process, cores: calls.append(cores), raising=False)
    assert servers.own_core() == 3
    assert calls == [{1, 2}]
    monkeypatch.setattr(servers, "cores", lambda: None)
    assert servers.own_core() is None
    assert calls == [{1, 2}]
