"""Values of switches that the settings refuse by name, and URLs as they may be printed."""

import json
from urllib.parse import quote, urlencode

import pytest

from config.connection_urls import CACHE_OPTIONS, DATABASE_OPTIONS
from config.switches import SWITCHES, SwitchError, read
from tests.support import servers

pytestmark = pytest.mark.once
# These values used to be accepted but not honoured. Here they need no process each.
NOT_HONOURED = [
    ("JWT_ISSUER", "  ", "it is blank"),
    # Otherwise the path itself would be the secret, and easy to guess.
    ("JWT_SIGNING_KEY", " file:/etc/tracks/xyzzy-which-is-long-enough.key", "allowed: file:PATH"),
    ("JWT_SIGNING_KEY", "FILE:/etc/tracks/xyzzy-which-is-long-enough.key", "allowed: file:PATH"),
    ("JWT_SIGNING_KEY", "'file:/etc/tracks/xyzzy-which-is-long-enough.key'", "allowed: file:PATH"),
    ("JWT_VERIFYING_KEYS", f'{"a" * 40},"file:/etc/tracks/xyzzy.key"', "allowed: file:PATH"),
    *(
        ("JWT_CLAIMS", path, "allowed: the dotted path of a function, as package.module.function")
        for path in ("claims", "a.b:c", "a..b", ".a.b", "a.b.", "a.b()", "a.1b", "a. b", "'a.b'", "a/b.py")
    ),
    ("JWT_ACCESS_TYPE", "at+JWT", "allowed: JWT, at+jwt"),
    ("JWT_ALGORITHM", "ed25519", "EdDSA, Ed25519"),
    ("HTTPS_ONLY", "'on'", "allowed: on, off"),
    ("JWT_ACCESS_LIFETIME", "5 m 3", "allowed: a whole number of seconds"),
    *(
        ("JWT_ACCEPT_STOCK_UNTIL", moment, "allowed: none, a date as 2026-12-31, or a moment as 2026-12-31T18:00:00Z")
        for moment in ("2026", "2026-02-31", "20261231", "2026-12-31T18:00:00", "2026-12-31T25:00:00Z", "30d", "soon")
    ),
    *(
        ("ALLOWED_HOSTS", host, f"{host.rpartition(',')[2].strip()!r} is no host name, which has no scheme")
        for host in (
            "https://tracks.example",
            "tracks.example:8443",
            "127.0.0.1,tracks.example:443",
            "tracks.example/",
            "tracks. example",
            "*.tracks.example",
            "tracks.example.",
            "tracks..example",
            ".",
            "tracks_1.example",
            "tr\u00e4cks.example",
            "'tracks.example'",
            "::1",
            "[::1]:8000",
            "[::1",
            "[127.0.0.1]",
            "[fe80::1%eth0]",
        )
    ),
    ("CORS_ORIGINS", " ", "it names no origin"),
    ("CORS_ORIGINS", ",", "it names no origin"),
    ("JWT_REFRESH_COOKIE", "strict", "allowed: on, off"),
    *(
        ("CORS_ORIGINS", origin, f"{origin.rpartition(',')[2].strip()!r} is no origin as a browser sends it")
        for origin in (
            "*",
            "null",
            "app.example",
            "app.example:443",
            "//app.example",
            "https:app.example",
            "https://app.example/",
            "https://app.example/app",
            "https://app.example?",
            "https://app.example#",
            "https://user@app.example",
            "https://user:word@app.example",
            "https://app.example:443",
            "http://app.example:80",
            "https://app.example:0",
            "https://app.example:08443",
            "https://app.example:65536",
            "https://app.example:",
            "HTTPS://app.example",
            "https://App.example",
            "https://*.app.example",
            "https://app. example",
            "https://app.example http://localhost:5173",
            "https://app.example;http://localhost:5173",
            "'https://app.example'",
            "https://",
            "https://.example",
            "https://app..example",
            "https://app.example.",
            "https://\u00e4pp.example",
            "https://127.1",
            "https://127.0.0.01",
            "https://::1",
            "https://[::1",
            "https://[0:0::1]",
            "https://[127.0.0.1]",
            "ws://app.example",
            "file://",
            "chrome-extension://abcdef",
            "https://app.example,http://localhost:5173/",
        )
    ),
    *(
        ("GRANIAN_HOST", host, "allowed: an IP address, as 127.0.0.1")
        for host in (" 0.0.0.0", "localhost", "http://x", "[::1]", "127.0.0.1:8000", "127.1", "fe80::1%eth0")
    ),
    ("DATABASE_URL", "sqlite://tracks.sqlite3", "allowed: the path of a file, no host"),
    ("DATABASE_URL", "sqlite://folder/tracks.sqlite3", "allowed: the path of a file, no host"),
    ("DATABASE_URL", "sqlite:///tracks.sqlite3 ", "a # or a blank at its end"),
    ("DATABASE_URL", "postgresql://u:p@h/d\te", "a # or a blank at its end"),
    ("DATABASE_URL", "sqlite:///tracks;1.sqlite3", "allowed: the path of a file"),
    ("DATABASE_URL", "sqlite:///:memory:", "allowed: the path of a file"),
    ("DATABASE_URL", "postgresql://u:p@h/d#xyzzy", "a # or a blank at its end"),
    ("DATABASE_URL", "postgresql://u:p@h/d;e", "a ; is %3B"),
    ("DATABASE_URL", f"postgresql://h/{'d' * 64}", "at most 63 characters"),
    *(
        ("DATABASE_URL", f"postgresql://u:p@h/d?{option}", words)
        for option, words in (
            ("conn_max_age=60", "unknown option 'conn_max_age'; allowed options: application_name, "),
            ("CONN_MAX_AGE=60", "unknown option 'CONN_MAX_AGE'"),
            ("atomic_requests=false", "unknown option 'atomic_requests'"),
            ("autocommit=false", "unknown option 'autocommit'"),
            ("conn_health_checks=true", "unknown option 'conn_health_checks'"),
            ("disable_server_side_cursors=1", "unknown option 'disable_server_side_cursors'"),
            ("pool=true", "unknown option 'pool'"),
            ("prepare_threshold=0", "unknown option 'prepare_threshold'"),
            ("server_side_binding=0", "unknown option 'server_side_binding'"),
            ("connect_timeout=30", "unknown option 'connect_timeout'"),
            ("tcp_user_timeout=0", "unknown option 'tcp_user_timeout'"),
            ("keepalives=0", "unknown option 'keepalives'"),
            ("client_encoding=latin1", "unknown option 'client_encoding'"),
            ("dbname=other", "unknown option 'dbname'"),
            ("service=other", "unknown option 'service'"),
            ("isolation_level=1", "unknown option 'isolation_level'"),
            ("sslmod=require", "unknown option 'sslmod'"),
            ("SSLMODE=require", "unknown option 'SSLMODE'"),
            ("sslmode=on", "the option sslmode: allowed: disable, allow, prefer, require, verify-ca, verify-full"),
            ("sslmode=", "the option sslmode: allowed: disable"),
            ("sslrootcert=", "the option sslrootcert: allowed: what is not empty"),
            ("sslmode", "its options cannot be read"),
            ("&", "its options cannot be read"),
            ("sslmode=require&sslmode=disable", "the option sslmode is given twice"),
            ("user=xyzzy", "the user stands before the ? already"),
            ("password=xyzzy", "the password stands before the ? already"),
            ("host=xyzzy", "the host stands before the ? already"),
            ("options=-c%20x=1&connect_timeout=1", "unknown option 'connect_timeout'"),
        )
    ),
    *(
        ("CACHE_URL", f"{url}", words)
        for url, words in (
            ("valkey://h?socket_timeout=60", "unknown option 'socket_timeout'; allowed options: db, ssl_ca_certs"),
            ("valkey://h?decode_responses=1", "unknown option 'decode_responses'"),
            ("valkey://h?max_connections=1", "unknown option 'max_connections'"),
            ("valkey://h/1?db=2", "the option db: allowed: a number, and none in the path"),
            ("valkey://h?db=x", "the option db: allowed: a number"),
            ("valkey://h?ssl_cert_reqs=none", "the option ssl_cert_reqs: allowed with rediss://"),
            ("rediss://h?ssl_cert_reqs=off", "the option ssl_cert_reqs: allowed: none, optional, required"),
            ("rediss://h?ssl_check_hostname", "its options cannot be read"),
            # Django would read each of these as two servers.
            ("valkey://h,i/0", "allowed: locmem://"),
            ("valkey://h/0#1", "allowed: locmem://"),
            ("valkey://h/0 ", "allowed: locmem://"),
            ("locmem://?timeout=5", "allowed: locmem://"),
        )
    ),
]


