"""clients/fetch_auth.d.ts has the types that programs need, and those of clients/fetch_auth.js."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support import servers

pytestmark = [pytest.mark.browser, pytest.mark.once]

TYPESCRIPT = servers.ROOT / ".clients/node_modules/.bin/tsc"
OPTIONS = ["--strict", "--noEmit", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"]


def source(name: str) -> str:
    return (servers.ROOT / "clients" / name).read_text("utf-8")


def test_programs_compile_with_strict(tmp_path):
    if not TYPESCRIPT.exists():
        pytest.skip("TypeScript is not installed; `make clients` installs it")
    for name in ("fetch_auth.js", "fetch_auth.d.ts"):
        shutil.copy(servers.ROOT / "clients" / name, tmp_path)
    shutil.copy(Path(__file__).with_name("fetch_auth.types.ts"), tmp_path / "types.ts")
    command = [TYPESCRIPT, *OPTIONS, "types.ts"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)  # seconds
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_types_name_every_class_that_the_module_exports():
    exported, typed = (
        set(re.findall(r"^export class (\w+)", source(f"fetch_auth.{kind}"), re.MULTILINE)) for kind in ("js", "d.ts")
    )
    assert exported == typed
    assert len(exported) == 8


@pytest.mark.parametrize(
    ("name", "interfaces"), [("BearerAuth", ["Options", "BearerOptions"]), ("TokenAuth", ["Options"])]
)
def test_the_types_name_every_option(name, interfaces):
    code, types = source("fetch_auth.js").partition(f"export class {name} ")[2], source("fetch_auth.d.ts")
    allowed = re.search(r"super\(baseUrl, options, .*?\[(.*?)\]\)", code)[1]
    typed = [re.search(rf"^export interface {each} .*?^}}", types, re.M | re.S)[0] for each in interfaces]
    assert set(re.findall(r"^  (\w+)\?:", "".join(typed), re.M)) == set(re.findall(r'"(\w+)"', allowed))
