"""Each switch in a fresh process: every value takes effect, a wrong one stops start-up."""

import json

import pytest

from config.schemes import SCHEMES
from config.switches import SWITCHES
from tests.support import servers
from tests.support.keys import a_key
from tests.support.start import printed_refusal_of, refusal_of, value_of

pytestmark = pytest.mark.once
# Switch, its text, an expression over the settings, the resulting value.
VALUES = [
    ("AUTH_SCHEMES", "jwt,token", "[scheme.name for scheme in settings.SCHEMES]", ["jwt", "token"]),
    ("ANONYMOUS_READ", "on", "settings.ANONYMOUS_READ", True),
    ("TOKEN_AUTO_CREATE", "off", "settings.TOKEN_AUTO_CREATE", False),
    # Plain keys are not created for users when no enabled row accepts them.
    ("AUTH_SCHEMES", "token-hashed,jwt", "settings.TOKEN_AUTO_CREATE", False),
    ("AUTH_SCHEMES", "jwt", "settings.TOKEN_AUTO_CREATE", False),
    ("AUTH_SCHEMES", "drf-token", "settings.TOKEN_AUTO_CREATE", True),
    ("TOKEN_ROTATE_ON_GET", "no", "settings.TOKEN_ROTATE_ON_GET", False),
    ("TOKEN_LIFETIME", "30d", "settings.TOKEN_LIFETIME.total_seconds()", 2_592_000),
    ("TOKEN_LIFETIME", "none", "settings.TOKEN_LIFETIME", None),
    ("TOKEN_IDLE_LIFETIME", "2m", "settings.TOKEN_IDLE_LIFETIME.total_seconds()", 120),
    ("TOKEN_IDLE_LIFETIME", "none", "settings.TOKEN_IDLE_LIFETIME", None),
    ("TOKENS_PER_USER", "3", "settings.TOKENS_PER_USER", 3),
    ("TOKENS_PER_USER", "none", "settings.TOKENS_PER_USER", None),
    ("JWT_ALGORITHM", "HS512", "settings.SIMPLE_JWT['ALGORITHM']", "HS512"),
    ("JWT_SIGNING_KEY", "s" * 32, "settings.SIMPLE_JWT['SIGNING_KEY']", "s" * 32),
    ("JWT_VERIFYING_KEYS", f"{'a' * 32},{'b' * 32}", "settings.JWT_VERIFYING_KEYS", ["a" * 32, "b" * 32]),
    ("JWT_ACCESS_LIFETIME", "90", "settings.JWT_ACCESS_LIFETIME.total_seconds()", 90),
    ("JWT_REFRESH_LIFETIME", "12h", "settings.JWT_REFRESH_LIFETIME.total_seconds()", 43_200),
    ("JWT_SESSION_LIFETIME", "7d", "settings.JWT_SESSION_LIFETIME.total_seconds()", 604_800),
    ("JWT_REUSE_GRACE", "0", "settings.JWT_REUSE_GRACE.total_seconds()", 0),
    ("JWT_REFRESH_COOKIE", "on", "settings.JWT_REFRESH_COOKIE", True),
    ("JWT_ISSUER", "https://tracks.example", "settings.SIMPLE_JWT['ISSUER']", "https://tracks.example"),
    ("JWT_AUDIENCE", "tracks", "settings.SIMPLE_JWT['AUDIENCE']", "tracks"),
    ("JWT_LEEWAY", "1m", "settings.JWT_LEEWAY.total_seconds()", 60),
    ("JWT_CLAIMS", "tests.support.claim_hooks.role", "settings.JWT_CLAIMS", "tests.support.claim_hooks.role"),
    ("JWT_CLAIMS", "", "settings.JWT_CLAIMS", None),
    ("JWT_ACCESS_TYPE", "at+jwt", "settings.JWT_ACCESS_TYPE", "at+jwt"),
    ("JWT_ACCEPT_STOCK_UNTIL", "none", "settings.JWT_ACCEPT_STOCK_UNTIL", None),
    ("JWT_ACCEPT_STOCK_UNTIL", "2099-12-31", "repr(settings.JWT_ACCEPT_STOCK_UNTIL)", "datetime.date(2099, 12, 31)"),
    (
        "JWT_ACCEPT_STOCK_UNTIL",
        "2099-12-31t18:00:00.5+01:00",
        "settings.JWT_ACCEPT_STOCK_UNTIL.isoformat()",
        "2099-12-31T18:00:00.500000+01:00",
    ),
    ("LOGIN_THROTTLE", "none", "settings.LOGIN_THROTTLE", None),
    ("LOGIN_THROTTLE", "5/hour", "settings.LOGIN_THROTTLE", "5/hour"),
    (
        "CORS_ORIGINS",
        "https://a.example,http://b.example:8080",
        "list(settings.CORS_ALLOWED_ORIGINS)",
        ["https://a.example", "http://b.example:8080"],
    ),
    ("NUM_PROXIES", "2", "settings.REST_FRAMEWORK['NUM_PROXIES']", 2),
    ("HTTPS_ONLY", "on", "[settings.SECURE_SSL_REDIRECT, settings.SECURE_HSTS_SECONDS]", [True, 31_536_000]),
    ("HTTPS_ONLY", "on", "[settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE]", [True, True]),
    # The service believes a header only from a trusted proxy.
    ("HTTPS_ONLY", "on", "settings.SECURE_PROXY_SSL_HEADER", None),
    ("NUM_PROXIES", "1", "settings.SECURE_PROXY_SSL_HEADER", ["HTTP_X_FORWARDED_PROTO", "https"]),
    ("TOKEN_CACHE_SECONDS", "5", "settings.TOKEN_CACHE_SECONDS", 5),
    ("LOG_FORMAT", "json", "settings.LOGGING['handlers']['stderr']['formatter']", "json"),
    ("LOG_FORMAT", "text", "settings.LOGGING['handlers']['stderr']['formatter']", "text"),
    (
        "LOG_AUTHENTICATIONS",
        "on",
        "settings.REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES']",
        ["telemetry.instrumented.token", "telemetry.instrumented.jwt"],
    ),
    ("METRICS", "on", "[settings.METRICS, settings.LOGGING['loggers']['auth']['handlers']]", [True, ["metrics"]]),
    ("METRICS", "off", "[settings.METRICS, settings.LOGGING['loggers']['auth']['handlers']]", [False, []]),
    ("METRICS_TOKEN", "m" * 32, "settings.METRICS_TOKEN", "m" * 32),
    ("PROMETHEUS_MULTIPROC_DIR", "/tmp", "settings.PROMETHEUS_MULTIPROC_DIR", "/tmp"),
    ("SERVER_TIMING", "on", "'telemetry.server_timing.ServerTimingMiddleware' in settings.MIDDLEWARE", True),
    ("DATABASE_URL", "sqlite:////tmp/a.sqlite3", "settings.DATABASES['default']['NAME']", "/tmp/a.sqlite3"),
    ("DATABASE_URL", "postgresql://h/d", "settings.DATABASES['default']['ENGINE'][-10:]", "postgresql"),
    ("DATABASE_URL", "postgresql://h/d", "settings.DATABASES['default']['OPTIONS']['lock_timeout']", 3000),
    ("CACHE_URL", "valkey://h:1/2", "settings.CACHES['default']['LOCATION']", "redis://h:1/2"),
    ("CACHE_URL", "locmem://", "settings.CACHES['default']['BACKEND'][-11:]", "LocMemCache"),
    ("CACHE_URL", "locmem://mine", "settings.CACHES['default']['LOCATION']", "mine"),
    # A + means a blank only in a query.
    ("DATABASE_URL", "sqlite:////tmp/a b.sqlite3", "settings.DATABASES['default']['NAME']", "/tmp/a b.sqlite3"),
    ("DATABASE_URL", "sqlite:////tmp/c++/a.sqlite3", "settings.DATABASES['default']['NAME']", "/tmp/c++/a.sqlite3"),
    ("DATABASE_URL", "postgresql://u:a+b%2B@h/d+e", "settings.DATABASES['default']['PASSWORD']", "a+b+"),
    ("DATABASE_URL", "postgresql://u:a+b%2B@h/d+e", "settings.DATABASES['default']['NAME']", "d+e"),
    ("SECRET_KEY", "z" * 40, "settings.SECRET_KEY", "z" * 40),
    ("DEBUG", "true", "settings.DEBUG", True),
    ("ALLOWED_HOSTS", "a.example, b.example", "settings.ALLOWED_HOSTS", ["a.example", "b.example"]),
    ("ALLOWED_HOSTS", ".Example.org,*,192.0.2.1,[2001:db8::1]", "len(settings.ALLOWED_HOSTS)", 4),
    ("GRANIAN_HOST", "::1", "settings.GRANIAN_HOST", "::1"),
    ("GRANIAN_PORT", "9000", "settings.GRANIAN_PORT", 9000),
    ("GRANIAN_WORKERS", "4", "settings.GRANIAN_WORKERS", 4),
    ("GRANIAN_BLOCKING_THREADS", "16", "settings.GRANIAN_BLOCKING_THREADS", 16),
]


