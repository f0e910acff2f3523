"""Generate each client from the served document, compile it, and take it through the flow.

`make clients` runs this, and has installed the tools in .clients/ before. The exit code is 1 if a
step failed.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from tests.clients.generated.services import services
from tests.clients.generated.tools import HERE, OLDEST_NODE, STEPS, TOOLS, Tool, node_version
from tests.support import servers

WORK = servers.ROOT / ".clients"
PYTHON, PROGRAMS = WORK / "venv/bin/python", (WORK / "venv/bin", WORK / "node_modules/.bin")
KINDS = ("Token", "Bearer")
SECONDS = 300  # for one command


@dataclass
class Result:
    tool: Tool
    generated: str = "-"
    compiled: str = "-"
    passed: Counter = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    @property
    def row(self) -> tuple[str, ...]:
        steps = (f"{self.passed[kind]} of {len(STEPS)}" for kind in KINDS)
        return self.tool.name, self.tool.version, self.generated, self.compiled, *steps


def folder_for(tool: Tool, document: bytes) -> Path:
    """Return a new folder with the document and the tool's driver."""
    folder = WORK / tool.folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "schema.json").write_bytes(document)
    suffix = Path(tool.driver).suffix
    for name in (tool.driver, f"flow{suffix}"):
        shutil.copy(HERE / "drivers" / name, folder)
    if tool.needs_node:
        for place in (folder, WORK):  # @hey-api/openapi-ts reads the one beside node_modules
            shutil.copy(HERE / "tsconfig.json", place)
    return folder


def call(result: Result, folder: Path, *command: str | Path, **environment: str) -> str | None:
    """Run a command in the tool's folder and return its output. Note a failure and return None."""
    path = os.pathsep.join([*map(str, PROGRAMS), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **environment, "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS,
    )
    if done.returncode == 0:
        return done.stdout
    result.failures.append(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout.strip()}")
    return None


def take(tool: Tool, document: bytes, environment: dict[str, str]) -> Result:
    """Generate, compile and use the tool's client, and return how far it came."""
    result, folder = Result(tool), folder_for(tool, document)
    if call(result, folder, *tool.generate.split()) is None:
        result.generated = "FAILED"
        return result
    result.generated = "yes"
    compile_it = ("tsc", "--strict", "--project", ".") if tool.needs_node else (PYTHON, "-m", "compileall", "-q", ".")
    if call(result, folder, *compile_it) is None:
        result.compiled = "FAILED"
        return result
    result.compiled = "yes"
    driver = ("node", f"built/{tool.folder}.js") if tool.needs_node else (PYTHON, tool.driver)
    output = call(result, folder, *driver, **environment, PYTHONPATH="client")
    lines = [json.loads(line) for line in (output or "").splitlines()]
    for line in lines:
        if line["error"]:
            result.failures.append(f"{line['kind']}, {line['step']}: {line['error']}")
        else:
            result.passed[line["kind"]] += 1
    ran = [(line["kind"], line["step"]) for line in lines]
    if ran != list(product(KINDS, STEPS)):
        result.failures.append(f"{len(ran)} steps ran, expected {len(KINDS) * len(STEPS)}: {ran}")
    return result


def print_table(results: list[Result]):
    """Print a line for each tool, then each failure."""
    rows = [("tool", "version", "generated", "compiled", *KINDS), *(result.row for result in results)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(map(str.ljust, row, widths)).rstrip())
    for result in results:
        for failure in result.failures:
            print(f"\n{result.tool.name}: {failure}")


def why_no_node() -> str:
    """Return why the tools in TypeScript cannot run here, or an empty text."""
    oldest = ".".join(map(str, OLDEST_NODE))
    if missing := [name for name in ("node", "npm") if not shutil.which(name)]:
        return f"no {' and no '.join(missing)} found; install Node {oldest} or newer with npm"
    printed = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if node_version(printed) < OLDEST_NODE:
        return f"node --version is {printed.strip()}; allowed: {oldest} or newer"
    return ""


def main() -> int:
    reason = why_no_node()
    tools = [tool for tool in TOOLS if not (reason and tool.needs_node)]
    with services() as environment:
        address = f"{environment['SERVICE']}/schema/?format=json"
        with urllib.request.urlopen(address, timeout=60) as answer:
            document = answer.read()
        results = [take(tool, document, environment) for tool in tools]
    print_table(results)
    for tool in TOOLS:
        if tool not in tools:
            print(f"skipped: {tool.name}: {reason}")
    return int(any(result.failures for result in results))


if __name__ == "__main__":
    sys.exit(main())
