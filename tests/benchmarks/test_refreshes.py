"""What a refresh writes and what ends a login: planted ends, the rows of this project, the page."""

import json
import re
from itertools import count

import pytest
from click.testing import CliRunner
from django.contrib.auth import get_user_model

from benchmarks.__main__ import main
from benchmarks.messages import RefusedError
from benchmarks.processes.clock import Clock
from benchmarks.questions.refreshes import command, tables
from benchmarks.questions.refreshes.client import NEW_PASSWORD, Client, Reply
from benchmarks.questions.refreshes.lifecycle import Lifecycle
from benchmarks.questions.refreshes.messages import EVENTS
from benchmarks.questions.refreshes.setups import SETUPS, missing
from benchmarks.results.records.refreshes import Library, Refreshes, RowsWritten, Written
from benchmarks.results.records.revocation import Cell, End
from tests.support import servers

pytestmark = pytest.mark.once  # the lab brings its own database
LAB_FIXTURES = {"found", "everything", "on_postgresql"}  # long runs, for `make test-lab`

WITHOUT_THIRD_PARTIES = ("", "Django", SETUPS["simplejwt"].package)
INSTALLED = tuple(name for name, setup in SETUPS.items() if setup.package in WITHOUT_THIRD_PARTIES)
PAGE = servers.ROOT / "docs" / "reference" / "refreshes.md"
NAMES = [event.name for event in EVENTS]

# What one refresh writes: statements, and table -> rows inserted, updated, deleted.
FAMILY = {"jwt_auth_refreshfamily": (0, 1, 0)}
BLACKLIST = {"token_blacklist_blacklistedtoken": (1, 0, 0), "token_blacklist_outstandingtoken": (1, 0, 0)}
WRITES = {
    **dict.fromkeys(("jwt", "jwt-pushed", "jwt-stateless"), (2, FAMILY)),
    **dict.fromkeys(("simplejwt", "simplejwt-rotating", "simplejwt-without-app"), (1, {})),
    **dict.fromkeys(("simplejwt-blacklist", "simplejwt-checked"), (9, BLACKLIST)),
    "session": (3, {"django_session": (0, 1, 0)}),
}


def run(folder, *arguments) -> dict:
    process = servers.run("-m", "benchmarks", "refreshes", *arguments, "--json", folder / "run.json")
    assert process.returncode == 0, process.stderr
    return json.loads((folder / "run.json").read_text("utf-8"))