@pytest.mark.parametrize(("switch", "text", "expression", "value"), VALUES)
def test_a_value_takes_effect(switch, text, expression, value):
    assert value_of(expression, **{switch: text}) == value


@pytest.mark.parametrize(("debug", "empties"), [("on", True), ("off", False)])
def test_a_request_empties_djangos_log_of_queries_if_something_fills_it(debug, empties):
    done = servers.run(
        "-c",
        "import config.wsgi\n"
        "from django.core.signals import request_finished, request_started\n"
        "from django.db import close_old_connections, reset_queries\n"
        "print(request_started.disconnect(reset_queries))\n"
        "print(*[each.disconnect(close_old_connections) for each in (request_started, request_finished)])\n",
        DEBUG=debug,
    )
    assert done.stdout.splitlines() == [str(empties), "True True"], done.stderr


@pytest.mark.parametrize(
    ("switches", "warns"),
    [
        ({"DATABASE_URL": "postgresql://h/d"}, True),
        ({"DATABASE_URL": "postgresql://h/d", "GRANIAN_BLOCKING_THREADS": "8"}, False),
        ({}, False),
    ],
)
def test_a_server_says_so_when_its_threads_are_left_to_granian(tmp_path, switches, warns):
    file = tmp_path / "switches"
    file.write_text("GRANIAN_BLOCKING_THREADS=8\n")  # granian does not read this file
    done = servers.run("-c", "import config.wsgi", ENV_FILE=str(file), **switches)
    assert done.returncode == 0
    assert ("GRANIAN_BLOCKING_THREADS is not set" in done.stderr) == warns


