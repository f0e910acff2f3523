"""ENV_FILE: what a line may look like; no line is skipped, and none is ever printed."""

import pytest

from config.switches import SWITCHES
from tests.support import servers
from tests.support.start import printed_refusal_of, refusal_of, value_of

pytestmark = pytest.mark.once

# The text of a file, a switch, the resulting value.
READ = [
    ("JWT_ISSUER=tracks\n", "JWT_ISSUER", "tracks"),
    ("\n# JWT_ISSUER=other\n  # and more\n\t\nJWT_ISSUER=tracks", "JWT_ISSUER", "tracks"),
    ("export JWT_ISSUER=tracks\n", "JWT_ISSUER", "tracks"),
    ("  export  JWT_ISSUER='tracks'\n", "JWT_ISSUER", "tracks"),
    ("JWT_ISSUER='tr#ck \"s\" '\n", "JWT_ISSUER", 'tr#ck "s" '),
    (r'JWT_ISSUER="a \"b\" c\\d $e"', "JWT_ISSUER", r'a "b" c\d $e'),
    ('JWT_ISSUER = "tracks"\n', "JWT_ISSUER", "tracks"),
    ("JWT_ISSUER=https://tracks.example/a=b#c\n", "JWT_ISSUER", "https://tracks.example/a=b#c"),
    ("JWT_ISSUER=tracks\r\nJWT_AUDIENCE=all\r\n", "JWT_ISSUER", "tracks"),
    ("\ufeffJWT_ISSUER=tracks\n", "JWT_ISSUER", "tracks"),
    ("HTTPS_ONLY=on\n", "HTTPS_ONLY", True),
    ("HTTPS_ONLY = on\n", "HTTPS_ONLY", True),
    ("\tHTTPS_ONLY\t=\ton\t\n", "HTTPS_ONLY", True),
    ("HTTPS_ONLY=on   \n", "HTTPS_ONLY", True),
    ("LOG_FORMAT = json\n", "LOG_FORMAT", "json"),
    ("GRANIAN_HOST = ::1\n", "GRANIAN_HOST", "::1"),
    ("NUM_PROXIES='3'\n", "NUM_PROXIES", 3),
    ("JWT_VERIFYING_KEYS=\n", "JWT_VERIFYING_KEYS", []),
    (f"SECRET_KEY = '{'k' * 40} '\n", "SECRET_KEY", "k" * 40 + " "),
    (f"SECRET_KEY={'k' * 40}'\"#$(x)\n", "SECRET_KEY", "k" * 40 + "'\"#$(x)"),
    # Escaped line ends of a PEM text stay what they are, quoted or not.
    ('JWT_SIGNING_KEY="-----BEGIN A\\nb\\n"\n', "JWT_SIGNING_KEY", "-----BEGIN A\nb\n"),
    ("JWT_SIGNING_KEY=-----BEGIN A\\nb\\n\n", "JWT_SIGNING_KEY", "-----BEGIN A\nb\n"),
]


def path_of(folder, text: str | bytes) -> str:
    """Write a file with this text, and return its path."""
    file = folder / "tracks.env"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(file)


_SETTINGS = {"JWT_ISSUER": "SIMPLE_JWT['ISSUER']", "JWT_SIGNING_KEY": "SIMPLE_JWT['SIGNING_KEY']"}


@pytest.mark.parametrize(("text", "switch", "value"), READ)
def test_a_line_is_read_as_it_is_meant(tmp_path, text, switch, value):
    # The file sets only switches that the environment leaves unset.
    unset = {"SECRET_KEY": None} if switch == "SECRET_KEY" else {}
    assert value_of(f"settings.{_SETTINGS.get(switch, switch)}", ENV_FILE=path_of(tmp_path, text), **unset) == value


# The text of a file, the number of the refused line, the message in the one line of stderr.
REFUSED = [
    ("NUM_PROXIES=1\nHTTPS_ONLY on\n", 2, "HTTPS_ONLY: allowed: NAME=value"),
    ("HTTPS_ONLY: on\n", 1, "HTTPS_ONLY: allowed: NAME=value"),
    ("export HTTPS_ONLY\n", 1, "HTTPS_ONLY: allowed: NAME=value"),
    ("xyzzy\n", 1, "line 1: allowed: NAME=value"),
    ("=xyzzy\n", 1, "line 1: allowed: NAME=value"),
    ("HTTPS-ONLY=xyzzy\n", 1, "line 1: allowed: NAME=value"),
    ("\n\nHTTPS_ONY=xyzzy\n", 3, "no switch has this name; did you mean HTTPS_ONLY?"),
    ("https_only=xyzzy\n", 1, "did you mean HTTPS_ONLY?"),
    ("JWT_SIGNINGKEY=xyzzy\n", 1, "did you mean JWT_SIGNING_KEY?"),
    ("XYZZYXYZZYXYZZY=1\n", 1, "no switch has this name; allowed: ENV_FILE, "),
    ("DJANGO_SUPERUSER_PASSWORD=xyzzy\n", 1, "set variables of other programs in the environment"),
    ("GRANIAN_RESPAWN_INTERVAL=xyzzy\n", 1, "set variables of other programs in the environment"),
    ("ENV_FILE=xyzzy\n", 1, "ENV_FILE: it is read from the environment only"),
    ("HTTPS_ONLY=off\n\nHTTPS_ONLY=on\n", 3, "HTTPS_ONLY: line 1 has set it already"),
    ("METRICS_TOKEN=xyzzy\nMETRICS_TOKEN=xyzzy\n", 2, "METRICS_TOKEN: line 1 has set it already"),
    ("HTTPS_ONLY=on # xyzzy\n", 1, "HTTPS_ONLY: write a comment on its own line"),
    ("HTTPS_ONLY='on' # xyzzy\n", 1, "HTTPS_ONLY: a value that begins with a quote must end with it"),
    ("SECRET_KEY='xyzzy\n", 1, "SECRET_KEY: a value that begins with a quote must end with it"),
    ("SECRET_KEY='\n", 1, "SECRET_KEY: a value that begins with a quote must end with it"),
    ('JWT_SIGNING_KEY="-----BEGIN A\nxyzzy==\n-----END A"\n', 1, "JWT_SIGNING_KEY: a value that begins with a quote"),
    ("JWT_SIGNING_KEY=-----BEGIN A\nxyzzy==\n-----END A\n", 2, "no switch has this name"),
    ("SECRET_KEY=xyzzy \n", 1, "SECRET_KEY: a blank before or after the value"),
    ("SECRET_KEY = xyzzy\n", 1, "SECRET_KEY: a blank before or after the value"),
    ("DATABASE_URL= sqlite:///xyzzy\n", 1, "DATABASE_URL: a blank before or after the value"),
    ("SECRET_KEY=xyz\0zy\n", 1, "SECRET_KEY: a control character"),
    (b"NUM_PROXIES=1\nSECRET_KEY=xyzzy\xff\n", 2, "it is not UTF-8"),
    ("HTTPS_ONLY=on\n".encode("utf-16"), 1, "it is not UTF-8"),
]


