"""docs/how-to/adopt.md in somebody else's project, for each kind, by copy and by wheel.

The tests take from the page the commands that they run and the lines that they add.
"""

import ast
import json
import os
import re
import sys
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.support import checkouts, servers
from tests.support.shop import Shop
from tests.support.transcripts import Shell, blocks, commands, is_shown, page, sections

PAGE = page("docs/how-to/adopt.md")
PARTS = dict(re.findall(r"^### (.*?)\n(.*?)(?=^### |\Z)", sections(PAGE)["Copy the schemes"], re.DOTALL | re.MULTILINE))
(CLIENT,) = commands(sections(PAGE)["Copy the client"])
COPY, *WHEEL = commands(PARTS["Take the folders"])
MIGRATE = commands(PARTS["Migrate"])
(MOVE,) = commands(PARTS["Keep your clients"])
(UNTIL,) = blocks("python", PARTS["Keep your clients"])
LINES = {
    "token-hashed": blocks("python", PARTS["Add the lines for `token-hashed`"]),
    "jwt": blocks("python", PARTS["Add the lines for `jwt`"]),
    "token-hashed jwt": blocks("python", PARTS["Add the lines for both"]),
}
PACKAGES = {"auth_core", "tokens", "jwt_auth"}
NOT_COPIED = {"token-hashed": "jwt_auth ", "jwt": "tokens "}  # by the kind that needs it not


@pytest.fixture(scope="session")
def checkout(tmp_path_factory) -> Path:
    """Return a clone of the project with an environment."""
    folder = checkouts.repository(tmp_path_factory.mktemp("checkout"))
    checkouts.use_this_environment(folder)
    return folder


def run(steps: list[tuple[str, str]], checkout: Path, host: Path, **environment: str):
    """Run commands of the page in the clone, and compare the output with what the page shows.

    pip downloads nothing, and installs into the host's folder `site`.
    """
    (host / ".venv/bin").mkdir(parents=True, exist_ok=True)
    (host / ".venv/bin/pip").write_text(f'#!/bin/sh\nPIP_TARGET={host}/site exec {checkout}/.venv/bin/pip "$@"\n')
    (host / ".venv/bin/pip").chmod(0o755)
    variables = {
        "YOUR_PROJECT": str(host),
        "PATH": f"{checkout}/.venv/bin:{os.environ['PATH']}",
        "PIP_NO_BUILD_ISOLATION": "0",
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        **environment,
    }
    with closing(Shell(servers.environment(**variables), checkout)) as shell:
        for command, shown in steps:
            code, output = shell.run(command)
            assert code == 0, (command, output)
            assert is_shown(shown, output), (command, shown, output)


# What shop_walk.py prints for each kind.
LIVES = {
    "token-hashed": """
DRF's five keys: 200 200 200 200 200
token-hashed: a login: 200 {'of': 'ada@shop.example', 'scheme': 'token-hashed'}
token-hashed: wrong passwords: 400 x10, then 429; by name 429, another user 200
a token that may only read reads and writes: 200 403
a rotated key and its successor: 401 200
a token issued by the command: 200
token-hashed: the admin finds it by e-mail and deletes it: True 302, before and after: 200 401
""",
    "jwt": """
jwt: a login: 200 {'of': 'ada@shop.example', 'scheme': 'jwt'}
jwt: wrong passwords: 401 x10, then 429; by name 429, another user 200
SimpleJWT's five access tokens: 200 200 200 200 200
a refresh token of SimpleJWT's, sent twice: 200 200, the same successor: True, which works: 200
claims: {'iss': 'https://shop.example', 'uid': True, 'lifetime': 420}
the keywords JWT, Bearer, Other: 200 200 401
two refreshes: 200 200
the first refresh token again: 401, the login's access token: 401
0 expired logins deleted
jwt: the admin finds it by e-mail and deletes it: True 302, before and after: 200 401
""",
}


# The events that each kind's life logs, with their reasons.
EVENTS = {
    "token-hashed": """
login.succeeded, login.failed password, request.throttled login-address, request.throttled login-username
credential.refused invalid, token.rotated, token.issued command, token.revoked admin, token.revoked logout
credential.refused scope, credentials.ended password_change, credentials.ended deactivation
""",
    "jwt": """
login.succeeded, login.failed password, request.throttled login-address, request.throttled login-username
credential.refused ended, refresh.rotated, refresh.reused, login.ended admin, login.ended logout
stock.accepted, stock.exchanged, credentials.ended password_change, credentials.ended deactivation
""",
}


@pytest.mark.parametrize("kinds", LINES)
def test_the_folders_and_the_lines_of_the_page_are_enough(kinds, checkout, tmp_path):
    shop = Shop(tmp_path)
    run([(COPY[0].replace(NOT_COPIED.get(kinds, "no folder"), ""), "")], checkout, shop.folder)
    adopt_and_walk(shop, kinds, checkout)


