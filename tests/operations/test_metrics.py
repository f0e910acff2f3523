"""METRICS: its counts, who may read them, several workers, and no cost when it is off."""

import json
import logging
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.utils.module_loading import import_string
from prometheus_client.parser import text_string_to_metric_families
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.test import APIRequestFactory

from config.schemes import SCHEMES
from config.views import WhoAmIView
from telemetry import metrics
from telemetry.instrumented import Counted, instrumented
from telemetry.metrics_view import MetricsView
from tests.support import disks, servers
from tests.support.accounts import PASSWORD

# the counts do not depend on the database
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.once]

SECRET = "s" * 32
LABELS = ("event", "scheme", "reason", "outcome", "method", "status", "le")
ON = {"METRICS": "on", "METRICS_TOKEN": SECRET}


# --- in this process: each row --------------------------------------------------------------------


def seconds(name, outcome) -> float:
    return metrics.registry.get_sample_value("auth_seconds_count", {"scheme": name, "outcome": outcome}) or 0


def timed(name: str) -> type:
    return instrumented(import_string(SCHEMES[name].authentication), Counted)


@pytest.mark.parametrize(
    ("header", "accepted", "refused"),
    [("good", 1, 0), ("garbage", 0, 1), ("Basic abc", 0, 0), (None, 0, 0)],
)
def test_a_credential_is_counted_as_accepted_or_refused(door, user, header, accepted, refused):
    name, keyword = door.scheme.name, door.scheme.keyword
    if header == "good":
        header = f"{keyword} {door.credential(user)}"
    elif header == "garbage":
        header = f"{keyword} garbage"
    before = seconds(name, "accepted"), seconds(name, "refused")
    request = APIRequestFactory().get("/whoami/", headers={"Authorization": header} if header else {})
    response = WhoAmIView.as_view(authentication_classes=[timed(name)])(request)
    assert (response.status_code == 200) == bool(accepted)
    assert (seconds(name, "accepted"), seconds(name, "refused")) == (before[0] + accepted, before[1] + refused)


@pytest.fixture
def counting():
    handler = metrics.EventCounter()
    logging.getLogger("auth").addHandler(handler)
    yield
    logging.getLogger("auth").removeHandler(handler)


def counted(event, scheme="", reason="") -> float:
    labels = {"event": event, "scheme": scheme, "reason": reason}
    return metrics.registry.get_sample_value("auth_events_total", labels) or 0


def test_events_are_counted_by_scheme_and_reason(api, user, counting):
    labels = [("login.succeeded", "token"), ("login.failed", "jwt", "password"), ("login.failed", "token", "password")]
    before = [counted(*each) for each in labels]
    api.post("/api-token-auth/", {"username": "ada", "password": PASSWORD})
    for _ in range(2):
        api.post("/api/token/", {"username": "ada", "password": "wrong"})
    assert [counted(*each) - count for each, count in zip(labels, before, strict=True)] == [1, 2, 0]


def test_what_cannot_be_counted_costs_no_login_and_is_not_silent(api, user, counting, monkeypatch, capsys, caplog):
    def fail(*labels):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(metrics.EVENTS, "labels", fail)
    monkeypatch.setattr(metrics.SECONDS, "labels", fail)
    answer = api.post("/api-token-auth/", {"username": "ada", "password": PASSWORD})
    assert answer.status_code == 200
    assert "No space left on device" in capsys.readouterr().err
    header = {"Authorization": f"Token {answer.json()['token']}"}
    request = APIRequestFactory().get("/whoami/", headers=header)
    assert WhoAmIView.as_view(authentication_classes=[timed("token")])(request).status_code == 200
    assert "not counted: scheme=token outcome=accepted" in caplog.text


def test_a_database_that_is_away_is_neither_accepted_nor_refused(monkeypatch):
    class Away:
        def authenticate(self, request):
            raise ConnectionError("away")

    monkeypatch.setattr(metrics, "observe", lambda *arguments: pytest.fail("counted"))
    with pytest.raises(ConnectionError):
        type("Counting", (Counted, Away), {})().authenticate(None)


# --- switched off ---------------------------------------------------------------------------------

_WHAT_A_REQUEST_PASSES = """
import django, json, sys; django.setup()
import logging
from django.conf import settings
from rest_framework.settings import api_settings
import config.urls
from django.urls import NoReverseMatch, reverse
from django.utils.module_loading import import_string
classes = api_settings.DEFAULT_AUTHENTICATION_CLASSES
try:
    path = reverse("metrics")
except NoReverseMatch:
    path = None
print(json.dumps({
    "own": classes == [import_string(row.authentication) for row in settings.SCHEMES],
    "middleware": len(settings.MIDDLEWARE),
    "imported": any(name.partition(".")[0] == "prometheus_client" for name in sys.modules),
    "handlers": len(logging.getLogger("auth").handlers),
    "path": path,
}))
"""


