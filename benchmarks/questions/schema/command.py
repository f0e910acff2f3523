"""The JSON Schema of result files."""

import json

import click

from benchmarks.results.schema import schema


@click.command(name="schema")
def command():
    """Write the JSON Schema of result files to standard output.

    Its output is docs/reference/results.schema.json.
    """
    click.echo(json.dumps(schema(), indent=1, ensure_ascii=False))
