"""Reading the catalogue from a CSV file, and putting it into the database."""

import csv
import difflib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, reset_queries, transaction

from tracks import filetypes
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
FORMAT = f"CSV in UTF-8, separated by commas, with the header {','.join(COLUMNS)}"

# A cell with what ends it, and a cell in quotation marks: its content and the closing mark.
_CELL = re.compile(r'(?:"[^"]*(?:""[^"]*)*"|(?!")[^,\r\n]*)(?:,|\r\n?|\n)')
_QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)("?)')
_NOT_UTF_8 = re.compile("[\ud800-\udfff]")

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
    """Return the rows of the file, every one of them checked.

    Raise CatalogueError for the first fault. Its message gives line and column, what was found and
    what was expected. A compressed file or a spreadsheet is named as such, and not opened.
    """
    try:
        with open(path, "rb") as file:
            if kind := filetypes.kind_of(file.peek()):
                raise CatalogueError(f"{path}, line 1: {kind} found; expected {FORMAT}")
            # A byte that is not UTF-8 becomes a lone surrogate, so that it is found in its line and column.
            text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
            return _read(text, path, copies)
    except IsADirectoryError:
        raise CatalogueError(f"{path}: a folder found; expected {FORMAT}") from None
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
    raw = []  # the lines of the row that is being read
    lines = csv.reader(_kept(file, raw), strict=True)
    longest = {**TEXT_COLUMNS, "title": TEXT_COLUMNS["title"] - len(_suffix(copies))}
    header = None
    rows = []
    seen = {}
    while True:
        raw.clear()
        line = lines.line_num + 1  # where the row begins: a quoted cell may hold line ends
        where = f"{path}, line {line}"
        try:
            cells = next(lines)
        except StopIteration:
            break
        except csv.Error as error:
            if header is None:
                _check_separator(raw, where)
            raise CatalogueError(_fault("".join(raw), path, line, header or [], error)) from None
        if not cells:
            continue  # an empty line
        if header is None:
            _check_separator(raw, where)
            header = _header(cells, where)
            continue
        try:
            if len(cells) != len(header):
                raise CatalogueError(f"{where}: {len(header)} columns expected, {len(cells)} found")
            row = _row(dict(zip(header, cells, strict=True)), longest, where)
        except CatalogueError as error:
            if len(raw) == 1:
                raise
            raise CatalogueError(f"{error}; in quotation marks the row goes on to line {lines.line_num}") from None
        if row.identity in seen:
            raise CatalogueError(
                f"{where}, column title: the same track as in line {seen[row.identity]} "
                "(title, album, artist and duration_ms)"
            )
        seen[row.identity] = line
        rows.append(row)
    if header is None:
        raise CatalogueError(f"{path}, line 1: no header; the file is empty; expected {FORMAT}")
    return rows


def _kept(file, lines):
    """Yield the lines of the file, and append each to `lines`."""
    for line in file:
        lines.append(line)
        yield line


def _fault(text, path, line, header, error) -> str:
    """Return what is wrong with the row `text`, which begins in that line and which csv refused.

    The first cell without a proper end, or longer than csv reads, is to blame.
    """
    at = number = 0
    most = csv.field_size_limit()
    while (match := _CELL.match(text, at)) and len(match[0]) <= most:
        at, number = match.end(), number + 1
    line += _line_ends(text[:at])
    where = f"{path}, line {line}, column {header[number] if number < len(header) else number + 1}"
    quoted = _QUOTED.match(text, at)
    if quoted and not quoted[2]:
        problem = f"no quotation mark closes the cell that begins with {quoted[1][:20]!a}"
    elif quoted and len(quoted[1]) <= most:
        after, last = text[quoted.end() :][:20], line + _line_ends(quoted[0])
        problem = f"{after!a} follows the quotation mark that closes the cell in line {last}"
    else:
        return f"{where}: {error}"
    return f"{where}: {problem}; expected a comma or the end of the line, and quotation marks inside of a cell doubled"


def _line_ends(text):
    return len(re.findall("\r\n?|\n", text))


def _check_separator(raw, where):
    if separator := filetypes.separator_of("".join(raw), COLUMNS):
        raise CatalogueError(f"{where}: {separator} between the columns found; expected {FORMAT}")


def _header(cells, where):
    for number, cell in enumerate(cells, 1):
        if match := _NOT_UTF_8.search(cell):
            raise CatalogueError(f"{where}, column {number}: {_not_utf_8(cell, match.start())}")
    expected = f"found {', '.join(ascii(cell[:40]) for cell in cells[:10])}; expected {','.join(COLUMNS)}"
    unknown = {cell[:40].strip().casefold(): cell for cell in cells if cell not in COLUMNS}
    for name in COLUMNS:
        if cells.count(name) != 1:
            problem = "missing" if name not in cells else "there more than once"
            for alike in difflib.get_close_matches(name, unknown, n=1):
                problem += f"; perhaps {unknown[alike][:40]!a}"
            raise CatalogueError(f"{where}, column {name}: {problem}; {expected}")
    for name in unknown.values():
        raise CatalogueError(f"{where}, column {name[:40]!a}: unknown; {expected}")
    return cells


def _row(cells, longest, where):
    values = {}
    for name, most in longest.items():
        text = values[name] = cells[name].strip()
        if "\0" in text:
            problem = "a NUL character"
        elif match := _NOT_UTF_8.search(text):
            problem = _not_utf_8(text, match.start())
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


def _not_utf_8(text, at) -> str:
    """Return the byte at that place of the cell, and the cell as Windows-1252 would read it."""
    around = text[max(at - 20, 0) : at + 20].encode(errors="surrogateescape").decode("cp1252", "replace")
    return f"byte 0x{ord(text[at]) - 0xDC00:02X} found, which is not UTF-8; in Windows-1252 it is {around!r}"


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