def test_a_server_says_which_of_its_own_switches_granian_cannot_read(tmp_path):
    file = tmp_path / "switches"
    file.write_text("GRANIAN_WORKERS=1\nJWT_LEEWAY=5s\nGRANIAN_PORT=8001\n")
    done = servers.run("-c", "import config.wsgi", ENV_FILE=str(file))
    assert "GRANIAN_PORT, GRANIAN_WORKERS: granian does not read ENV_FILE" in done.stderr


def test_a_requests_statement_is_given_up_and_a_commands_is_not():
    switches = {"DATABASE_URL": "postgresql://h/d", "STATEMENT_TIMEOUT": "1m"}
    options = "settings.DATABASES['default']['OPTIONS']"
    assert value_of(f"{options}['statement_timeout']", **switches) == 60_000
    done = servers.run(
        "manage.py", "shell", "--command", f"from django.conf import settings; print({options})", **switches
    )
    assert done.returncode == 0, done.stderr
    assert "prepare_threshold" in done.stdout
    assert "timeout': 60000" not in done.stdout
    assert "lock_timeout" not in done.stdout


def test_every_switch_is_among_the_tested_ones():
    elsewhere = {"ENV_FILE", "STATEMENT_TIMEOUT"}
    assert {switch for switch, *_ in VALUES} | elsewhere == set(SWITCHES)


