"""A small runner of the composite action in action.yml: its steps, run by bash as GitHub's would.

`uses:` steps are not run. The environment of this test run stands in for the one that they make.
"""

import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support import checkouts, servers

ACTION: dict[str, Any] = yaml.safe_load((servers.ROOT / "action.yml").read_text("utf-8"))
EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")


@dataclass(frozen=True)
class Done:
    """What a run of the action left: the code of the first step that failed, and what it wrote."""

    code: int
    outputs: dict[str, str]
    summary: str
    log: str

    @property
    def comment(self) -> str:
        return Path(self.outputs["comment-path"]).read_text("utf-8")


def evaluated(text: str, values: Mapping[str, str]) -> str:
    """Return the text with its expressions replaced. Raises KeyError for one that is not known."""
    return EXPRESSION.sub(lambda found: values[found[1]], text)


def run(workspace: Path, temporary: Path, **inputs: str) -> Done:
    """Run the steps with these inputs; an underscore in a name stands for a hyphen."""
    temporary.mkdir(parents=True, exist_ok=True)
    given = {name.replace("_", "-"): text for name, text in inputs.items()}
    assert given.keys() <= ACTION["inputs"].keys()
    values = {f"inputs.{name}": given.get(name, entry.get("default")) for name, entry in ACTION["inputs"].items()}
    values |= {"github.action_path": str(servers.ROOT), "runner.temp": str(temporary)}
    values["steps.python.outputs.python-path"] = sys.executable
    checkouts.link_this_environment(temporary / "token-or-jwt")
    summary, log, code = temporary / "summary", "", 0
    for step in ACTION["runs"]["steps"]:
        if "uses" in step or not _is_wanted(step, values):
            continue
        written = temporary / f"output-{step.get('id', 'none')}"
        written.touch()
        environment = {
            **servers.environment(),
            **{name: evaluated(str(text), values) for name, text in step["env"].items()},
            "GITHUB_WORKSPACE": str(workspace),
            "GITHUB_OUTPUT": str(written),
            "GITHUB_STEP_SUMMARY": str(summary),
            "RUNNER_TEMP": str(temporary),
            "PIP_NO_INDEX": "1",  # everything is installed; nothing may change this environment
        }
        script = temporary / "step.sh"
        script.write_text(step["run"], "utf-8")
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)]
        done = subprocess.run(
            command,
            cwd=workspace,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        log += done.stdout
        for line in written.read_text("utf-8").splitlines():
            name, _, text = line.partition("=")
            values[f"steps.{step['id']}.outputs.{name}"] = text
        if done.returncode:
            code = done.returncode
            break
    outputs = {
        name: values[expression]
        for name, entry in ACTION["outputs"].items()
        if (expression := EXPRESSION.fullmatch(entry["value"])[1]) in values
    }
    return Done(code, outputs, summary.read_text("utf-8") if summary.exists() else "", log)


def _is_wanted(step: dict[str, Any], values: Mapping[str, str]) -> bool:
    """Return what `if` says; it can only be `${{ inputs.NAME != '' }}` here."""
    if "if" not in step:
        return True
    return bool(values[re.fullmatch(r"\$\{\{ (inputs\.[a-z-]+) != '' \}\}", step["if"])[1]])
