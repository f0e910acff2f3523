"""Records as `record` writes them, and changed ones as a stranger might send them."""

import json
from pathlib import Path
from typing import Any

from benchmarks.questions.record.command import write
from benchmarks.results import shared
from tests.support.question_results import distance, flows, revocation
from tests.support.reports import having
from tests.support.results import overhead

CONDITIONS = {
    "connection": "served",
    "connection_policy": {"CONN_MAX_AGE": None},
    "database": "SQLite",
    "database_version": "3.40.1",
    "switches": {},
}


def results(mark: str = "", **conditions: Any) -> list[dict[str, Any]]:
    """Return documents of results with the same conditions."""
    found = []
    for document in (overhead(mark), flows(mark), revocation(mark)):
        made = having(document, {**document["service"], **CONDITIONS, **conditions}, "service")
        found.append(having(made, 300 * ["x"], "no field of the schema"))
    return found


def make(folder: Path, *documents: dict[str, Any], machine: str = "", label: str = "") -> Path:
    """Write a record of these documents into `folder`, and return its folder."""
    sources = folder.parent / f"{folder.name}-sources"
    sources.mkdir(parents=True, exist_ok=True)
    paths = [sources / f"{index}.json" for index in range(len(documents))]
    for path, document in zip(paths, documents, strict=True):
        path.write_text(json.dumps(document), "utf-8")
    index, texts = shared.make(paths, machine or None, label)
    write(folder / index.name, texts)
    return folder / index.name


def change(path: Path, value: Any, *place: Any):
    """Change one value of a JSON file."""
    path.write_text(json.dumps(having(json.loads(path.read_text("utf-8")), value, *place)), "utf-8")


def away() -> dict[str, Any]:
    """Return a result of `distance` with the conditions of the others."""
    document = distance()
    return having(document, {**document["service"], **CONDITIONS}, "service")