def passed(**switches) -> dict:
    done = servers.run("-c", _WHAT_A_REQUEST_PASSES, DJANGO_SETTINGS_MODULE="config.settings", **switches)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "schemes", ["token,jwt", "drf-token,simplejwt", "token-hashed,jwt-stateless", "token-cached,jwt-pushed"]
)
def test_off_a_request_passes_the_rows_own_classes_and_nothing_else(schemes):
    off = passed(AUTH_SCHEMES=schemes)
    assert off.pop("middleware") == passed(AUTH_SCHEMES=schemes, **ON)["middleware"] - 1
    assert off == {"own": True, "imported": False, "handlers": 0, "path": None}


@pytest.mark.parametrize(
    ("switches", "imported", "handlers", "path"),
    [(ON, True, 1, "/metrics/"), ({"LOG_AUTHENTICATIONS": "on"}, False, 0, None)],
)
def test_on_it_is_there(switches, imported, handlers, path):
    on = passed(**switches)
    on.pop("middleware")
    assert on == {"own": False, "imported": imported, "handlers": handlers, "path": path}


# --- a real server --------------------------------------------------------------------------------

_MAKE_USER = f"""
from django.contrib.auth import get_user_model
get_user_model().objects.create_user("ada", password={PASSWORD!r})
"""