def test_a_key_may_come_from_a_file(tmp_path):
    file = tmp_path / "key.pem"
    file.write_text(a_key("ES256"))
    switches = {"JWT_ALGORITHM": "ES256", "JWT_SIGNING_KEY": f"file:{file}"}
    assert value_of("settings.SIMPLE_JWT['VERIFYING_KEY'][:26]", **switches) == "-----BEGIN PUBLIC KEY-----"


def test_a_pem_may_be_one_line():
    switches = {"JWT_ALGORITHM": "ES256", "JWT_SIGNING_KEY": a_key("ES256").replace("\n", "\\n")}
    assert value_of("settings.SIMPLE_JWT['VERIFYING_KEY'][:26]", **switches) == "-----BEGIN PUBLIC KEY-----"


def test_the_environment_wins_over_the_file_and_the_file_over_the_default(tmp_path):
    file = tmp_path / "switches"
    file.write_text("SECRET_KEY=from-the-file\nJWT_LEEWAY=1m\nNUM_PROXIES=3\n")
    expression = "[settings.SECRET_KEY, settings.JWT_LEEWAY.total_seconds(), settings.NUM_PROXIES]"
    values = value_of(expression, ENV_FILE=str(file), SECRET_KEY="from the environment", JWT_LEEWAY="2m")
    assert values == ["from the environment", 120, 3]


def test_an_empty_variable_is_the_default():
    assert value_of("settings.JWT_LEEWAY.total_seconds()", JWT_LEEWAY="") == 10


# Switch, its text, what the message must say about allowed values.
WRONG = [
    ("AUTH_SCHEMES", "nonsense", "unknown scheme 'nonsense'; choose from drf-token, simplejwt, "),
    ("AUTH_SCHEMES", "token,token", "'token' is named twice"),
    ("AUTH_SCHEMES", "token,drf-token", "both answer to the keyword 'Token'"),
    ("AUTH_SCHEMES", "", "no scheme named; choose from"),
    ("ANONYMOUS_READ", "banana", "allowed: on, off"),
    ("TOKEN_LIFETIME", "0", "allowed: longer than zero"),
    ("TOKEN_IDLE_LIFETIME", "119s", "allowed: none, or 2m and longer"),
    ("TOKENS_PER_USER", "0", "allowed: none, or a whole number from 1"),
    ("JWT_ALGORITHM", "none", "allowed: HS256, "),
    ("JWT_ACCESS_LIFETIME", "5 minutes", "allowed: a whole number of seconds"),
    ("JWT_LEEWAY", "-1", "allowed: a whole number of seconds"),
    ("JWT_SIGNING_KEY", "file:/nowhere/key.pem", "No such file"),
    ("LOGIN_THROTTLE", "10/fortnight", "allowed: none, or NUMBER/PERIOD"),
    ("LOGIN_THROTTLE", "0/min", "allowed: none, or NUMBER/PERIOD"),
    ("NUM_PROXIES", "many", "allowed: a whole number from 0"),
    ("TOKEN_CACHE_SECONDS", "1.5", "allowed: a whole number from 0"),
    ("LOG_FORMAT", "xml", "allowed: text, json"),
    ("LOG_AUTHENTICATIONS", "sometimes", "allowed: on, off"),
    ("METRICS", "prometheus", "allowed: on, off"),
    ("METRICS_TOKEN", "xyzzy" * 6, "allowed: 32 printable ASCII characters or more"),
    ("METRICS_TOKEN", "xyzzy xyzzy" * 6, "allowed: 32 printable ASCII characters or more"),
    ("PROMETHEUS_MULTIPROC_DIR", "/nowhere/at/all", "allowed: a folder that exists"),
    ("DATABASE_URL", "mysql://localhost/x", "allowed: sqlite:///"),
    ("DATABASE_URL", "postgresql://localhost", "it names no database"),
    ("DATABASE_URL", "postgresql://u:xyzzy@localhost:port/x", "allowed: postgresql://"),
    ("DATABASE_URL", "postgresql://u:12/xyzzy@localhost/x", "in a password, / ? # @ [ are %2F %3F %23 %40 %5B"),
    ("CACHE_URL", "memcached://localhost", "allowed: locmem://"),
    ("SECRET_KEY", " " * 50, "it is blank"),
    ("TOKEN_LIFETIME", "36501d", "allowed: at most 36500d"),
    ("TOKEN_LIFETIME", "٣", "allowed: a whole number of seconds"),
    ("JWT_LEEWAY", "2h", "allowed: at most 1h"),
    ("JWT_SIGNING_KEY", "file:/dev/null", "'/dev/null' is empty"),
    ("JWT_SIGNING_KEY", "\udcff" * 40, "surrogates not allowed"),
    ("DATABASE_URL", "sqlite://", "allowed: the path of a file"),
    ("DATABASE_URL", "sqlite:///x.sqlite3?mode=ro", "allowed: the path of a file"),
    ("CACHE_URL", "redis://localhost:abc/0", "allowed: locmem://"),
    ("CACHE_URL", "redis://[::1", "allowed: locmem://"),
    ("CACHE_URL", "valkey://localhost/x", "allowed: locmem://"),
    ("ALLOWED_HOSTS", ",", "it names no host"),
    ("GRANIAN_PORT", "65536", "allowed: a whole number from 1 to 65535"),
    ("SECRET_KEY", "", "required unless DEBUG is on"),
    ("GRANIAN_PORT", "0", "allowed: a whole number from 1"),
    ("GRANIAN_WORKERS", "0", "allowed: a whole number from 1"),
    ("ALLOWED_HOSTS", "127.0.0.1,https://tracks.example", "'https://tracks.example' is no host name"),
    ("GRANIAN_HOST", "http://0.0.0.0", "allowed: an IP address"),
    ("DATABASE_URL", "postgresql://u:xyzzy@h/d?conn_max_age=60", "unknown option 'conn_max_age'; allowed options: "),
    ("CACHE_URL", "valkey://:xyzzy@h/0?socket_timeout=60", "unknown option 'socket_timeout'; allowed options: "),
]


