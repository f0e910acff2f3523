"""Tools of others find nothing wrong with the OpenAPI document. `make document` installs them."""

import json
import os
import shutil
import subprocess

import pytest

from tests.support import servers
from tests.support.openapi import VARIANTS, text_of

pytestmark = pytest.mark.once

FOLDER = servers.ROOT / "tests/documents/openapi"
REDOCLY = FOLDER / "node_modules/.bin/redocly"


def why_not() -> str:
    """Return why redocly cannot run here, or an empty text."""
    if not (shutil.which("node") and REDOCLY.exists()):
        return "redocly is not installed; `make document` installs it where npm is"
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    is_old = tuple(map(int, version.removeprefix("v").split(".")[:2])) < (20, 19)
    return f"redocly needs Node 20.19 or newer; node is {version}" if is_old else ""


WHY_NOT = why_not()
needs_redocly = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def lint(file) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    command = [REDOCLY, "lint", file, "--config", FOLDER / "redocly.yaml", "--format", "json"]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600)


@needs_redocly
@pytest.mark.parametrize("variant", VARIANTS)
def test_redocly_reports_no_error_and_no_warning(variant, tmp_path):
    (tmp_path / "document.json").write_text(text_of(variant))
    done = lint(tmp_path / "document.json")
    found = json.loads(done.stdout)
    assert [(each["ruleId"], each["message"], each["location"]) for each in found["problems"]] == []
    assert found["totals"] == {"errors": 0, "warnings": 0, "ignored": 0}


@needs_redocly
def test_redocly_finds_what_is_broken_on_purpose(tmp_path):
    document = json.loads(text_of("default"))
    whoami, login = (document["paths"][path][method] for path, method in (("/whoami/", "get"), ("/api/token/", "post")))
    del whoami["summary"], login["security"]
    login["requestBody"]["content"]["application/json"]["example"] = {"username": 5}
    (tmp_path / "document.json").write_text(json.dumps(document))
    found = {each["ruleId"] for each in json.loads(lint(tmp_path / "document.json").stdout)["problems"]}
    assert found == {"operation-summary", "security-defined", "no-invalid-media-type-examples"}


@pytest.mark.parametrize("variant", VARIANTS)
def test_openapi_spec_validator_accepts_the_document(variant):
    validator = pytest.importorskip("openapi_spec_validator", reason="`make document` installs it")
    document = json.loads(text_of(variant))
    validator.validate(document, cls=validator.OpenAPIV31SpecValidator)
    del document["paths"]["/whoami/"]["get"]["responses"]["200"]["description"]
    assert not validator.OpenAPIV31SpecValidator(document).is_valid()


def test_the_lock_names_no_registry():
    lock = (FOLDER / "package-lock.json").read_text()
    assert "integrity" in lock
    assert "://" not in lock