@pytest.fixture
def database(tmp_path):
    url = servers.scratch_database(tmp_path)
    for arguments in (["migrate", "--verbosity", "0"], ["shell", "--verbosity", "0", "-c", _MAKE_USER]):
        done = servers.run("manage.py", *arguments, DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
    return url


def ask(url, header=None, **body):
    """Return the status and the text."""
    headers = {"Content-Type": "application/json", "Connection": "close"}
    headers |= {"Authorization": header} if header else {}
    request = urllib.request.Request(url, json.dumps(body).encode() if body else None, headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def scrape(base) -> dict[tuple, float]:
    """Return each sample by its name and the values of its labels."""
    status, text = ask(f"{base}/metrics/", f"Bearer {SECRET}")
    assert status == 200, text
    return {
        (sample.name, *(sample.labels[name] for name in LABELS if name in sample.labels)): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_two_workers_count_together(tmp_path, database):
    (tmp_path / "counts").mkdir()
    switches = {**ON, "DATABASE_URL": database, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "counts")}
    with servers.granian(workers=2, LOGIN_THROTTLE="none", **switches) as base:
        _, text = ask(f"{base}/api-token-auth/", username="ada", password=PASSWORD)
        header = f"Token {json.loads(text)['token']}"
        good = bad = 0
        end = time.monotonic() + 60
        # Continue until both workers have written a file of events and one of times. The kernel
        # chooses the worker.
        while len(list((tmp_path / "counts").glob("histogram_*.db"))) < 2 or good < 60:
            assert time.monotonic() < end, "one worker alone answered"
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(lambda _: ask(f"{base}/whoami/", header)[0], range(16)))
                answers += pool.map(lambda _: ask(f"{base}/whoami/", "Token garbage")[0], range(8))
            good, bad = good + answers.count(200), bad + answers.count(401)
            assert set(answers) == {200, 401}
        for _ in range(6):  # either worker may answer
            samples = scrape(base)
            assert samples["auth_seconds_count", "token", "accepted"] == good
            assert samples["auth_seconds_count", "token", "refused"] == bad
            assert samples["auth_events_total", "credential.refused", "token", "invalid"] == bad
            assert samples["auth_events_total", "login.succeeded", "token", ""] == 1


def test_a_disk_without_room_for_counts_costs_no_worker_and_no_answer_and_counting_goes_on_with_room(database):
    with disks.small_disk("16k") as folder:  # smaller than one file of counts
        switches = {**ON, "DATABASE_URL": database, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
        with servers.logged_granian(**switches) as (base, output):
            for _ in range(3):
                assert ask(f"{base}/whoami/", "Token garbage")[0] == 401
            assert scrape(base) == {}
            assert list(folder.iterdir()) == []
            assert "No space left on device" in output.read_text()
            assert "not counted: scheme=token outcome=refused" in output.read_text()
            disks.resize(folder, "256k")
            for _ in range(3):
                assert ask(f"{base}/whoami/", "Token garbage")[0] == 401
            assert scrape(base)["auth_seconds_count", "token", "refused"] == 3
            # A process that counts already has its room, even if the disk becomes full.
            with (folder / "filler").open("wb", buffering=0) as filler, pytest.raises(OSError, match="No space left"):
                while True:
                    filler.write(bytes(4096))
            for scheme in ("Token", "Bearer"):
                assert ask(f"{base}/whoami/", f"{scheme} garbage")[0] == 401
            samples = scrape(base)
            assert samples["auth_seconds_count", "token", "refused"] == 4
            assert samples["auth_seconds_count", "jwt", "refused"] == 1


def test_a_file_of_counts_that_grows_has_its_room_first(tmp_path):
    with disks.small_disk("128k") as folder:
        counts = metrics.ReservedCounts(str(folder / "counter_1.db"))
        with pytest.raises(OSError, match="No space left"):
            for number in range(10_000):
                counts.write_value(f"{number:0999}", number, 0)
        assert counts.read_value(f"{number - 1:0999}") == (number - 1, 0)
        assert number > 100
        counts.close()
        again = metrics.ReservedCounts(str(folder / "counter_1.db"))
        assert {value for _, value, _ in again.read_all_values()} == set(range(number))
        again.close()


def test_one_worker_needs_no_folder_and_what_is_counted_is_nobodys_but_the_scrapers(database):
    # An empty value counts as unset. The counts would otherwise lie in the present folder.
    with servers.granian(DATABASE_URL=database, PROMETHEUS_MULTIPROC_DIR="", **ON) as base:
        ask(f"{base}/api/token/", username="ada", password="wrong")
        _, text = ask(f"{base}/api-token-auth/", username="ada", password=PASSWORD)
        token = f"Token {json.loads(text)['token']}"
        assert ask(f"{base}/whoami/", token)[0] == 200
        for header in (None, token, "Bearer garbage", f"Bearer {SECRET[1:]}", f"Token {SECRET}"):
            status, text = ask(f"{base}/metrics/", header)
            assert status == 401
            assert json.loads(text)["detail"]
        assert ask(f"{base}/whoami/", f"Bearer {SECRET}")[0] == 401
        samples = scrape(base)
        assert samples["auth_events_total", "login.failed", "jwt", "password"] == 1
        assert samples["auth_seconds_count", "token", "accepted"] == 1
        assert samples["auth_seconds_sum", "token", "accepted"] > 0
        # /metrics/ belongs to no row, so its refusals have no scheme.
        assert samples["auth_events_total", "credential.refused", "", "invalid"] == 2
        assert "/metrics/" in json.loads(ask(f"{base}/")[1])["endpoints"]
        assert not list(servers.ROOT.glob("*_*.db"))


def test_it_is_read_while_the_database_is_away(tmp_path):
    with servers.granian(DATABASE_URL=f"sqlite:///{tmp_path}/none.sqlite3", **ON) as base:
        assert ask(f"{base}/whoami/", f"Token {'a' * 40}")[0] == 503
        assert scrape(base)["auth_events_total", "service.unavailable", "", "database"] == 1


def test_the_demo_counts_with_two_workers(tmp_path):
    (tmp_path / "counts").mkdir()
    switches = {
        **ON,
        "GRANIAN_WORKERS": "2",
        "LOGIN_THROTTLE": "none",
        "DATABASE_URL": f"sqlite:///{tmp_path}/demo.sqlite3",
    }
    refused = servers.run("manage.py", "serve_demo", **switches)
    assert refused.returncode != 0
    assert "config.E007" in refused.stderr
    with servers.demo(PROMETHEUS_MULTIPROC_DIR=str(tmp_path / "counts"), **switches) as (base, _):
        for _ in range(5):
            ask(f"{base}/whoami/", "Token garbage")
        assert {scrape(base)["auth_events_total", "credential.refused", "token", "invalid"] for _ in range(4)} == {5}


_DIRECTLY = """
import django; django.setup()
from django.test import Client
client = Client(headers={"host": "localhost"})
print([client.get(path).status_code for path in ("/metrics/", "/whoami/")])
"""


def test_prometheus_may_ask_a_process_directly():
    done = servers.run("-c", _DIRECTLY, DJANGO_SETTINGS_MODULE="config.settings", HTTPS_ONLY="on", **ON)
    assert done.stdout == "[401, 301]\n", done.stderr


def test_the_openapi_document_has_it_by_switch():
    for switches, is_there in ((ON, True), ({}, False)):
        done = servers.run("manage.py", "spectacular", "--validate", "--fail-on-warn", **switches)
        assert done.returncode == 0, done.stderr
        assert ("/metrics/:" in done.stdout) == is_there
        assert ("\n    metrics:\n" in done.stdout.partition("securitySchemes:")[2]) == is_there


def test_every_row_has_a_class_to_count():
    for name in SCHEMES:
        with pytest.raises(AuthenticationFailed):
            request = APIRequestFactory().get("/", headers={"Authorization": f"{SCHEMES[name].keyword} a b"})
            timed(name)().authenticate(request)


def test_what_is_no_text_is_not_answered(settings):
    settings.METRICS_TOKEN = SECRET
    request = APIRequestFactory().options("/metrics/", headers={"Authorization": f"Bearer {SECRET}"})
    assert MetricsView.as_view()(request).status_code == 405


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text;version=1.0.0, text/plain;q=0.5, */*;q=0.1"])
def test_a_scrape_needs_to_say_nothing_of_what_it_accepts(settings, accept):
    settings.METRICS_TOKEN = SECRET
    headers = {"Authorization": f"Bearer {SECRET}", "Accept": accept}
    answer = MetricsView.as_view()(APIRequestFactory().get("/metrics/", headers=headers)).render()
    assert (answer.status_code, answer["Content-Type"].split(";")[0]) == (200, "text/plain")
