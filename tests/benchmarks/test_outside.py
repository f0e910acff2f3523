"""Contenders that somebody else wrote: what they need is honoured, and what is wrong is a line.

No test asserts a time.
"""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main
from benchmarks.contenders import lineup
from benchmarks.databases.scratch import scratch
from benchmarks.messages import ANONYMOUS, Assignment
from benchmarks.processes import start
from benchmarks.reporting import tables
from tests.support import servers

pytestmark = pytest.mark.once  # the lab brings its own database

HERE = "tests.support.outside"
TICKET, PLAIN = f"{HERE}.candidates:TICKET", f"{HERE}.plain:SCHEME"
URL = "/whoami/"

FAULTS = {
    "nonsense": "no such contender; choose from drf-token",
    f"{HERE}.candidates:": "not of the form package.module:SCHEME",
    f"{HERE}.nothing:TICKET": f"there is no module {HERE}.nothing; allowed: one in the current folder, on "
    "PYTHONPATH or in the folder of --of",
    f"{HERE}.raising:TICKET": f"importing {HERE}.raising raised ZeroDivisionError: on purpose",
    f"{HERE}.candidates:NOTHING": "has no NOTHING; its schemes: TICKET, ",
    f"{HERE}.candidates:NOT_A_SCHEME": "is a str; allowed: a config.schemes.Scheme or a",
    f"{HERE}.candidates:TAKEN": "name is 'token', which the line-up has; allowed: any other",
    f"{HERE}.candidates:THE_LABS": "name is 'anonymous', which is the lab's own; allowed: any other",
    f"{HERE}.candidates:NAMELESS": "name is ' '; allowed: text",
    f"{HERE}.candidates:NO_CLASS": "authentication: nothing.At cannot be imported: ModuleNotFoundError",
    f"{HERE}.candidates:NO_PATH": "authentication is <class 'int'>; allowed: the dotted path of a class",
    f"{HERE}.candidates:A_FUNCTION": "authentication: tokens.issue.token is no class with authenticate()",
    f"{HERE}.candidates:NO_ISSUE": "issue: tokens.issue.nothing cannot be imported: ImportError",
    f"{HERE}.candidates:APPS": "apps is 'tests.support.outside'; allowed: a tuple of dotted paths",
    f"{HERE}.candidates:NO_APP": "apps: 'no_such_app' cannot be installed: ModuleNotFoundError",
    f"{HERE}.candidates:NO_MIDDLEWARE": "middleware: no.Such cannot be imported: ModuleNotFoundError",
    f"{HERE}.candidates:NO_PACKAGE": "package: no-such-package is not installed",
    f"{HERE}.candidates:FAILING_SETTINGS": "settings() raised ValueError: on purpose\n",
    f"{HERE}.candidates:SETTINGS": "settings() returned a list; allowed: a mapping",
    f"{HERE}.candidates:SMALL": "settings() names 'ticket_bytes'; allowed: names in capitals",
    f"{HERE}.candidates:RESERVED": "settings() sets INSTALLED_APPS, which no candidate can: use `apps`",
    f"{HERE}.candidates:DEBUGGING": "settings() sets DEBUG, which no candidate can: the lab pins it for all",
    f"{HERE}.candidates:LOGGING": "settings() sets LOGGING, which no candidate can: what is logged would slow",
    f"{HERE}.candidates:HOSTS": "settings() sets ALLOWED_HOSTS, which no candidate can: the lab pins it for all",
    f"{HERE}.candidates:CLASHING": "the service cannot be set up with what they need: ImproperlyConfigured",
    f"{HERE}.candidates:REFUSAL": "refusal is 404; allowed: 401 or 403",
    f"{HERE}.candidates:HEADER": "header is 'X-Ticket'; allowed: a name of WSGI such as HTTP_AUTHORIZATION",
    f"{HERE}.late:LATE": "its module imports models",
}
DOORS = {
    "overhead": (),
    "wire": (),
    "ladder": (),
    "instructions": (),
    "distance": (),
    "scale": (),
    "revocation": (),
    "versus": ("HEAD",),
}


def work(*names: str, database: str = "sqlite", rounds: int = 0, block: int = 3):
    with scratch(database, None, "served") as made:
        start.fill(made, names)
        return start.work(Assignment(names, {URL: rounds}, block, 1, seed=1), made, 0)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_a_line_that_names_the_contender_and_what_is_allowed(name, tmp_path):
    path = tmp_path / "results" / "run.json"
    result = CliRunner().invoke(main, ["overhead", "--contender", name, "--json", str(path)])
    assert result.exit_code == 2, result.output
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert line.startswith(f"Error: --contender {name}: ")
    assert FAULTS[name].strip() in line
    assert line == result.stderr.splitlines()[-1]
    assert not path.parent.exists()