@pytest.mark.parametrize(("switch", "text", "words"), WRONG)
def test_what_cannot_be_read_stops_start_up_in_one_line(switch, text, words):
    assert_refused(refusal_of(**{switch: text}), switch, text, words)


# One case for each source of a refusal: the table of schemes, a value, a URL with a password, a
# file, the settings.
@pytest.mark.parametrize(("switch", "text", "words"), [WRONG[0], WRONG[5], WRONG[26], WRONG[11], WRONG[32], WRONG[41]])
def test_manage_py_prints_a_refusal_as_one_line_and_ends(switch, text, words):
    assert_refused(printed_refusal_of(**{switch: text}), switch, text, words)


def assert_refused(line: str, switch: str, text: str, words: str):
    assert line.startswith(f"{switch}=")
    assert len(line.splitlines()) == 1
    assert words in line
    assert "xyzzy" not in line
    if not SWITCHES[switch].secret:
        assert repr(SWITCHES[switch].shown(text)) in line


def test_a_file_of_switches_that_is_no_text_stops_start_up_in_one_line(tmp_path):
    file = tmp_path / "switches"
    file.write_bytes(b"NUM_PROXIES=\xff\xfe\n")
    done = servers.run("manage.py", "check", ENV_FILE=str(file))
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"error: ENV_FILE='{file}'")


def test_the_switches_command_lists_every_switch_and_no_secret():
    secrets = {"SECRET_KEY": "q" * 50, "JWT_SIGNING_KEY": "w" * 50, "JWT_VERIFYING_KEYS": "e" * 50}
    secrets["METRICS_TOKEN"] = "r" * 50
    url = {"DATABASE_URL": "postgresql://ada:p@xyzzy@127.0.0.1:1/tracks"}
    done = servers.run("manage.py", "switches", JWT_LEEWAY="77s", **secrets, **url)
    assert done.returncode == 0, done.stderr
    for switch in SWITCHES.values():
        assert switch.name in done.stdout
        assert switch.effect in done.stdout
    assert "77s" in done.stdout
    for secret in (*secrets.values(), "xyzzy"):
        assert secret not in done.stdout


