"""The JSON Schema (draft 2020-12) of result files, made from the classes in results/records."""

from inspect import cleandoc
from typing import Any

import msgspec

from benchmarks.results.files import FORMAT
from benchmarks.results.records import RESULTS
from benchmarks.results.records.common import Head


def schema() -> dict[str, Any]:
    """Return the schema of a result in this format: the head, and what its command adds to it.

    The schema is the same on every Python.
    """
    (head, *commands), definitions = msgspec.json.schema_components(
        [Head, *RESULTS.values()], ref_template="#/$defs/{name}"
    )
    for definition in definitions.values():
        if "description" in definition:  # a docstring: Python 3.13 strips its indentation, older ones keep it
            definition["description"] = cleandoc(definition["description"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"A result of python -m benchmarks, format {FORMAT}",
        "type": "object",
        "required": ["format", "command"],
        "properties": {"format": {"const": FORMAT}, "command": {"enum": list(RESULTS)}},
        "allOf": [
            head,
            *(
                {"if": {"properties": {"command": {"const": name}}}, "then": command}
                for name, command in zip(RESULTS, commands, strict=True)
            ),
        ],
        "$defs": definitions,
    }