@pytest.mark.parametrize(("switch", "text", "words"), NOT_HONOURED)
def test_what_would_not_be_honoured_as_it_stands_is_refused_by_name(switch, text, words):
    with pytest.raises(SwitchError) as refused:
        read({switch: text})
    assert str(refused.value).startswith(f"{switch}=")
    assert words in str(refused.value)
    assert "xyzzy" not in str(refused.value)


# A URL with a password, and how `manage.py switches` and the message of a refusal print it.
SHOWN = [
    ("postgresql://ada:xyzzy@db.example:5432/tracks", "postgresql://...@db.example:5432/tracks"),
    ("postgresql://ada:xy%40zzy@[::1]/tracks", "postgresql://...@[::1]/tracks"),
    ("postgresql://db.example/tracks?user=ada&password=xyzzy", "postgresql://db.example/tracks?..."),
    ("postgresql://db.example/tracks?user=ada&password=xy@zzy", "(set)"),
    ("postgresql://ada:xy@zzy@db.example/tracks", "(set)"),
    ("postgresql://ada:se/xy@zzy@db.example/tracks", "(set)"),
    ("postgresql://ada:12/xy@zzy@db.example/tracks", "(set)"),
    ("postgresql://ada:12?xyzzy@db.example/tracks", "(set)"),
    ("postgresql://ada:xy#zzy@db.example/tracks", "(set)"),
    ("postgresql://ada:[xyzzy@db.example/tracks", "postgresql://...@db.example/tracks"),
    ("postgresql://ada:xyzzy@db.example:port/tracks", "(set)"),
    ("postgresql://ada:xyzzy/tracks", "(set)"),
    ("postgresql:/ada:xyzzy@db.example/tracks", "(set)"),
    ("ada:xyzzy@db.example/tracks", "(set)"),
    ("sqlite:///tracks.sqlite3", "sqlite:///tracks.sqlite3"),
]