@pytest.mark.parametrize("command", DOORS)
def test_every_command_that_takes_a_contender_refuses_a_missing_one_at_once(command):
    result = CliRunner().invoke(main, [command, *DOORS[command], "--contender", "nothing:SCHEME"])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("Error: --contender nothing:SCHEME: there is no module nothing;")


def test_no_other_command_takes_a_contender():
    context = main.make_context("benchmarks", ["report"])
    taking = {
        name
        for name in main.list_commands(context)
        if any("--contender" in option.opts for option in main.get_command(context, name).params)
    }
    assert taking == set(DOORS)


@pytest.mark.parametrize("name", ["FAILING_ISSUE", "ISSUING_NUMBERS"])
def test_a_contender_without_a_credential_is_refused_by_name(name):
    expected = {
        "FAILING_ISSUE": f"failing: {HERE}.faults.fail raised LookupError: no credential, on purpose",
        "ISSUING_NUMBERS": f"numbers: {HERE}.faults.number returned 17; allowed: text of printable ASCII characters",
    }
    with pytest.raises(start.WorkerRefusedError) as refusal:
        work(f"{HERE}.candidates:{name}")
    assert str(refusal.value) == expected[name]


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_apps_middleware_settings_and_migrations_are_honoured(database):
    sample = work(TICKET, "token", database=database)
    facts = sample.facts[URL]
    assert facts["ticket"].sql_statements - facts[ANONYMOUS].sql_statements == 1
    assert facts["ticket"].header_bytes == len("X_TICKET: \r\n") + 2 * 16
    assert sample.service["brought"] == {
        "ticket": {
            "settings": ["TICKET_BYTES"],
            "middleware": [f"{HERE}.authentication.TicketMiddleware"],
            "apps": [HERE],
        }
    }
    (line,) = tables.brought(sample.service)
    assert "ticket (settings: TICKET_BYTES; middleware: " in line


def test_a_class_that_stops_checking_is_refused_after_its_rounds():
    with pytest.raises(start.WorkerRefusedError) as refusal:
        work("benchmarks.contenders.misbehaving:OPEN_LATE", rounds=24, block=15)
    first, *_ = str(refusal.value).splitlines()
    name = "broken: lets everybody in after 350 requests"
    assert first == f"{name} at /whoami/: answers 200 without a credential, not 401, after more requests"


def test_a_name_may_have_brackets(tmp_path):
    smallest = ("--processes", "2", "--rounds", "1", "--block", "3", "--drop", "1", "--url", URL)
    arguments = [
        "overhead",
        "--contender",
        f"{HERE}.candidates:BRACKETS",
        *smallest,
        "--json",
        str(tmp_path / "a.json"),
    ]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in (0, 3), result.output
    assert "a [/b] [red]c" in result.stdout


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_an_app_without_migrations_gets_its_tables_after_those_to_which_they_refer(database):
    assert "ticket" in work(f"{HERE}.candidates:UNMIGRATED", database=database).facts[URL]


def test_a_class_from_outside_is_never_stock():
    sample = work(TICKET, PLAIN, "drf-token")
    assert {entry.name for entry in sample.entries if entry.is_stock} == {"drf-token"}


def test_a_scheme_may_stand_next_to_a_class_that_imports_a_model():
    assert work(PLAIN).facts[URL]["plain"].sql_statements == 2


def test_a_third_party_named_by_its_path_is_still_stock():
    found = lineup.find_scheme("benchmarks.contenders.third_party.knox:KNOX")
    assert lineup.is_stock(found)


@pytest.mark.lab
def test_a_module_in_another_folder_is_found(tmp_path):
    """It may lie in the current folder or on PYTHONPATH, whichever the lab is started from."""
    text = (servers.ROOT / "tests/support/outside/plain.py").read_text()
    (tmp_path / "theirs.py").write_text(text.replace(f"{HERE}.plain.Plain", "theirs.Plain"))
    for folder, path in ((tmp_path, servers.ROOT), (servers.ROOT, tmp_path)):
        output = tmp_path / "run.json"
        arguments = ("--contender", "theirs:SCHEME", "--scheme", "token", "--url", URL, "--json", str(output))
        smallest = ("--processes", "2", "--rounds", "1", "--block", "3", "--drop", "1")
        process = subprocess.run(
            [sys.executable, "-m", "benchmarks", "overhead", *arguments, *smallest],
            cwd=folder,
            env=servers.environment(PYTHONPATH=str(path)),
            capture_output=True,
            text=True,
        )
        assert process.returncode in (0, 3), process.stderr
        assert [row["name"] for row in json.loads(output.read_text())["tables"][0]["rows"]] == ["token", "plain"]
        output.unlink()
