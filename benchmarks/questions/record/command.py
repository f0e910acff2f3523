"""Result files to a record: a folder that others can read, check and compare."""

import platform
import shutil
from collections.abc import Iterator
from pathlib import Path

import click

from benchmarks import terminal
from benchmarks.messages import Entry
from benchmarks.processes.environment import ROOT
from benchmarks.questions import options
from benchmarks.results import files, private, shared


def word(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Return a part of a folder's name. Raises click.BadParameter."""
    if value and not shared.WORD.fullmatch(value):
        raise click.BadParameter(f"{value!r}: small letters and digits, joined by hyphens or points")
    return value


@click.command(name="record")
@click.argument("runs", metavar="RUN.json...", nargs=-1, required=True, type=options.INPUT)
@click.option("--machine", callback=word, help="What to call the machine.  [default: its processor and cores]")
@click.option("--label", callback=word, default="", help="Tells records of one machine and one day apart.")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), default="records", show_default=True)
@click.option("--anyway", is_flag=True, help="Record inconclusive results too; the record says so.")
@click.option("--replace", is_flag=True, help="Replace the record of this name.")
def command(runs, machine, label, folder, anyway, replace):
    """Make a record of results: a folder that you can send to this project.

    The folder is records/DATE-MACHINE. It has a file for each result, with everything that was
    measured, and an index, record.json. All results must come from one machine, commit, Python, set
    of packages, database, connection policy and set of switches, because the index says each once.
    Make another record, with a --label, for another database.

    Absolute paths and addresses are left out of every text, as is the name of this machine, and so
    is a suffix of the kernel's version. The command prints what stays, and judges each result
    again, by its own figures. A result that has more than a
    megabyte loses what each process measured, and keeps its tables. The files that you name stay as
    they are.

    \b
    Exit codes:
      0  written
      1  a file is no result, or inconclusive; results differ in their conditions; or the record
         exists or cannot be written
      2  wrong usage
    """
    try:
        index, texts = shared.make(runs, machine, label, platform.node(), ROOT)
        found = folder / index.name
        _check(index, found, anyway, replace)
        write(found, texts)
    except (files.ResultError, OSError) as error:
        raise click.ClickException(shared.printable(str(error))) from None
    console = terminal.console()
    for line in _lines(found, shared.read(found)):
        console.print(shared.printable(line), highlight=False, markup=False, soft_wrap=True)


def _check(index: shared.Index, found: Path, anyway: bool, replace: bool):
    """Raise files.ResultError for a record that must not be written."""
    doubtful = [each for each in index.results if each.conclusive is False]
    if doubtful and not anyway:
        each = doubtful[0]
        reasons = "; ".join(each.reasons) or "no reason is given"
        raise files.ResultError(f"{each.command} is inconclusive: {reasons}; --anyway records it with this verdict")
    if not found.exists():
        return
    if not replace:
        raise files.ResultError(f"{found} exists: --replace replaces it, and --label makes another one of this day")
    if not (found / shared.INDEX).is_file():
        raise files.ResultError(f"{found} is no record, so it is not replaced")


def write(found: Path, texts: dict[str, str]):
    """Write the folder, or none of it."""
    made = found.with_name(f".{found.name}.new")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    try:
        for name, text in texts.items():
            (made / name).write_text(text, "ascii")
        shared.read(made, found.name)
        if found.exists():
            shutil.rmtree(found)
        made.rename(found)
    finally:
        shutil.rmtree(made, ignore_errors=True)  # gone, unless something failed


def _lines(found: Path, record: shared.Shared) -> Iterator[str]:
    """Yield what the record holds, because it becomes public."""
    index = record.index
    entries = [entry for _, each in record.results.values() for entry in getattr(each, "contenders", ())]
    names = dict.fromkeys(entry.name for entry in entries if isinstance(entry, Entry))
    yield f"Written: {found} ({sum(each.bytes for each in index.results) / 1000:,.0f} kB)"
    for each in index.results:
        state = {None: "needs no verdict", True: "conclusive", False: "INCONCLUSIVE"}[each.conclusive]
        blocks = "" if each.blocks else "; without what each process measured"
        yield f"  {each.file}: {state}, {each.bytes / 1000:,.0f} kB{blocks}"
        yield from (f"    {reason}" for reason in each.reasons)
        head, result = record.results[each.file]
        yield f"    command line: {' '.join(head.command_line) or 'unknown'}"
        if base := getattr(getattr(result, "of", None), "no_base", ""):
            yield f"    why there is no base: {base}"
    yield "It becomes public with the record:"
    yield f"  machine: {index.cores} x {index.processor}, {index.kernel}, called {index.machine}"
    yield f"  versions: {', '.join([index.python, *(f'{name} {each}' for name, each in index.packages.items())])}"
    yield f"  database: {index.database or 'none'} {index.database_version or ''}, connection {index.connection or '-'}"
    yield f"  switches: {', '.join(f'{name}={each}' for name, each in (index.switches or {}).items()) or 'defaults'}"
    yield f"  contenders: {', '.join(names) or 'see the files'}"
    yield f"  commit: {index.commit or 'unknown'}{', with uncommitted changes' * index.uncommitted_changes}"
    yield f"Left out, shown as {private.HIDDEN}: paths and addresses. To send it: docs/how-to/share-a-record.md"