@pytest.mark.parametrize(("url", "shown"), SHOWN)
@pytest.mark.parametrize("switch", ["DATABASE_URL", "CACHE_URL"])
def test_no_password_of_a_url_is_printed(switch, url, shown):
    assert SWITCHES[switch].shown(url) == shown
    try:
        read({switch: url})
        refusal = f"{switch}={shown!r}: "  # no refusal
    except SwitchError as error:
        refusal = str(error)
    assert refusal.startswith(f"{switch}={shown!r}: ")
    for part in ("xy", "zzy", "se/"):
        assert part not in refusal


@pytest.mark.parametrize("url", ["postgresql://ada:12?xyzzy=@db.example/tracks", "valkey://ada:12?xyzzy=@db.example"])
def test_half_a_password_is_no_option_to_be_named(url):
    with pytest.raises(SwitchError) as refused:
        read({"CACHE_URL" if url.startswith("valkey") else "DATABASE_URL": url})
    assert "unknown option; allowed options: " in str(refused.value)
    assert "xyzzy" not in str(refused.value)


_PARAMETER = """
import django, json; django.setup()
from django.db import connection
parameters = connection.get_connection_params()
from psycopg.conninfo import conninfo_to_dict, make_conninfo
unknown = ("cursor_factory", "context", "prepare_threshold")
text = make_conninfo(**{name: value for name, value in parameters.items() if name not in unknown})
print(json.dumps(conninfo_to_dict(text)))
"""


def test_every_option_of_a_database_reaches_psycopg_and_is_one_that_it_knows():
    texts = {name: values[-1] if values else f"x {name}" for name, values in DATABASE_OPTIONS.items()}
    url = f"postgresql:///d?{urlencode(texts)}"
    done = servers.run("-c", _PARAMETER, DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=url)
    assert done.returncode == 0, done.stderr
    assert texts.items() <= json.loads(done.stdout).items()


def test_an_option_of_a_database_is_in_force_on_the_server():
    url = f"{servers.start_postgresql()}&application_name=tracks&options={quote('-c work_mem=5MB')}"
    script = """
import django; django.setup()
from django.db import connection
with connection.cursor() as cursor:
    cursor.execute("SELECT current_setting('application_name'), current_setting('work_mem')")
    print(cursor.fetchone())
"""
    done = servers.run("-c", script, DJANGO_SETTINGS_MODULE="config.settings", DATABASE_URL=url)
    assert done.stdout == "('tracks', '5MB')\n", done.stderr


_POOL = """
import django, json; django.setup()
from django.core.cache import cache
arguments = cache._cache._get_connection_pool(write=True).connection_kwargs
print(json.dumps({name: str(arguments[name]).lower() for name in arguments}))
"""


@pytest.mark.parametrize("scheme", ["rediss", "valkeys"])
def test_every_option_of_a_cache_reaches_its_client_and_leaves_the_time_outs_alone(scheme):
    texts = {name: values[0] if values else "3" for name, values in CACHE_OPTIONS.items()}
    url = f"{scheme}://h?{urlencode(texts)}"
    done = servers.run("-c", _POOL, DJANGO_SETTINGS_MODULE="config.settings", CACHE_URL=url)
    assert done.returncode == 0, done.stderr
    arguments = json.loads(done.stdout)
    assert texts.items() <= arguments.items()
    assert arguments["socket_timeout"] == arguments["socket_connect_timeout"] == "1"
