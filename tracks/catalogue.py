"""Reading the catalogue from a CSV file, and putting it into the database."""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, reset_queries, transaction

from tracks.models import MAX_DURATION_MS, Album, Artist, Genre, Track

CHINOOK = Path(__file__).parent / "data" / "chinook_tracks.csv"

# Column of the file -> most characters it may have.
TEXT_COLUMNS = {
    "title": Track._meta.get_field("title").max_length,
    "album": Album._meta.get_field("title").max_length,
    "artist": Artist._meta.get_field("name").max_length,
    "genre": Genre._meta.get_field("name").max_length,
    "composer": Track._meta.get_field("composer").max_length,
}
COLUMNS = (*TEXT_COLUMNS, "duration_ms")
OPTIONAL = {"composer"}

MAX_COPIES = 10_000  # 35 million of Chinook's tracks; a digit too many should not fill a disk
BATCH = 500  # rows at a time: what is in memory, and in one statement's parameters


class CatalogueError(ValueError):
    """A file that cannot be loaded; the message names the file, the line and the column."""


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    album: str
    artist: str
    genre: str
    composer: str
    duration_ms: int

    @property
    def identity(self):
        """What tells two tracks apart; a corrected genre or composer makes no other track."""
        return self.title, self.album, self.artist, self.duration_ms


@dataclass(frozen=True, slots=True)
class Loaded:
    added: int
    already_there: int


def read(path: Path, copies: int = 1) -> list[Row]:
    """The rows of the file, every one of them checked, or CatalogueError for the first that is wrong."""
    try:
        # A byte that is not UTF-8 becomes a lone surrogate, so that it is found in its line and column.
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            return _read(file, path, copies)
    except OSError as error:
        raise CatalogueError(f"{path}: {error.strerror}") from None


def load(rows: list[Row], copies: int = 1, progress: Callable[[int], None] = lambda done: None) -> Loaded:
    """Add what is missing, in one transaction. `progress` is told how many more rows are dealt with."""
    added = 0
    with transaction.atomic():
        genres = _genres(rows)
        albums = _albums(rows)
        for number in range(1, copies + 1):
            for batch in _batches(rows):
                added += _add_missing(batch, _suffix(number), albums, genres)
                progress(len(batch))
                reset_queries()  # with DEBUG on, Django keeps the text of the last 9,000 statements
            # Each time the table may have doubled: PostgreSQL would go on as if it were empty, and read all
            # of it for each batch, because its own gathering does not see a transaction that is under way.
            if added and number.bit_count() == 1:
                _analyze()
        if added:
            _analyze()  # for the readers; on SQLite nothing else ever does
    return Loaded(added, len(rows) * copies - added)


def _suffix(number: int) -> str:
    return f" (copy {number})" if number > 1 else ""


def _read(file, path, copies):
    lines = csv.reader(file, strict=True)
    longest = {**TEXT_COLUMNS, "title": TEXT_COLUMNS["title"] - len(_suffix(copies))}
    header = None
    rows = []
    seen = {}
    while True:
        line = lines.line_num + 1  # where the row begins: a quoted cell may hold line ends
        try:
            cells = next(lines)
        except StopIteration:
            break
        except csv.Error as error:
            raise CatalogueError(f"{path}, line {line}: {error}") from None
        if not cells:
            continue  # an empty line
        if header is None:
            header = _header(cells, f"{path}, line {line}")
            continue
        if len(cells) != len(header):
            raise CatalogueError(f"{path}, line {line}: {len(header)} columns expected, {len(cells)} found")
        row = _row(dict(zip(header, cells, strict=True)), longest, f"{path}, line {line}")
        if row.identity in seen:
            raise CatalogueError(
                f"{path}, line {line}, column title: the same track as in line {seen[row.identity]} "
                "(title, album, artist and duration_ms)"
            )
        seen[row.identity] = line
        rows.append(row)
    if header is None:
        raise CatalogueError(f"{path}, line 1: no header; expected {','.join(COLUMNS)}")
    return rows


def _header(cells, where):
    for name in COLUMNS:
        if cells.count(name) != 1:
            problem = "missing" if name not in cells else "there more than once"
            raise CatalogueError(f"{where}, column {name}: {problem}; expected {','.join(COLUMNS)}")
    for name in cells:
        if name not in COLUMNS:
            raise CatalogueError(f"{where}, column {name!a}: unknown; expected {','.join(COLUMNS)}")
    return cells


def _row(cells, longest, where):
    values = {}
    for name, most in longest.items():
        text = values[name] = cells[name].strip()
        if "\0" in text:
            problem = "a NUL character"
        elif any("\ud800" <= character <= "\udfff" for character in text):
            problem = f"{text!a} is not UTF-8"
        elif not text and name not in OPTIONAL:
            problem = "empty"
        elif len(text) > most:
            problem = f"{len(text)} characters, at most {most} allowed"
        else:
            continue
        raise CatalogueError(f"{where}, column {name}: {problem}")
    text = cells["duration_ms"].strip()
    if not re.fullmatch("[0-9]{1,20}", text) or not 1 <= int(text) <= MAX_DURATION_MS:
        raise CatalogueError(
            f"{where}, column duration_ms: {text[:40]!a} is not a whole number from 1 to {MAX_DURATION_MS}"
        )
    return Row(**values, duration_ms=int(text))


def _genres(rows):
    """Genre name -> id; locked, so that a second load waits for this one and then finds its tracks."""
    names = {row.genre for row in rows}
    Genre.objects.bulk_create([Genre(name=name) for name in sorted(names)], ignore_conflicts=True)
    locked = Genre.objects.order_by("pk").select_for_update(no_key=True)
    return {genre.name: genre.pk for genre in locked if genre.name in names}


def _albums(rows):
    """(album title, artist name) -> album id."""
    names = sorted({row.artist for row in rows})
    Artist.objects.bulk_create([Artist(name=name) for name in names], ignore_conflicts=True)
    artists = Artist.objects.in_bulk(names, field_name="name")
    Album.objects.bulk_create(
        [
            Album(title=title, artist=artists[artist])
            for title, artist in sorted({(row.album, row.artist) for row in rows})
        ],
        ignore_conflicts=True,
    )
    ids = {}
    for batch in _batches(names):
        for title, artist, pk in Album.objects.filter(artist__name__in=batch).values_list(
            "title", "artist__name", "pk"
        ):
            ids[title, artist] = pk
    return ids


def _add_missing(batch, suffix, albums, genres):
    """Insert the rows that the catalogue does not have yet; how many those were."""
    tracks = {}
    for row in batch:
        title, album = row.title + suffix, albums[row.album, row.artist]
        tracks[title, album, row.duration_ms] = Track(
            title=title,
            album_id=album,
            genre_id=genres[row.genre],
            composer=row.composer,
            duration_ms=row.duration_ms,
        )
    there = Track.objects.filter(owner=None, title__in={title for title, _, _ in tracks})
    for identity in there.values_list("title", "album_id", "duration_ms"):
        tracks.pop(identity, None)
    Track.objects.bulk_create(tracks.values())
    return len(tracks)


def _analyze():
    """Count what the planner chooses among the indexes by."""
    with connection.cursor() as cursor:
        for model in (Artist, Album, Genre, Track):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _batches(items):
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