@pytest.mark.parametrize(("text", "number", "words"), REFUSED)
def test_a_line_that_cannot_be_read_stops_start_up_and_is_never_printed(tmp_path, text, number, words):
    file = path_of(tmp_path, text)
    assert_refused(refusal_of(ENV_FILE=file), file, number, words)


@pytest.mark.parametrize(("text", "number", "words"), [REFUSED[0], REFUSED[6], REFUSED[24], REFUSED[25]])
def test_manage_py_prints_a_refused_line_as_one_line_and_ends(tmp_path, text, number, words):
    file = path_of(tmp_path, text)
    assert_refused(printed_refusal_of(ENV_FILE=file), file, number, words)


def assert_refused(line: str, file: str, number: int, words: str):
    assert line.startswith(f"ENV_FILE={file!r}: line {number}: ")
    assert len(line.splitlines()) == 1
    assert line.endswith("(config.E001)")
    assert words in line
    assert "xyz" not in line.lower().replace(file, "")


def test_no_server_starts_with_a_line_that_cannot_be_read(tmp_path):
    done = servers.run("-c", "import config.wsgi", ENV_FILE=path_of(tmp_path, "HTTPS_ONLY on xyzzy\n"))
    assert done.returncode != 0
    assert "line 1: HTTPS_ONLY: allowed: NAME=value" in done.stderr
    assert "xyzzy" not in done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [("missing.env", "No such file or directory"), (".", "Is a directory"), ("file/tracks.env", "Not a directory")],
)
def test_a_named_file_that_cannot_be_read_stops_start_up_in_one_line(tmp_path, name, words):
    (tmp_path / "file").touch()
    path = str(tmp_path / name)
    done = servers.run("manage.py", "check", ENV_FILE=path)
    assert done.returncode != 0
    assert done.stderr == f"error: ENV_FILE={path!r}: {words}; allowed: a file that can be read (config.E001)\n"


# root can read everything, so the process becomes another user first.
_AS_NOBODY = """
import os
if os.getuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
import config.settings
"""


def test_a_file_that_its_user_may_not_read_stops_start_up_in_one_line():
    folder = servers.temporary_folder()
    folder.chmod(0o755)
    file = path_of(folder, "HTTPS_ONLY=on\n")
    (folder / "tracks.env").chmod(0)
    done = servers.run("-c", _AS_NOBODY, ENV_FILE=file)
    if "ModuleNotFoundError" in done.stderr:
        pytest.skip("nobody cannot read the project here")
    assert done.returncode != 0
    assert f"ENV_FILE={file!r}: Permission denied; allowed: a file that can be read" in done.stderr


def test_the_default_file_need_not_exist_and_no_file_can_be_chosen():
    assert SWITCHES["ENV_FILE"].default == ".env"
    if not (servers.ROOT / ".env").exists():
        done = servers.run("-c", "import os; del os.environ['ENV_FILE']; import config.settings")
        assert done.returncode == 0, done.stderr
    assert servers.run("manage.py", "check", ENV_FILE="").returncode == 0


def test_the_switches_command_says_who_has_set_what(tmp_path):
    done = servers.run(
        "manage.py", "switches", ENV_FILE=path_of(tmp_path, "JWT_LEEWAY=70s\nNUM_PROXIES=2\n"), NUM_PROXIES="3"
    )
    assert done.returncode == 0, done.stderr
    rows = {}
    for line in done.stdout.splitlines():
        cells = [cell.strip() for cell in line.strip("│ ").split("│")]
        rows[cells[0]] = cells[1:3]
    assert rows["JWT_LEEWAY"] == ["70s", "file"]
    assert rows["NUM_PROXIES"] == ["3", "environment"]
    assert rows["HTTPS_ONLY"] == ["off", "default"]
