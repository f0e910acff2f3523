"""Are README's figures those of a record?"""

from pathlib import Path

import click

from benchmarks.processes.environment import ROOT
from benchmarks.questions.splice import readme
from benchmarks.results import files, shared


@click.command(name="splice")
@click.argument("folder", metavar="[RECORD]", required=False, type=click.Path(exists=True, file_okay=False))
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if README or its picture is stale.")
def command(folder, check):
    """Write the figures of a record into README.md, and its picture.

    RECORD is a folder of records/ with conclusive results of overhead and revocation, and becomes
    the one that README names. Without it, the record that README names is read again. The command
    measures nothing.

    \b
    Exit codes:
      0  written, or nothing to write
      1  --check found something stale; or the record cannot be read, or is no record for README
      2  wrong usage
    """
    page, image = ROOT / "README.md", ROOT / "docs/explanation/frontier.svg"
    text = page.read_text("utf-8")
    try:
        found = Path(folder) if folder else ROOT / "records" / readme.named(text)
        if found.resolve().parent != ROOT / "records":
            raise files.ResultError(f"{found}: README names a record of records/")
        record = shared.read(found)
        stale = readme.stale(text, image.read_text("utf-8") if image.exists() else "<svg/>", record)
        if check and stale:
            raise files.ResultError(f"stale: {', '.join(stale)}; renew with `python -m benchmarks splice`")
        if not check:
            page.write_text(readme.spliced(text, record), "utf-8")
            image.write_text(readme.picture(record), "utf-8")
    except (files.ResultError, OSError) as error:
        raise click.ClickException(shared.printable(str(error))) from None
    click.echo(f"{found.name}: {'written: ' + ', '.join(stale) if stale else 'nothing is stale'}")
