"""A result as comma-separated values."""

import csv
import io

import click

from benchmarks.questions import options
from benchmarks.results import files, flat


@click.command(name="csv")
@click.argument("run", metavar="RUN.json", type=options.OUTPUT)
@click.option("--processes", is_flag=True, help="Write what each process of `overhead` found, instead of the table.")
def command(run, processes):
    """Write a result to standard output as comma-separated values (RFC 4180).

    Each line is one thing that was measured: a contender at a URL, a cell of the revocation matrix,
    a flow, a rung, a rate that was offered. Times are in microseconds unless the name of a column
    says otherwise.
    """
    try:
        result = files.read(run)
        records = flat.processes(result) if processes else flat.records(result)
    except (files.ResultError, flat.NoTableError) as error:
        raise click.ClickException(f"{error}" if str(run) in str(error) else f"{run}: {error}") from None
    columns = dict.fromkeys(name for record in records for name in record)
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(records)
    click.echo(text.getvalue(), nl=False)  # and flush it: click ends quietly where nobody reads on
