"""This checkout's service compared with a revision's. No test asserts a time."""

import json
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.databases.scratch import several
from benchmarks.messages import ANONYMOUS, Assignment, Blocks, Entry, Sample
from benchmarks.processes import revisions, start, turns
from benchmarks.processes.revisions import RevisionError
from benchmarks.questions.versus import run as versus
from benchmarks.questions.versus.command import command
from benchmarks.questions.versus.tables import answer, policy_before
from benchmarks.results.records.versus import Added
from benchmarks.results.schema import schema
from benchmarks.stats.intervals import Interval
from tests.support import servers

pytestmark = pytest.mark.once  # the lab brings its own databases

URL = "/tracks/"


# --- the answer -----------------------------------------------------------------------------------


def run_of(before, after, again, adds: float | None = None) -> turns.Run:
    """Return a run with these times of a request in each turn at each place, in µs.

    `adds`: what "token" adds to a request before; it adds 8 µs more later. None: no such contender.
    """

    def sample(microseconds: float) -> Sample:
        p25 = {ANONYMOUS: [1000 * microseconds] * 4}
        if adds is not None:
            more = adds if microseconds in before else adds + 8
            p25["token"] = [1000 * (microseconds + more)] * 4
        return Sample([Entry(name) for name in p25], {}, {}, {}, blocks={URL: Blocks([()], p25, p25, p25, p25)})

    done = tuple(
        turns.Turn(0, 0, dict(zip(versus.PLACES, map(sample, each), strict=True)))
        for each in zip(before, after, again, strict=True)
    )
    return turns.Run({URL: 4}, {}, done, 0.0, (0.0,))


def test_a_request_is_compared_by_turn():
    found = versus.analyse(run_of([200, 400, 300], [100, 201, 150], [101, 200, 150]), URL, ANONYMOUS, margin_us=5)
    assert found.before.estimate == 300
    assert found.difference.estimate == pytest.approx(np.mean([-100, -199, -150]))
    assert found.ratio.estimate == pytest.approx(451 / 900)
    assert found.ratio.half_width < 0.02
    assert found.verdict == "faster"
    assert found.control.estimate == pytest.approx(0)
    assert found.run.conclusive


def test_what_a_contender_adds_is_compared_apart_from_what_every_request_costs():
    run = run_of([200, 400, 300], [230, 429, 331], [231, 430, 330], adds=50)
    found = versus.analyse(run, URL, "token", margin_us=10)
    assert found.difference.estimate == pytest.approx(38)
    assert found.verdict == "slower"
    assert (found.adds.before.estimate, found.adds.after.estimate) == pytest.approx((50, 58))
    assert found.adds.difference.estimate == pytest.approx(8)
    assert found.adds.now == "equivalent"
    assert versus.analyse(run, URL, ANONYMOUS, margin_us=10).adds is None


def test_a_checkout_that_differs_from_its_copy_tells_nothing():
    found = versus.analyse(run_of([200, 400, 300], [200, 400, 300], [210, 411, 309]), URL, ANONYMOUS, margin_us=5)
    assert found.verdict == "equivalent"
    (reason,) = found.run.reasons
    assert reason.startswith("the A/A control differs from itself by +10.0 µs")


def test_the_answer_tells_the_request_and_what_is_added_to_it():
    record = SimpleNamespace(
        contender="token",
        url=URL,
        revision=SimpleNamespace(name="v1"),
        verdict=SimpleNamespace(conclusive=True),
        difference=Interval(38, 37, 39),
        ratio=None,
        of=None,
        now="slower",
        adds=Added(Interval(50, 49, 51), Interval(58, 57, 59), Interval(8, 7, 9), "equivalent"),
        margin_us=10,
    )
    request = (
        "token on /tracks/: a request costs what it cost at v1, a difference of +38.0 µs (+37.0 to +39.0): slower."
    )
    both = f"{request} On top of anonymous, the difference is +8.0 µs (+7.0 to +9.0): the same within 10 µs."
    assert answer(record) == both
    record.adds = None
    assert answer(record) == request


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (b"same", b"same", ""),
        (b"sane", b"same", "4 and 4 bytes, first different at byte 2: b'sane' and b'same'"),
        (b"same", b"same again", "4 and 10 bytes, first different at byte 4: b'same' and b'same again'"),
    ],
)
def test_it_is_told_where_two_bodies_part(before, after, expected):
    assert versus.difference(before, after) == expected


# --- the command, in a checkout of its own --------------------------------------------------------

PAGES = "tracks/pagination.py"
A_STATEMENT_MORE = """

class TrackPagination(TrackPagination):
    def paginate_queryset(self, queryset, request, view=None):
        queryset.exists()
        return super().paginate_queryset(queryset, request, view)
"""
ANOTHER_PAGE = "\n\nTrackPagination.page_size = 24\n"


class Checkout:
    """A repository of its own with this service and this lab."""

    def __init__(self, folder):
        self.folder = folder
        for package in (*revisions.SERVICE, "benchmarks"):
            shutil.copytree(servers.ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / ".gitignore").write_text("__pycache__/\nresults/\n")
        self.git("init", "--quiet")

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=True).stdout.strip()

    def commit(self, tag: str, path: str, text: str | None):
        """Commit another text for this file (None: without it), and restore it in the checkout."""
        file = self.folder / path
        before = file.read_text("utf-8")
        file.write_text(text, "utf-8") if text else file.unlink()
        self.git("add", ".")
        self.git("commit", "--quiet", "-m", tag)
        self.git("tag", tag)
        file.write_text(before, "utf-8")

    def versus(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "benchmarks", "versus", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=servers.environment(), capture_output=True, text=True, timeout=600
        )


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    made = Checkout(tmp_path_factory.mktemp("checkout"))
    pages = (made.folder / PAGES).read_text("utf-8")
    made.commit("too-old", "config/schemes.py", None)
    made.commit("another-page", PAGES, pages + ANOTHER_PAGE)
    made.commit("a-statement-more", PAGES, pages + A_STATEMENT_MORE)
    head = made.git("rev-parse", "HEAD")
    for tag, package in (("without-a-package", "auth_core"), ("without-a-service", "config")):
        made.git("rm", "-rq", "--cached", package)
        made.git("commit", "--quiet", "-m", tag)
        made.git("tag", tag)
    made.git("reset", "--quiet", "--mixed", head)
    return made


