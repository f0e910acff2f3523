"""METRICS: requests by method and status, no series that nobody reads, and the alerts on them."""

import re
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest
from django.test import RequestFactory
from prometheus_client.parser import text_string_to_metric_families

from auth_core import events
from telemetry import metrics
from tests.support import servers

pytestmark = pytest.mark.once  # the counts do not depend on the database

SECRET = "s" * 32
RULES = servers.ROOT / "docs/how-to/prometheus-rules.yml"
needs_promtool = pytest.mark.skipif(
    not shutil.which("promtool"), reason="no promtool here (Debian: apt-get install prometheus)"
)


def ask(url: str, method: str = "GET", header: str = "") -> tuple[int, str]:
    request = urllib.request.Request(url, headers={"Authorization": header} if header else {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@pytest.fixture(scope="module")
def scraped(tmp_path_factory):
    """Send requests to a server and return the text of its metrics."""
    folder = tmp_path_factory.mktemp("metrics")
    switches = {"METRICS": "on", "METRICS_TOKEN": SECRET, "DATABASE_URL": servers.migrated_sqlite(folder)}
    with servers.granian(**switches) as base:
        sent = [("GET", "/whoami/")] * 3 + [("BREW", "/whoami/"), ("GIVE", "/whoami/"), ("POST", "/health/")]
        for method, path in sent:
            ask(base + path, method)
        (folder / "migrated.sqlite3").rename(folder / "away")
        assert ask(f"{base}/whoami/", header=f"Token {'a' * 40}")[0] == 503
        status, text = ask(f"{base}/metrics/", header=f"Bearer {SECRET}")
        assert status == 200
        return text


def counts(text: str, name: str) -> dict[tuple[str, str], float]:
    """Return the counts that are not zero, by method and status."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(s.labels["method"], s.labels["status"]): s.value for s in samples if s.name == name}


def test_requests_are_counted_by_method_and_status(scraped):
    found = counts(scraped, "http_requests_total")
    found.pop(("GET", "200"))  # the start of the server was waited for
    assert found == {("GET", "401"): 3, ("other", "401"): 2, ("POST", "405"): 1, ("GET", "503"): 1}


def test_their_times_are_kept_by_class_of_status(scraped):
    found = counts(scraped, "http_request_seconds_count")
    found.pop(("GET", "2xx"))
    assert found == {("GET", "4xx"): 3, ("other", "4xx"): 2, ("POST", "4xx"): 1, ("GET", "5xx"): 1}


def test_nobody_is_sent_the_moment_at_which_a_series_began(scraped):
    assert "http_requests_total{" in scraped
    assert "auth_events_total{" in scraped
    assert "_created" not in scraped


def test_what_cannot_be_counted_costs_no_answer_and_is_not_silent(monkeypatch, caplog):
    def fail(*labels):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(metrics.REQUESTS, "labels", fail)
    answer = object.__new__(type("Answer", (), {"status_code": 200}))
    assert metrics.RequestMetricsMiddleware(lambda request: answer)(RequestFactory().get("/")) is answer
    assert "not counted: method=GET status=200" in caplog.text


@needs_promtool
def test_promtool_finds_nothing_wrong_with_the_metrics(scraped):
    done = subprocess.run(["promtool", "check", "metrics"], input=scraped, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# --- the rules ------------------------------------------------------------------------------------


def test_the_rules_ask_for_what_is_there(scraped):
    expressions = RULES.read_text()
    names = set(re.findall(r"\b((?:auth|http)_\w+)(?=[{])", expressions))
    there = {family.name for family in text_string_to_metric_families(scraped)}
    assert {re.sub("_(total|bucket)$", "", name) for name in names} <= there
    asked = {word for words in re.findall(r'event=~?\\?"([^"\\]+)', expressions) for word in words.split("|")}
    known = {text for name, text in vars(events).items() if name.isupper() and isinstance(text, str)}
    assert asked
    assert asked <= known


@needs_promtool
def test_promtool_accepts_the_rules():
    done = subprocess.run(["promtool", "check", "rules", RULES], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"SUCCESS: {RULES.read_text().count('- alert:')} rules found" in done.stdout


SERIES = """
rule_files: [{rules}]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series: [{{series: '{series}', values: '{values}'}}]
    alert_rule_test: [{{eval_time: {at}, alertname: {alert}, exp_alerts: {expected}}}]
"""
REUSED = 'auth_events_total{instance="a", job="tracks", event="refresh.reused", scheme="jwt", reason=""}'
ERRORS = 'http_requests_total{instance="a", job="tracks", method="GET", status="500"}'
AWAY = 'http_requests_total{instance="a", job="tracks", method="GET", status="503"}'


@needs_promtool
@pytest.mark.parametrize(
    ("alert", "series", "values", "at", "fires"),
    [
        ("TracksDown", 'up{instance="a", job="tracks"}', "1 1 0x9", "5m", True),
        ("TracksDown", 'up{instance="a", job="tracks"}', "1x20", "5m", False),
        ("RefreshTokenReused", REUSED, "_x4 1x40", "6m", True),  # the first event makes the series
        ("RefreshTokenReused", REUSED, "_x4 1x60", "40m", False),
        ("RefreshTokenReused", REUSED, "1x29 2x60", "35m", True),
        ("TracksErrors", ERRORS, "_x4 1x40", "6m", True),
        ("TracksErrors", ERRORS, "_x4 1x40", "30m", False),
        ("TracksUnavailable", AWAY, "0+9x20", "10m", True),
    ],
)
def test_an_alert_fires_when_it_should(tmp_path, alert, series, values, at, fires):
    # An expected alert without its labels never matches, so the test asks whether none is there.
    text = SERIES.format(rules=RULES, series=series, values=values, at=at, alert=alert, expected="[]")
    (tmp_path / "test.yml").write_text(text)
    done = subprocess.run(["promtool", "test", "rules", tmp_path / "test.yml"], capture_output=True, text=True)
    assert (done.returncode != 0) == fires, done.stdout + done.stderr
    assert not fires or f'alertname="{alert}"' in done.stdout + done.stderr
