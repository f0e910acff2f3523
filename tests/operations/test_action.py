"""The action in action.yml: its steps run in a shell, with a class that lies in another repository.

GitHub's own part is not run: setting up Python, and the workflow. No test asserts a time.
"""

import json
import os
import re
import subprocess

import jsonschema
import pytest
import yaml

from benchmarks.questions.versus import verdict
from benchmarks.results.schema import schema
from tests.support import actions, servers
from tests.support.shop_class import BROKEN, HONEST, OPEN, SCHEME, SLOWER, Shop
from tests.support.transcripts import blocks, page

pytestmark = pytest.mark.once

ACTION, STEPS = actions.ACTION, actions.ACTION["runs"]["steps"]
GUIDE = page("docs/how-to/time-your-class-in-ci.md")
WORKFLOW = yaml.safe_load(blocks("yaml", GUIDE)[0])
JOB, AFTER = (WORKFLOW["jobs"][name]["steps"] for name in ("cost", "comment"))
SMALLEST = "--processes 2 --rounds 1"


# --- what stands in the files ---------------------------------------------------------------------


def test_no_input_becomes_a_part_of_a_script():
    for step in (*STEPS, *JOB, *AFTER):
        assert "${{" not in step.get("run", "")
        assert ("run" in step) == ("shell" in step)


def test_what_the_action_uses_is_pinned_to_a_commit_with_its_version():
    text = (servers.ROOT / "action.yml").read_text("utf-8")
    used = re.findall(r"uses: (.*)", text)
    assert used
    for each in used:
        assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)
    assert "://" not in text


def test_each_input_reaches_a_step():
    given = {text for step in STEPS for text in (*step.get("env", {}).values(), *step.get("with", {}).values())}
    assert {f"${{{{ inputs.{name} }}}}" for name in ACTION["inputs"]} <= given


def test_each_output_is_written_by_a_step():
    scripts = {step["id"]: step["run"] for step in STEPS if "id" in step and "run" in step}
    for name, entry in ACTION["outputs"].items():
        step = re.fullmatch(r"\$\{\{ steps\.(\w+)\.outputs\.([a-z-]+) \}\}", entry["value"])
        assert f"{step[2]}=" in scripts[step[1]]
        assert step[2] == name


def test_the_guide_names_each_input_output_and_verdict():
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| .* \| (.*) \|$", GUIDE, re.MULTILINE))
    for name, entry in ACTION["inputs"].items():
        default = entry.get("default", "required")
        assert rows[name] == (f"`{default}`" if default not in ("", "required") else rows[name])
    for name in ACTION["outputs"]:
        assert f"`{name}`" in GUIDE
    described = ACTION["outputs"]["verdict"]["description"]
    for word in (*verdict.WORDS, "failed"):
        assert f"| `{word}` |" in GUIDE
        assert word in described


def test_the_workflow_of_the_guide_gives_what_the_action_takes():
    (used,) = (step for step in JOB if step.get("uses", "").startswith("OWNER/"))
    assert used["with"].keys() <= ACTION["inputs"].keys()
    named = set(re.findall(rf"steps\.{used['id']}\.outputs\.([a-z-]+)", yaml.safe_dump(WORKFLOW)))
    assert named <= ACTION["outputs"].keys()
    assert "pull_request_target" not in yaml.safe_dump(WORKFLOW)


def test_the_job_that_runs_somebodys_code_has_no_token_that_writes():
    assert WORKFLOW["permissions"] == {}
    allowed = {name: job["permissions"] for name, job in WORKFLOW["jobs"].items()}
    assert allowed == {"cost": {"contents": "read"}, "comment": {"pull-requests": "write"}}
    assert [step["uses"].partition("@")[0] for step in AFTER if "uses" in step] == ["actions/download-artifact"]
    assert "can forge" in GUIDE.replace("\n", " ")


# --- the step that comments -----------------------------------------------------------------------

GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >> "$CALLS"
test "$MARKER" = "<!-- token-or-jwt versus shop.cost:SCHEME /whoami/ -->" || exit 1
if test "$2" = --paginate; then echo "$OLD"; fi
"""


@pytest.mark.parametrize(
    ("old", "last"),
    [
        ("", "pr comment 7 --repo ada/shop --body-file {comment}"),
        ("11\n12", "api --silent --method PATCH repos/ada/shop/issues/comments/12 --field body=@{comment}"),
    ],
)
def test_the_step_that_comments_replaces_the_comment_of_an_earlier_run(tmp_path, old, last):
    text = tmp_path / "comment.md"
    text.write_text("**Same**\n\n<!-- token-or-jwt versus shop.cost:SCHEME /whoami/ -->\n<!-- verdict: same -->\n")
    (tmp_path / "gh").write_text(GH)
    (tmp_path / "gh").chmod(0o755)
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "OLD": old,
        "COMMENT": str(text),
        "MARKER": AFTER[-1]["env"]["MARKER"],
        "PULL": "7",
        "GITHUB_REPOSITORY": "ada/shop",
    }
    script = tmp_path / "step.sh"
    script.write_text(AFTER[-1]["run"])
    subprocess.run(["bash", "-eo", "pipefail", str(script)], env=environment, check=True)
    asked, done = (tmp_path / "calls").read_text().splitlines()
    assert asked.startswith("api --paginate repos/ada/shop/issues/7/comments --jq ")
    assert done == last.format(comment=text)


# --- whole runs -----------------------------------------------------------------------------------


def ran(tmp_path, *commits, **inputs: str) -> actions.Done:
    """Return what the action leaves for a repository with these commits."""
    shop = Shop(tmp_path / "shop", *commits)
    before = shop.git("status", "--porcelain")
    done = actions.run(
        shop.folder, tmp_path / "runner", **{"contender": SCHEME, "budget": "1", "options": SMALLEST, **inputs}
    )
    assert shop.git("status", "--porcelain") == before
    return done


@pytest.mark.lab
@pytest.mark.parametrize("head", [SLOWER, {}], ids=["slower", "unchanged"])
def test_a_head_is_timed_against_its_base(tmp_path, head):
    done = ran(tmp_path, HONEST, head, install="pip --version && python -c 'import shop.auth' 2> /dev/null || true")
    assert "pip " in done.log
    code = done.outputs["exit-code"]
    assert code in ("0", "3"), done.log
    assert done.code == 0
    assert ("::warning" in done.log) == (code == "3")
    assert done.outputs["verdict"] in ({"cannot-tell"} if code == "3" else {"slower", "faster", "same"})
    assert done.summary == done.comment
    with open(done.outputs["result-path"]) as file:
        result = json.load(file)
    assert result["of"]["no_base"] == ""
    assert result["revision"]["name"] == "HEAD^1"


@pytest.mark.lab
@pytest.mark.parametrize(
    ("head", "why"),
    [(OPEN, "answers 200 with a forged credential"), (BROKEN, "no_such_module")],
    ids=["open", "broken"],
)
def test_a_head_that_cannot_be_timed_fails_the_step_and_says_why(tmp_path, head, why):
    done = ran(tmp_path, HONEST, head)
    assert (done.code, done.outputs["exit-code"], done.outputs["verdict"]) == (1, "1", "refused")
    assert "head: " in done.comment
    assert "Traceback" not in done.log
    assert why in done.comment
    assert done.summary == done.comment
    assert "result-path" not in done.outputs


@pytest.mark.lab
def test_a_class_that_is_new_is_measured_alone(tmp_path):
    done = ran(tmp_path, {"README": ""}, HONEST, url="/tracks/")
    assert done.code == 0, done.log
    assert done.outputs["verdict"] in ("only-head", "cannot-tell")
    assert done.comment.startswith("**Only the head was measured")
    with open(done.outputs["result-path"]) as file:
        result = json.load(file)
    jsonschema.Draft202012Validator(schema()).validate(result)
    assert result["of"]["no_base"].startswith(f"base: {SCHEME}: ")
    assert (result["before"], result["difference"], result["now"]) == (None, None, None)


@pytest.mark.lab
@pytest.mark.parametrize(
    ("inputs", "said"),
    [({"options": f"{SMALLEST}\n--nonsense\n"}, "--nonsense"), ({"folder": "no/such"}, "no/such")],
    ids=["options of two lines", "folder"],
)
def test_each_line_of_the_options_and_the_folder_is_checked(tmp_path, inputs, said):
    done = ran(tmp_path, HONEST, **inputs)
    assert (done.code, done.outputs["exit-code"], done.outputs["verdict"]) == (2, "2", "failed"), done.log
    assert said in done.log


@pytest.mark.lab
def test_wrong_inputs_fail_the_step_without_a_comment(tmp_path):
    done = ran(tmp_path, HONEST, contender="shop.cost")
    assert (done.code, done.outputs["exit-code"], done.outputs["verdict"]) == (2, "2", "failed")
    assert "name a package.module:SCHEME" in done.log.replace("\n", " ")
    assert "comment-path" not in done.outputs
