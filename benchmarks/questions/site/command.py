"""Records to one static page."""

from pathlib import Path

import click

from benchmarks import terminal
from benchmarks.questions.site.page import html
from benchmarks.results import files, shared


@click.command(name="site")
@click.argument(
    "folders",
    metavar="FOLDER...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="results/site",
    show_default=True,
    help="Folder of the page, index.html.",
)
def command(folders, out):
    """Make one static page of records.

    FOLDER is a record, or a folder of records such as records/. A reader of the page can filter
    them by database, connection policy, machine and version. Each contest has a permalink:
    index.html#RECORD/RESULT/URL/FIRST/SECOND. The page needs no server, loads nothing, and shows
    everything without JavaScript and on paper. It stays below a megabyte, which some forty records
    fill.

    \b
    Exit codes:
      0  written
      1  a folder holds no record or one that cannot be read, or the page is too large or cannot be
         written
      2  wrong usage
    """
    path = out / "index.html"
    files.try_file(path)
    try:
        found = [shared.read(folder) for folder in shared.folders(folders)]
        page = html(found)
    except files.ResultError as error:
        raise click.ClickException(shared.printable(str(error))) from None
    written = files.write_file(path, page)
    written.end()
    terminal.console().print(
        f"Written: {path} ({len(found)} record{'s' * (len(found) != 1)}, {len(page) / 1000:.0f} kB)",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