def named(names) -> list[str]:
    return [word for name in names for word in ("--library", name)]


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Return what is found on SQLite about the setups that need no third party."""
    result = run(tmp_path_factory.mktemp("found"), *named(INSTALLED), "--refreshes", "200")
    return {each["name"]: each for each in result["libraries"]}


# --- planted ends ---------------------------------------------------------------------------------


class Planted(Client):
    """A library in memory: a spent token lives for 5 s, its reuse ends the login.

    Another password ends the refresh token alone, and a deactivation nothing. An access token lives
    for 300 s, a refresh token for 1000 s.
    """

    logout = password = "/here/"
    grace = 5

    def __init__(self, clock: Clock):
        self._now, self._numbers, self._logins = clock.now, count(), {}

    def log_in(self, held):
        login = {
            "user": held.user_id,
            "spent": {},
            "ended": False,
            "active": None,
            "password": self._user(held).password,
        }
        self._give(held, login)

    def renew(self, held):
        issued, login = self._logins[held.refresh]
        spent = login["spent"].get(held.refresh)
        if spent is not None and self._now() >= spent + self.grace:
            login["ended"] = True
        user = self._user(held)
        if login["ended"] or user is None or user.password != login["password"] or self._now() >= issued + 1000:
            return 403
        login["spent"].setdefault(held.refresh, self._now())
        self._give(held, login)
        return 200

    def ask(self, held):
        issued, login = self._logins[held.access]
        gone = self._user(held) is None or login["ended"] or self._now() >= issued + 300
        return 401 if gone else 200

    def log_out(self, held):
        self._logins[held.access][1]["ended"] = True
        return Reply(204, {}, {})

    def change_password(self, held):
        user = self._user(held)
        user.set_password(NEW_PASSWORD)
        user.save()
        return Reply(200, {}, {})

    def send(self, *arguments, **others):
        return Reply(401, {}, {})

    def _give(self, held, login):
        held.access, held.refresh = f"a{next(self._numbers)}", f"r{next(self._numbers)}"
        self._logins[held.access] = self._logins[held.refresh] = (self._now(), login)

    @staticmethod
    def _user(held):
        return get_user_model().objects.filter(pk=held.user_id).first()


class Forgetful(Planted):
    """Notices a deactivation 30 s late, and takes a spent token until it expires."""

    grace = 10_000

    def ask(self, held):
        user = self._user(held)
        if user is not None and not user.is_active and self._now() >= self._logins[held.access][0] + 30:
            return 401
        return super().ask(held)


class Refusing(Planted):
    def renew(self, held):
        return 400


class FailingLogout(Planted):
    def log_out(self, held):
        return Reply(500, {}, {})


class Open(Planted):
    def send(self, *arguments, **others):
        return Reply(200, {}, {})


@pytest.fixture
def ends(db):
    """Return a function that finds the ends of a planted library."""
    with Clock() as clock:
        yield lambda client: Lifecycle("planted", client(clock), clock).run()


def test_what_is_planted_is_found(ends):
    found = ends(Planted)
    assert (found["access_seconds"], found["refresh_seconds"]) == (300, 1000)
    expires, renewable = End("at access expiry", 300, 401), End("at refresh expiry", 1000, 403)
    now, refused = End("at once", 0, 401), End("at once", 0, 403)
    assert found["cells"] == {
        "refresh": Cell.of(expires, End("within", 5, 403)),
        "reuse of a spent token": Cell.of(now, refused),
        "logout": Cell.of(now, refused),
        "password set": Cell.of(expires, refused),
        "password changed": Cell.of(expires, refused),
        "deactivation": Cell.of(expires, renewable),
        "deletion": Cell.of(now, refused),
    }


def test_a_late_end_is_found_and_a_token_that_is_never_spent_cannot_be_reused(ends):
    cells = ends(Forgetful)["cells"]
    assert cells["deactivation"] == Cell.of(End("within", 30, 401), End("at refresh expiry", 1000, 403))
    assert cells["refresh"].refresh == End("at refresh expiry", 1000, 403)
    assert cells["reuse of a spent token"] == Cell("-")


@pytest.mark.parametrize(
    ("client", "fault"),
    [
        (Refusing, "planted: answers 400 to a refreshed credential, not 200"),
        (FailingLogout, "planted at /here/: answers 500 {}"),
        (Open, "planted: answers 200 without a credential, neither 401 nor 403"),
    ],
)
def test_a_library_that_fails_is_refused_by_name(ends, client, fault):
    with pytest.raises(RefusedError) as refusal:
        ends(client)
    assert str(refusal.value) == fault


# --- this project and SimpleJWT -------------------------------------------------------------------


@pytest.mark.parametrize("name", INSTALLED)
def test_a_refresh_writes_so_much(name, found):
    assert found[name]["written"]["statements"] == WRITES[name][0]
    written = found[name]["written"]["tables"]
    assert {table: tuple(rows.values()) for table, rows in written.items()} == WRITES[name][1]


def test_bytes_stay_where_rows_do(found):
    kept = {name: each["written"]["bytes_kept"] for name, each in found.items()}
    logged = {name: each["written"]["bytes_written"] for name, each in found.items()}
    for name, (_, written) in WRITES.items():
        assert (kept[name] > 100) == any(inserted for inserted, _, _ in written.values())
        assert (logged[name] > 0) == bool(written)


def ends_of(row, event) -> tuple[str, str | None]:
    cell = row["cells"][event]
    return cell["kind"], cell["refresh"] and cell["refresh"]["kind"]


def test_the_reuse_of_a_spent_token_ends_our_login_and_not_simplejwts(found):
    assert ends_of(found["jwt"], "refresh") == ("at access expiry", "within")
    assert ends_of(found["jwt"], "reuse of a spent token") == ("at once", "at once")
    assert ends_of(found["jwt-stateless"], "reuse of a spent token") == ("at access expiry", "at once")
    assert ends_of(found["simplejwt-blacklist"], "refresh") == ("at access expiry", "at once")
    assert ends_of(found["simplejwt-blacklist"], "reuse of a spent token") == ("at access expiry", "at refresh expiry")
    for name in ("simplejwt-rotating", "simplejwt-without-app"):
        assert ends_of(found[name], "refresh") == ("at access expiry", "at refresh expiry")


def test_what_ends_a_session(found):
    assert {event: ends_of(found["session"], event)[0] for event in NAMES} == {
        **dict.fromkeys(("refresh", "reuse of a spent token", "password changed"), "-"),
        **dict.fromkeys(("logout", "password set", "deactivation", "deletion"), "at once"),
    }


@pytest.fixture(scope="module")
def on_postgresql(tmp_path_factory):
    folder = tmp_path_factory.mktemp("postgresql")
    return run(folder, *named(["jwt", "simplejwt-blacklist"]), "--refreshes", "50", "--database", "postgresql")


def test_postgresql_counts_the_same_rows(on_postgresql):
    assert on_postgresql["service"]["database"] == "PostgreSQL"
    for each in on_postgresql["libraries"]:
        statements, written = WRITES[each["name"]]
        assert each["written"]["statements"] == statements
        assert {table: tuple(rows.values()) for table, rows in each["written"]["tables"].items()} == written
        assert each["written"]["bytes_written"] > 0


# --- the command ----------------------------------------------------------------------------------


def test_a_library_that_is_not_installed_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(command, "missing", lambda names: {"knox": "django-rest-knox"})
    arguments = ["refreshes", "--library", "knox", "--json", str(tmp_path / "run.json")]
    result = CliRunner().invoke(main, arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "Error: not installed: django-rest-knox; `make bench-contenders` installs it\n"


def test_every_setup_names_its_package():
    assert missing(INSTALLED) == {}
    assert {SETUPS[name].version() for name in ("jwt", "jwt-pushed", "jwt-stateless")} == {""}


def test_the_tables_say_what_the_record_does():
    cells = {name: Cell.of(End("at once", 0, 500), End("within", 10, 401)) for name in NAMES}
    library = Library(
        "one",
        "a-package",
        "1.2",
        "defaults",
        Written(3, {"b": RowsWritten(1, 0, 1), "c": RowsWritten(0, 2, 0)}, 4152, 164.4),
        300,
        None,
        cells,
    )
    record = Refreshes(
        seconds=1.0,
        service={"database": "SQLite", "database_version": "3"},
        refreshes=1000,
        asked_until_seconds=34_560_000,
        events=EVENTS,
        libraries=(library,),
        absent={"knox": "django-rest-knox"},
    )
    lines = tables.markdown(record).splitlines()
    assert lines[2] == "| `one` | a-package 1.2 | 3 | +1 −1 b, ~2 c | 4,152 | 164 |"
    assert lines[6] == f"| `one` | 300 s |{' at once (500) |' * len(NAMES)}"
    assert lines[7] == f"| … refresh token | no end |{' within 10 s |' * len(NAMES)}"
    assert any("Not installed, so not measured: knox (django-rest-knox)" in line for line in tables.remarks(record))


# --- the page -------------------------------------------------------------------------------------


def page_tables() -> list[list[str]]:
    """Return the lines of each table of the page, without its head."""
    found = re.findall(r"(?:^\|.*\n)+", PAGE.read_text("utf-8"), re.MULTILINE)
    return [table.splitlines()[2:] for table in found]


def test_the_page_has_every_setup():
    names = [re.match(r"\| `([\w-]+)`", line)[1] for line in page_tables()[0]]
    assert names == list(SETUPS)
    text = PAGE.read_text("utf-8")
    for setup in SETUPS.values():
        assert f"`{setup.name}` |" in text


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    for name, package in missing(tuple(SETUPS)).items():
        pytest.skip(f"{name}: {package} is not installed; `make bench-contenders` installs it")
    folder = tmp_path_factory.mktemp("everything")
    run(folder, "--refreshes", "5", "--markdown", folder / "tables.md")
    return (folder / "tables.md").read_text("utf-8").splitlines()


def test_the_page_says_what_a_run_finds(everything):
    written, *_, ends = page_tables()
    blank = everything.index("")

    def counted(line: str) -> list[str]:
        return line.split(" | ")[:4]  # bytes differ with the number of refreshes

    assert [counted(line) for line in written] == [counted(line) for line in everything[2:blank]]
    assert ends == everything[blank + 3 :]