@pytest.mark.lab
def test_what_lies_in_the_checkout_is_timed_against_the_revision(checkout, tmp_path):
    path = tmp_path / "run.json"
    lay = checkout.git("status", "--porcelain")
    process = checkout.versus("a-statement-more", "--processes", "2", "--rounds", "1", "--json", str(path))
    assert process.returncode in (0, 3), process.stderr
    document = json.loads(path.read_text())
    jsonschema.Draft202012Validator(schema()).validate(document)
    assert process.returncode == (0 if document["verdict"]["conclusive"] else 3)
    assert document["revision"] == {"name": "a-statement-more", "commit": checkout.git("rev-parse", "HEAD")}
    statements = {place: facts["sql_statements"] for place, facts in document["facts"].items()}
    assert statements[versus.BEFORE] == statements[versus.AFTER] + 1
    assert statements[versus.AGAIN] == statements[versus.AFTER]
    assert document["unlike"] == ""
    assert "The bodies are equal, byte for byte." in process.stdout
    assert [sorted(turn["blocks"]) for turn in document["turns"]] == [sorted(versus.PLACES)] * 2
    assert max(len(line) for line in process.stdout.splitlines() if str(path) not in line) <= 100
    assert checkout.git("status", "--porcelain") == lay == f"M {PAGES}"


@pytest.mark.lab
def test_a_revision_that_answers_otherwise_is_refused(checkout):
    process = checkout.versus("another-page", "--processes", "2")
    assert process.returncode == 1
    assert process.stdout.startswith("Load ")  # the line about the machine, and nothing else
    assert "\n\n" not in process.stdout
    assert "first different at byte" in process.stderr
    assert "--anyway" in process.stderr


def test_a_revision_that_this_lab_cannot_drive_is_told(checkout, tmp_path, monkeypatch):
    monkeypatch.setattr(start, "ROOT", checkout.folder)
    services = versus.lay_out(revisions.commit("too-old"), tmp_path)
    databases = several(len(versus.PLACES), "sqlite", None, "kept")
    with databases as made, pytest.raises(RevisionError) as refused:
        versus.fill(made, services, ())
    why = "this lab cannot drive the service at that revision: ModuleNotFoundError: No module named 'config.schemes'"
    assert str(refused.value) == why


@pytest.mark.lab
def test_the_revision_of_the_documented_measurement_answers_as_this_checkout_does(tmp_path):
    measured = (servers.ROOT / "docs/explanation/what-we-measured.md").read_text("utf-8")
    revision = re.search(r"^\$ python -m benchmarks versus (\S+)", measured, re.MULTILINE).group(1)
    if subprocess.run(["git", "cat-file", "-e", revision], cwd=servers.ROOT, capture_output=True).returncode:
        pytest.skip(f"this checkout's history does not reach back to {revision}")
    services = versus.lay_out(revisions.commit(revision), tmp_path)
    assert (services[versus.BEFORE] / "auth_core.py").is_file()  # it is older than that package
    with several(len(versus.PLACES), "sqlite", None, "kept") as made:
        places = versus.fill(made, services, ())
        assert versus.unlike(places, Assignment((), {URL: 0}, 15, 5, seed=0)) == ""


def test_a_revision_that_was_served_with_another_connection_policy_is_said_to_be():
    policies = [{"connection_policy": {"CONN_MAX_AGE": seconds}} for seconds in (0, None)]
    assert policy_before(*policies, "v1") == ["v1 was served with another connection policy: CONN_MAX_AGE=0"]
    assert policy_before(policies[1], policies[1], "v1") == []


def test_a_revision_that_is_none_is_told():
    with pytest.raises(RevisionError):
        revisions.commit("nonsense")


def test_a_package_that_the_revision_has_not_is_not_taken_from_this_checkout(checkout, tmp_path, monkeypatch):
    monkeypatch.setattr(start, "ROOT", checkout.folder)
    services = versus.lay_out(revisions.commit("without-a-package"), tmp_path)
    databases = several(len(versus.PLACES), "sqlite", None, "kept")
    with databases as made, pytest.raises(RevisionError) as refused:
        versus.fill(made, services, ())
    why = "ModuleNotFoundError: No module named 'auth_core' at this revision"
    assert str(refused.value) == f"this lab cannot drive the service at that revision: {why}"


def test_a_revision_without_a_service_is_refused_by_name(checkout, monkeypatch):
    monkeypatch.setattr(start, "ROOT", checkout.folder)
    with pytest.raises(RevisionError) as refused:
        revisions.commit("without-a-service")
    why = "revision without-a-service has no config/, and so no service that this lab could drive"
    assert str(refused.value) == why


def test_every_package_of_the_service_is_measured():
    tracked = subprocess.run(
        ["git", "ls-files", "*/__init__.py"], cwd=servers.ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    packages = {path.partition("/")[0] for path in tracked} - {"benchmarks", "clients", "docs", "tests"}
    assert set(revisions.SERVICE) == packages


def test_wrong_usage_is_refused():
    result = CliRunner().invoke(command, ("HEAD", "--url", "tracks"))
    assert result.exit_code == 2
    assert "beginning with /" in result.output
