"""`make matrix` runs the chosen cells, and is red as soon as one of them is."""

import pytest

from tests import matrix
from tests.support import servers

pytestmark = pytest.mark.once

# A Python of an environment: it installs, tells its versions, and its pytest ends as PYTEST says.
PYTHON = """#!/bin/sh
echo "$TEST_DATABASE $*" >> "{log}"
case "$*" in
  *pytest*) printf '%b' "$PYTEST"; exit $PYTEST_EXITS ;;
  *version*) echo 3.12.1 6.1.3 3.18.3 5.5.1 ;;
  *sys.version_info*) echo 3.12 ;;
esac
"""


@pytest.fixture
def cells(tmp_path, monkeypatch):
    """Return cells(...), which runs the matrix and returns its exit code and the commands run."""
    own = tmp_path / ".matrix/3.12/bin/python"
    own.parent.mkdir(parents=True)
    own.write_text(PYTHON.format(log=tmp_path / "log"))
    own.chmod(0o755)
    monkeypatch.setattr(matrix, "FOLDER", tmp_path / ".matrix")
    monkeypatch.setattr(matrix, "pythons", lambda: {"3.11": "none", "3.12": str(own)})

    def cells(*names: str, closing: str = "2 passed, 1 skipped in 3s", code: int = 0):
        monkeypatch.setenv("PYTEST", f"FAILED tests/x.py::test\\n{closing}\\n" if code else f"{closing}\\n")
        monkeypatch.setenv("PYTEST_EXITS", str(code))
        (tmp_path / "log").write_text("")
        return matrix.main(list(names)), (tmp_path / "log").read_text().splitlines()

    return cells


def test_each_database_is_tested_and_counted(cells, capsys):
    code, commands = cells("3.12:6.1")
    assert code == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        *("3.12.1", "6.1.3", "3.18.3", "5.5.1", "2/0/1", "2/0/1", "green")
    ]
    assert [line.rpartition(" ")[2] for line in commands if " install " in line] == [
        "requirements/test.txt",
        "requirements/django-6.1.txt",
    ]
    assert [(line.split()[0], line.partition(" not ")[2]) for line in commands if "pytest" in line] == [
        ("sqlite", "lab and not browser and not consumers"),
        ("postgresql", "lab and not once"),
    ]


def test_a_failure_is_named_and_makes_the_whole_red(cells, capsys):
    code, _ = cells("3.12:5.2:sqlite", closing="1 failed, 2 passed, 1 error in 3s", code=1)
    assert code == matrix.RED
    printed = capsys.readouterr().out
    assert "FAILED tests/x.py::test" in printed
    assert printed.splitlines()[-1].split()[4:] == ["2/2/0", "-", "RED"]


@pytest.mark.parametrize(("closing", "code"), [("no tests ran in 0s", 5), ("", 2), ("no tests ran in 0s", 0)])
def test_a_run_that_tested_nothing_is_red(cells, closing, code):
    assert cells("3.12:5.2:sqlite", closing=closing, code=code)[0] == matrix.RED


def test_a_django_that_does_not_run_on_a_python_is_said_and_is_not_red(cells, capsys):
    code, commands = cells("3.11:6.0")
    assert (code, commands) == (0, [])
    assert capsys.readouterr().out.splitlines()[-1].endswith("not supported")


def test_cells_may_be_chosen_part_by_part():
    found = {"3.11": "", "3.12": ""}
    assert len(matrix.chosen([], found)) == len(found) * len(matrix.DJANGOS)
    assert set(matrix.chosen([":6.1"], found)) == {("3.11", "6.1"), ("3.12", "6.1")}
    chosen = matrix.chosen(["3.12:6.1:postgresql", "3.12:6.1:sqlite", "3.11:5.2"], found)
    assert chosen == {("3.12", "6.1"): ["sqlite", "postgresql"], ("3.11", "5.2"): ["sqlite", "postgresql"]}


@pytest.mark.parametrize("name", ["3.8", "3.12:7", "3.12:6.1:oracle", "3.12:6.1:sqlite:", "3.12 :6.1"])
def test_a_cell_that_is_unknown_is_refused_by_name(name, capsys):
    with pytest.raises(SystemExit) as refused:
        matrix.chosen([name], {"3.12": ""})
    assert refused.value.code == matrix.UNKNOWN
    assert f"error: {name}: " in capsys.readouterr().err


def test_the_djangos_are_those_that_pyproject_admits_and_each_is_locked():
    project = (servers.ROOT / "pyproject.toml").read_text()
    *_, newest = matrix.DJANGOS
    major, minor = matrix.version(newest)
    assert f'"Django>=5.2.19,<{major}.{minor + 1}"' in project
    for name, (_, lock) in matrix.DJANGOS.items():
        assert f"\ndjango=={name}." in "\n" + (servers.ROOT / (lock or "requirements/test.txt")).read_text()