def test_the_wheel_is_as_good_as_the_folders(checkout, tmp_path):
    shop = Shop(tmp_path)
    run(WHEEL, checkout, shop.folder)
    adopt_and_walk(shop, "token-hashed jwt", checkout)


def adopt_and_walk(shop: Shop, kinds: str, checkout: Path):
    """Do what the page says, and compare what shop_walk.py prints; it fails if a step raises."""
    settings, urls = LINES[kinds]
    if "jwt" in kinds:
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        settings += re.sub(r"(?<= )date\(.*\)", f"date({tomorrow:%Y, %-m, %-d})", UNTIL)
    shop.adopt(settings, urls)
    steps = [*MIGRATE, *([(f'cd "$YOUR_PROJECT" && {MOVE[0]}', MOVE[1])] if "token-hashed" in kinds else [])]
    run(steps, checkout, shop.folder, PYTHONPATH=f"{shop.folder}/site")
    done = shop.run("-W", "error", "walk.py", kinds, json.dumps(shop.before), PYTHONPATH=f"{shop.folder}/site")
    assert done.returncode == 0, done.stderr
    assert done.stdout == expected(kinds)
    logged = re.findall(r"^(?:INFO|WARNING) auth (\S+)(?:.* reason=(\S+))?", done.stderr, re.MULTILINE)
    wanted = {event for kind in kinds.split() for event in re.split(", |\n", EVENTS[kind].strip())}
    missing = wanted - {" ".join(event).strip() for event in logged}
    assert not missing, done.stderr
    assert re.search(r"login\.succeeded scheme=[\w-]+ user=[0-9a-f-]{36} .*address=203\.0\.113\.", done.stderr)
    assert not [token for token in shop.before["tokens"] if token in done.stderr]


def expected(kinds: str) -> str:
    ends = ("logout", "password change", "deactivation")
    each = len(kinds.split())
    return "".join(
        (
            *(LIVES[kind].lstrip() for kind in kinds.split()),
            *(f"before and after a {what}:{' 200' * each},{' 401' * each}\n" for what in ends),
        )
    )


@pytest.mark.once
def test_the_client_is_one_file(checkout, tmp_path):
    run([CLIENT], checkout, tmp_path)
    assert (tmp_path / "httpx_auth.py").exists()


@pytest.mark.once
def test_one_kind_takes_ten_lines_at_most_and_both_take_fifteen():
    migrated = {"token-hashed": ""}  # the other two may accept SimpleJWT's tokens by two lines more
    added = {kinds: "".join(lines) + migrated.get(kinds, UNTIL) for kinds, lines in LINES.items()}
    counts = {kinds: sum(map(bool, text.split("\n"))) for kinds, text in added.items()}
    print(counts)
    assert all(count <= (15 if " " in kinds else 10) for kinds, count in counts.items()), counts


@pytest.fixture(scope="module")
def wheel(checkout, tmp_path_factory) -> zipfile.ZipFile:
    """Return the wheel that the page builds."""
    folder = tmp_path_factory.mktemp("wheel")
    run(WHEEL[:1], checkout, folder)
    (file,) = folder.glob("*.whl")
    return zipfile.ZipFile(file)


@pytest.mark.once
def test_the_wheel_holds_three_packages_and_all_of_their_files(wheel, checkout):
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {name.partition("/")[0] for name in held} == PACKAGES
    there = [path for package in PACKAGES for path in (checkout / package).rglob("*")]
    files = {str(path.relative_to(checkout)) for path in there if path.is_file() and "__pycache__" not in path.parts}
    assert held == files
    assert {"tokens/py.typed", "tokens/templates/admin/tokens/hashedtoken/issued.html"} < files


@pytest.mark.once
def test_the_wheel_requires_what_its_packages_import(wheel):
    (head,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    lines = wheel.read(head).decode().splitlines()
    required = set(re.findall(r"^Requires-Dist: ([\w-]+)[^;\n]*$", "\n".join(lines), re.MULTILINE))
    optional = {"drf-spectacular", "orjson", "redis"}
    imported = {
        name.partition(".")[0]
        for file in wheel.namelist()
        if file.endswith(".py")
        for node in ast.walk(ast.parse(wheel.read(file)))
        for name in names(node)
    }
    distributions = packages_distributions()
    found = {
        distributions[name][0].lower().replace("_", "-") for name in imported - PACKAGES - set(sys.stdlib_module_names)
    }
    # PyJWT[crypto] brings cryptography, and Django brings asgiref. A project on PostgreSQL has
    # psycopg.
    assert found - optional == required | {"cryptography", "asgiref", "psycopg"}
    assert {f"Provides-Extra: {name}" for name in ("openapi", "orjson", "redis")} < set(lines)


def names(node: ast.AST) -> list[str]:
    """Return the modules that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
