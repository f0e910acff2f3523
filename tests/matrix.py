"""Run the tests on every supported Django with every Python found: `make matrix`.

`python -m tests.matrix 3.12:6.1 3.13::sqlite` runs the cells named PYTHON:DJANGO:DATABASE; a part
that is missing stands for all. Each Python has an environment in .matrix/, with the versions locked
in requirements/test.txt and another Django on top. The output of each run stays there too.
"""

import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".matrix"
# Django -> the oldest Python it runs on, and what is installed after requirements/test.txt.
DJANGOS = {
    "5.2": ((3, 11), None),
    "6.0": ((3, 12), "requirements/django-6.0.txt"),
    "6.1": ((3, 12), "requirements/django-6.1.txt"),
}
DATABASES = {  # as in `make test`
    "sqlite": "not lab and not browser and not consumers",
    "postgresql": "not lab and not once",
}
PYTEST = ("-m", "pytest", "-q", "-n", "4", "--dist", "loadfile", "--no-loadscope-reorder", "-p", "no:cacheprovider")
VERSIONS = """
import platform
from importlib.metadata import version
print(platform.python_version(), *map(version, ["Django", "djangorestframework", "djangorestframework_simplejwt"]))
"""
HEADINGS = ("python", "django", "DRF", "SimpleJWT", *DATABASES, "verdict")
UNKNOWN, RED = 2, 1


def run(*command: object, **environment: str) -> subprocess.CompletedProcess[str]:
    # Bytecode must be kept: without it, pytest rewrites each module in each process.
    variables = os.environ | {"ENV_FILE": "", "PYTHONDONTWRITEBYTECODE": ""} | environment
    variables = {name: text for name, text in variables.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run([*map(str, command)], cwd=ROOT, env=variables, capture_output=True, text=True, check=False)


def pythons() -> dict[str, str]:
    """Return minor version -> command, of each Python on PATH or of pyenv, from 3.11 on."""
    candidates = [*sorted(Path.home().glob(".pyenv/versions/3.*/bin/python")), sys.executable]
    candidates += [f"python3.{minor}" for minor in range(11, 30)]
    found = {}
    for command in candidates:
        try:
            done = run(command, "-c", "import sys, ensurepip; print('%d.%d' % sys.version_info[:2])")
        except FileNotFoundError:
            continue
        if done.returncode == 0 and version(done.stdout) >= (3, 11):
            found[done.stdout.strip()] = str(command)
    return dict(sorted(found.items(), key=lambda item: version(item[0])))


def version(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(".")))


def install(python: str, command: str, django: str) -> str | None:
    """Install the locked versions and this Django, and return why that failed, or None."""
    environment = FOLDER / python
    own, pip = environment / "bin/python", ("-m", "pip", "--disable-pip-version-check")
    extra = DJANGOS[django][1]
    steps: list[tuple[object, ...]] = [] if own.exists() else [(command, "-m", "venv", environment)]
    steps.append((own, *pip, "install", "--quiet", "--require-hashes", "-r", "requirements/test.txt"))
    if extra:
        steps.append((own, *pip, "install", "--quiet", "--no-deps", "--require-hashes", "-r", extra))
    steps.append((own, *pip, "check"))
    for step in steps:
        done = run(*step)
        if done.returncode:
            return done.stdout + done.stderr
    return None


def tested(python: str, django: str, database: str) -> tuple[str, bool]:
    """Run the tests and return "passed/failed/skipped" and whether that is green."""
    done = run(FOLDER / python / "bin/python", *PYTEST, "-m", DATABASES[database], TEST_DATABASE=database)
    (FOLDER / f"{python}-{django}-{database}.txt").write_text(done.stdout + done.stderr)
    closing = (done.stdout.splitlines() or [""])[-1]
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|error|skipped)", closing)}
    failed = counts.get("failed", 0) + counts.get("error", 0)
    print(*re.findall(r"^(?:FAILED|ERROR) .*", done.stdout, re.MULTILINE), sep="\n", end="\n" * bool(failed))
    return f"{counts.get('passed', 0)}/{failed}/{counts.get('skipped', 0)}", done.returncode == 0 and "passed" in counts


def row(python: str, command: str, django: str, databases: list[str]) -> tuple[list[str], bool]:
    """Return a row of the table and whether it is green; a Django that cannot run there is."""
    if version(python) < DJANGOS[django][0]:
        return [python, django, "-", "-", *["-"] * len(DATABASES), "not supported"], True
    problem = install(python, command, django)
    if problem:
        print(problem)
        return [python, django, "-", "-", *["-"] * len(DATABASES), "cannot be installed"], False
    versions = run(FOLDER / python / "bin/python", "-c", VERSIONS).stdout.split()
    results = {}
    for database in databases:
        print(f"python {versions[0]}, django {versions[1]}, {database} ...", flush=True)
        results[database] = tested(python, django, database)
    green = all(is_green for _, is_green in results.values())
    counts = [results[database][0] if database in results else "-" for database in DATABASES]
    return [*versions, *counts, "green" if green else "RED"], green


def chosen(names: list[str], found: dict[str, str]) -> dict[tuple[str, str], list[str]]:
    """Return (python, django) -> databases. Raises SystemExit for a name that is unknown."""
    cells: dict[tuple[str, str], list[str]] = {}
    known = (list(found), list(DJANGOS), list(DATABASES))
    for name in names or [""]:
        parts = [*name.split(":"), *[""] * (2 - name.count(":"))]
        if len(parts) > 3 or any(part and part not in names for part, names in zip(parts, known, strict=True)):
            print(
                f"error: {name}: PYTHON:DJANGO:DATABASE are of {', '.join(known[0])}; "
                f"{', '.join(known[1])}; {', '.join(known[2])}",
                file=sys.stderr,
            )
            raise SystemExit(UNKNOWN)
        pythons, djangos, databases = ([part] if part else names for part, names in zip(parts, known, strict=True))
        for cell in product(pythons, djangos):
            cells[cell] = [name for name in DATABASES if name in {*cells.get(cell, ()), *databases}]
    return cells


def main(names: list[str]) -> int:
    found = pythons()
    FOLDER.mkdir(exist_ok=True)
    cells = chosen(names, found)
    rows = [row(python, found[python], django, databases) for (python, django), databases in cells.items()]
    table = [HEADINGS, *(cells for cells, _ in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    print("\nEach database: tests passed/failed/skipped.")
    for cells in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())
    return 0 if all(is_green for _, is_green in rows) else RED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