_WHO_ENTERS = """
import django, json; django.setup()
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils.module_loading import import_string
from config.schemes import SCHEMES
user = get_user_model().objects.create_user("ada")
client = Client(headers={"host": "localhost"}, raise_request_exception=False)
refused = client.get("/whoami/")
print(json.dumps({
    "challenges": refused["WWW-Authenticate"],
    "enters": [name for name, row in SCHEMES.items() if client.get("/whoami/", headers={
        "Authorization": f"{row.keyword} {import_string(row.issue)(user)}"}).status_code == 200],
    "endpoints": {path: client.post(path).status_code != 404 for path in (
        "/api-token-auth/", "/api-token-auth/new/", "/api/token/", "/api/token/refresh/", "/api/token/logout/")},
    "get rotates": client.get("/api-token-auth/new/", headers={
        "Authorization": f"Token {import_string('tokens.issue.token')(user)}"}).status_code,
    "timing": refused.get("Server-Timing"),
}))
"""


def who_enters(folder, **switches: str) -> dict:
    """Return how a fresh process answers under these switches."""
    url = servers.migrated_sqlite(folder)
    done = servers.run("-c", _WHO_ENTERS, DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=url, **switches)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


TOKEN, BEARER = 'Token realm="api"', 'Bearer realm="api"'
# A stock opaque token and the project's own share a table, so each row accepts both.
OPENED = [
    ("token", TOKEN, {"drf-token", "token"}, "11000"),
    ("token-cached", TOKEN, {"drf-token", "token"}, "11000"),
    ("token-hashed", TOKEN, {"token-hashed"}, "11000"),
    ("jwt", BEARER, {"jwt"}, "00111"),
    ("token,jwt", f"{TOKEN}, {BEARER}", {"drf-token", "token", "jwt"}, "11111"),
    ("jwt,token", f"{BEARER}, {TOKEN}", {"drf-token", "token", "jwt"}, "11111"),
    # SimpleJWT's own class checks only that the same key signed the token. That holds for the
    # project's access tokens.
    ("drf-token,simplejwt", f"Token, {BEARER}", {"drf-token", "token", "simplejwt", "jwt"}, "10110"),
    ("simplejwt-stateless", BEARER, {"simplejwt", "jwt"}, "00110"),
    ("jwt-stateless", BEARER, {"jwt"}, "00111"),
    ("jwt-pushed", BEARER, {"jwt"}, "00111"),
]


def _issued_by(name: str) -> str:
    """Return the row whose `issue` makes this row's credentials."""
    return next(row.name for row in SCHEMES.values() if row.issue == SCHEMES[name].issue)


@pytest.mark.parametrize(("schemes", "challenges", "entering", "endpoints"), OPENED)
def test_a_choice_of_schemes_decides_who_enters_what_exists_and_what_a_401_says(
    tmp_path, schemes, challenges, entering, endpoints
):
    answer = who_enters(tmp_path, AUTH_SCHEMES=schemes)
    assert answer["challenges"] == challenges
    assert list(map(int, endpoints)) == list(answer["endpoints"].values())
    assert set(answer["enters"]) == {name for name in SCHEMES if _issued_by(name) in entering}


@pytest.mark.parametrize(("text", "status"), [("on", 200), ("off", 405)])
def test_rotating_by_get_is_there_by_switch_only(tmp_path, text, status):
    assert who_enters(tmp_path, TOKEN_ROTATE_ON_GET=text)["get rotates"] == status


@pytest.mark.parametrize(
    ("schemes", "timing"),
    [
        ("token,jwt", "on"),
        ("token,jwt", "off"),
        ("drf-token,simplejwt", "on"),
        ("simplejwt-stateless", "off"),
        ("token-hashed,jwt", "on"),
    ],
)
def test_the_schema_has_no_warning_and_names_the_rows(schemes, timing):
    done = servers.run(
        "manage.py", "spectacular", "--validate", "--fail-on-warn", AUTH_SCHEMES=schemes, SERVER_TIMING=timing
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("openapi: 3.1.0")
    schemes_in_it = done.stdout.partition("securitySchemes:")[2]
    for name in schemes.split(","):
        assert f"\n    {name}:" in schemes_in_it
