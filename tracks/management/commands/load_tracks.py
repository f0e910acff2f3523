from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tracks import catalogue


class Command(BaseCommand):
    help = "Load the catalogue of tracks. A second run adds only what is missing."

    def add_arguments(self, parser):
        parser.add_argument(
            "file",
            metavar="FILE",
            nargs="?",
            type=Path,
            default=catalogue.CHINOOK,
            help=f"{catalogue.FORMAT} (default: the Chinook catalogue)",
        )
        parser.add_argument(
            "--copies",
            metavar="N",
            type=int,
            default=1,
            help="how often to load each track; the second is titled “… (copy 2)” "
            f"(1 to {catalogue.MAX_COPIES}; default: 1)",
        )

    def handle(self, *, file, copies, verbosity, **options):
        if not 1 <= copies <= catalogue.MAX_COPIES:
            raise CommandError(f"--copies {copies}: allowed: 1 to {catalogue.MAX_COPIES}")
        try:
            rows = catalogue.read(Path(file), copies)
        except catalogue.CatalogueError as error:
            raise CommandError(str(error)) from None
        with Progress(
            TextColumn("loading tracks"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=verbosity == 0 or not self.stderr.isatty(),
        ) as progress:
            task = progress.add_task("", total=len(rows) * copies)
            loaded = catalogue.load(rows, copies, lambda done: progress.advance(task, done))
        if verbosity > 0:
            self.stdout.write(
                f"{len(rows)} tracks in the file, {loaded.added} added, {loaded.already_there} already there"
            )
