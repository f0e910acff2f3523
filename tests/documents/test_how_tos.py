"""Every command of the tutorial and of the how-to pages runs, in clones that use this environment.

The lab's commands run with the smallest budget, because they take minutes.
"""

import json
import re
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from tests.support import checkouts, records, servers
from tests.support.results import overhead_of
from tests.support.shop_class import HONEST, SLOWER, Shop
from tests.support.transcripts import Shell, blocks, commands, is_shown, page, sections

pytestmark = pytest.mark.once

PAGES = {path.stem: page(path.relative_to(servers.ROOT)) for path in (servers.ROOT / "docs/how-to").glob("*.md")}
TUTORIAL = page("docs/tutorial.md")
# The smallest run of the lab. It may be inconclusive, which is exit code 3.
SMALLEST = "--processes 2 --rounds 1 --block 3 --drop 1"
# test_deployment.py runs the commands of three pages, test_readme.py the examples of one,
# tests/adoption/test_adopt.py does what one says, `make clients` what another says. One runs in
# Chromium, by tests/browser/.
ELSEWHERE = {
    "adopt",
    "deploy",
    "generate-a-client",
    "operate",
    "rotate-a-signing-key",
    "run-under-an-orchestrator",
    "single-page-applications",
    "two-machines",
    "use-the-client",
}


class Checkout:
    """A copy of the project, a shell in it, and a free port for its server."""

    def __init__(self, folder, **switches: str):
        self.folder = folder
        self.port = servers.free_port()
        self._base = f"http://127.0.0.1:{self.port}"
        environment = servers.environment(GRANIAN_PORT=str(self.port), LOGIN_THROTTLE="none", **switches)
        del environment["ENV_FILE"], environment["SECRET_KEY"]  # `make run` writes a file
        self.shell = Shell(environment, folder)

    def run(self, command: str, shown: str = "") -> str:
        """Run a page's command against this server, and compare the output with the page."""
        here, expected = (text.replace("http://127.0.0.1:8000", self._base) for text in (command, shown))
        if here == "make run":
            return self._serve(expected)
        code, output = self.shell.run(_small(here))
        assert code == 0 or ("benchmarks" in here and code == 3), (here, output)
        assert is_shown(expected, output) or _begins(expected, output), (here, expected, output)
        return output

    def run_all(self, text: str):
        """Run all commands of a page."""
        for command, shown in commands(text):
            self.run(command, shown)

    def _serve(self, shown: str) -> str:
        checkouts.use_this_environment(self._present())
        self.shell.run("make run > served.txt 2>&1 &")
        served = self._present() / "served.txt"
        end = time.monotonic() + 180
        while True:
            try:
                httpx.get(f"{self._base}/health/").raise_for_status()
                break
            except httpx.HTTPError:
                assert time.monotonic() < end, served.read_text()
                time.sleep(0.1)
        printed = served.read_text().splitlines()
        assert set(shown.splitlines()) <= set(printed), printed
        return ""

    def _present(self):
        return self.folder / self.shell.run("pwd")[1]


def _small(command: str) -> str:
    """Return a command of the lab with the smallest budget."""
    if re.search(r"-m benchmarks (overhead|versus)", command):
        command = re.sub(r" --budget \d+", "", command)
        command += f" {SMALLEST if ' overhead ' in command else '--processes 2 --rounds 1'}"
    return command


def _begins(shown: str, output: str) -> bool:
    """Return whether the lines shown come in the output in this order; `…` ends a line early."""
    lines = iter(output.splitlines())
    return all(any(line.strip().startswith(part.rstrip("…").strip()) for line in lines) for part in shown.splitlines())


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    return checkouts.repository(tmp_path_factory.mktemp("repository"))


@pytest.fixture
def checkout(repository, tmp_path):
    """Make a clone with its own database and its own environment file."""
    folder = tmp_path / "tracks"
    subprocess.run(["git", "clone", "--quiet", repository, folder], check=True)
    checkouts.use_this_environment(folder)
    found = Checkout(folder)
    found.shell.run("export SECRET_KEY=" + "k" * 50)
    yield found
    found.shell.close()


def test_the_tutorial_runs_from_the_clone_to_the_benchmark(repository, tmp_path):
    found = Checkout(tmp_path, REPOSITORY=str(repository))
    try:
        found.run_all(TUTORIAL)
    finally:
        found.shell.close()


def test_a_service_elsewhere_verifies_our_tokens(checkout):
    """Run the page without its section for Node, which tests/consumers/ runs."""
    text = PAGES["verify-our-tokens-elsewhere"]
    parts = sections(text)
    assert "Verify in Node" in parts
    (checkout.folder / "verify.py").write_text(
        blocks("python", text)[0].replace("http://127.0.0.1:8000", f"http://127.0.0.1:{checkout.port}")
    )
    for name, part in parts.items():
        if name != "Verify in Node":
            checkout.run_all(part)


def test_an_access_token_has_the_claims_that_a_function_adds(checkout):
    text = PAGES["add-claims"]
    (checkout.folder / "config/claims.py").write_text(blocks("python", text)[0])
    checkout.run_all(text)


def test_drfs_keys_go_on_working_when_they_were_moved(checkout):
    checkout.run(".venv/bin/python manage.py migrate --verbosity 0")
    key = checkout.run(
        '.venv/bin/python manage.py shell --verbosity 0 -c "from django.contrib.auth.models import User; '
        "print(User.objects.create_user('ada').auth_token.key)\""
    )
    checkout.run_all(PAGES["migrate-from-drf-tokens"])
    with_key = (
        "from django.test import Client; print(Client().get('/whoami/', "
        f"headers={{'host': 'localhost', 'authorization': 'Token {key}'}}).json())"
    )
    checkout.run(
        f'AUTH_SCHEMES=token-hashed,jwt .venv/bin/python manage.py shell --verbosity 0 -c "{with_key}"',
        "{'id': 1, 'username': 'ada', 'scheme': 'token-hashed'}",
    )


def test_the_commands_to_leave_simplejwt_run(checkout):
    checkout.run_all(PAGES["migrate-from-simplejwt"])


@pytest.mark.lab
def test_the_scheme_that_is_added_opens_the_api_and_can_be_timed(checkout):
    code, row = blocks("python", PAGES["add-a-scheme"])
    (checkout.folder / "tokens/signed.py").write_text(code)
    table = checkout.folder / "config/schemes.py"
    assert table.read_text().count("_ROWS = (\n") == 1
    table.write_text(table.read_text().replace("_ROWS = (\n", f"_ROWS = (\n{row}"))
    checkout.run_all(PAGES["add-a-scheme"])


@pytest.mark.lab
def test_a_class_of_ones_own_is_timed(checkout):
    mine, *package = blocks("python", PAGES["measure-your-own-class"])
    assert len(mine.splitlines()) <= 12
    (checkout.folder / "mine.py").write_text(mine)
    for module in package:
        path = checkout.folder.parent / "shop" / module.partition("\n")[0].removeprefix("# ")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(module)
        (path.parent / "__init__.py").touch()
    checkout.run_all(PAGES["measure-your-own-class"])
    for result, facts in {"mine": 0, "device": 1}.items():
        document = json.loads((checkout.folder / f"results/{result}.json").read_text())
        (entry,) = [each for each in document["contenders"] if each["name"] == result]
        assert not entry["is_stock"]
        (row,) = [each for each in document["tables"][0]["rows"] if each["name"] == result]
        assert row["facts"]["sql_statements"] == facts
        assert row["reference"] == (None if result == "device" else "drf-token")


@pytest.mark.lab
def test_revisions_and_results_are_compared(checkout):
    for name in ("before", "after"):
        result = checkout.folder / f"results/{name}.json"
        result.parent.mkdir(exist_ok=True)
        result.write_text(json.dumps(overhead_of({"token": 300.0})), "utf-8")
    checkout.run_all(PAGES["compare-two-revisions"])


def test_a_record_is_made_shown_and_committed(checkout):
    """Run the page on results that are there already: `make bench` takes a minute."""
    for document in records.results():
        result = checkout.folder / f"results/bench/{document['command']}.json"
        result.parent.mkdir(parents=True, exist_ok=True)
        result.write_text(json.dumps(document), "utf-8")
    for role in ("AUTHOR", "COMMITTER"):
        checkout.run(f"export GIT_{role}_NAME=ada GIT_{role}_EMAIL=ada@example.org")
    measured, *others = commands(PAGES["share-a-record"])
    assert measured == ("make bench", "")
    for command, shown in others:
        checkout.run(command, shown)
    changed = checkout.run("git show --name-only --format= HEAD").split()
    assert {name.rpartition("/")[0] for name in changed} == {"records/2026-11-24-amd-epyc-2-cores"}


@pytest.mark.lab
def test_the_class_of_another_repository_is_timed_in_its_working_tree(checkout):
    shop = Shop(checkout.folder.parent / "shop", HONEST)
    shop.write(SLOWER)
    checkout.run_all(PAGES["time-your-class-in-ci"])


def test_no_page_is_forgotten():
    here = set(re.findall(r'PAGES\["(.*?)"\]', Path(__file__).read_text("utf-8")))
    assert set(PAGES) == here | ELSEWHERE
