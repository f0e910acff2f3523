"""Read the catalogue from a CSV file, and load it into the database."""

import csv
import difflib
import io
import re
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, reset_queries, transaction
from django.utils import timezone

from tracks import filetypes
from tracks.models import MAX_DURATION_MS, Album, Artist, Genre, Track

CHINOOK = Path(__file__).parent / "data" / "chinook_tracks.csv"

# The longest text that each column of the file may hold, in characters.
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

# A cell with its separator, and a cell in quotation marks: its content and the closing mark.
_CELL = re.compile(r'(?:"[^"]*(?:""[^"]*)*"|(?!")[^,\r\n]*)(?:,|\r\n?|\n)')
_QUOTED = re.compile(r'"([^"]*(?:""[^"]*)*)("?)')
_NOT_UTF_8 = re.compile("[\ud800-\udfff]")

MAX_COPIES = 10_000  # 35 million tracks from Chinook; a digit too many should not fill a disk
BATCH = 1000  # rows in one statement

# The file's rows, each with its place in the file, in a table of this connection's own.
_FILE_COLUMNS = ("title", "album_id", "genre_id", "composer", "duration_ms")
_WRITE = "INSERT INTO tracks_file VALUES (%s, %s, %s, %s, %s, %s)"
# LIMIT keeps PostgreSQL from joining the tables, for which it would read all tracks each time.
_ADD = """
INSERT INTO tracks_track (title, album_id, genre_id, composer, duration_ms, created, updated)
SELECT f.title || %(suffix)s, f.album_id, f.genre_id, f.composer, f.duration_ms, %(now)s, %(now)s
FROM tracks_file f
WHERE f.place BETWEEN %(first)s AND %(last)s AND (
    SELECT 1 FROM tracks_track t
    WHERE t.owner_id IS NULL AND t.title = f.title || %(suffix)s
    AND t.album_id = f.album_id AND t.duration_ms = f.duration_ms
    LIMIT 1
) IS NULL
ORDER BY f.place
"""

# The indexes of parts of texts (tracks/trigrams.py), of which there are none without pg_trgm.
_GIN = """
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
WHERE i.indrelid = 'tracks_track'::regclass AND a.amname = 'gin' AND pg_has_role(c.relowner, 'USAGE')
"""
# Sort in what they have collected, which every search would have to read.
_SORT_IN = f"SELECT gin_clean_pending_list(c.oid) {_GIN}"
_DEFINITIONS = f"SELECT i.indexrelid::regclass, pg_get_indexdef(i.indexrelid) {_GIN}"

# A first load of as many rows builds them at its end: seven seconds for a million rows, not sixty.
MANY = 50_000

# Memory for the indexes, in each of which a new row has a place of its own. A load takes of it what
# it needs: one of 3,503 tracks less than 2 MB.
SQLITE_KB = 262_144
POSTGRESQL_KB = 65_536


class CatalogueError(ValueError):
    """A file that cannot be loaded. The message names the file, the line and the column."""


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
        """Return what distinguishes two tracks. Correcting genre or composer keeps the identity."""
        return self.title, self.album, self.artist, self.duration_ms


@dataclass(frozen=True, slots=True)
class Loaded:
    added: int
    already_there: int


def read(path: Path, copies: int = 1) -> list[Row]:
    """Return the rows of the file after checking each.

    Raise CatalogueError for the first fault. Its message gives line and column, what was found and
    what was expected. It names the format of a compressed file or a spreadsheet.
    """
    try:
        with open(path, "rb") as file:
            if kind := filetypes.kind_of(file.peek()):
                raise CatalogueError(f"{path}, line 1: {kind} found; expected {FORMAT}")
            # A byte that is not UTF-8 becomes a lone surrogate, which _row finds with its column.
            text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
            return _read(text, path, copies)
    except IsADirectoryError:
        raise CatalogueError(f"{path}: a folder found; expected {FORMAT}") from None
    except OSError as error:
        raise CatalogueError(f"{path}: {error.strerror}") from None


def load(rows: list[Row], copies: int = 1, progress: Callable[[int], None] = lambda done: None) -> Loaded:
    """Add the missing tracks in one transaction.

    Call `progress` after each batch with the number of rows in it.
    """
    added = 0
    with connection.cursor() as cursor, _more_memory(cursor), transaction.atomic():
        if connection.vendor == "postgresql":
            # The indexes of parts of texts (GIN) collect this much, and then sort it in.
            cursor.execute(f"SET LOCAL work_mem = {POSTGRESQL_KB}")
            cursor.execute(f"SET LOCAL gin_pending_list_limit = {POSTGRESQL_KB}")
        _write_file(rows, cursor)
        definitions = _drop_indexes_of_parts(cursor) if len(rows) * copies >= MANY else []
        for number in range(1, copies + 1):
            for first in range(0, len(rows), BATCH):
                batch = rows[first : first + BATCH]
                cursor.execute(_ADD, _parameters(_suffix(number), first))
                added += cursor.rowcount
                progress(len(batch))
                reset_queries()  # with DEBUG on, Django keeps the text of the last 9,000 statements
            # Once per doubling of the table. Autovacuum does not see an open transaction, so
            # without this PostgreSQL would plan for an empty table and read all of it per batch.
            if added and number.bit_count() == 1:
                _analyze()
        cursor.execute("DROP TABLE tracks_file")
        if definitions:
            connection.check_constraints()  # PostgreSQL builds no index before the foreign keys are checked
        for definition in definitions:
            cursor.execute(definition)
        if added and connection.vendor == "postgresql":
            cursor.execute(_SORT_IN)
        if added:
            _analyze()  # for the API's queries; on SQLite nothing else ever does
    return Loaded(added, len(rows) * copies - added)


def _suffix(number: int) -> str:
    return f" (copy {number})" if number > 1 else ""


def _read(file, path, copies):
    raw = []  # the lines of the current row
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
    """Return what is wrong with a row that csv refused: `text`, which begins in that line.

    The fault lies in the first cell that has no proper end or is longer than csv reads.
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
    """Return a message with the byte at that place, and the cell as Windows-1252 would read it."""
    around = text[max(at - 20, 0) : at + 20].encode(errors="surrogateescape").decode("cp1252", "replace")
    return f"byte 0x{ord(text[at]) - 0xDC00:02X} found, which is not UTF-8; in Windows-1252 it is {around!r}"


def _genres(rows):
    """Return the genres' ids by name.

    Lock their rows, so that a second load waits for this one and then finds its tracks.
    """
    names = {row.genre for row in rows}
    Genre.objects.bulk_create([Genre(name=name) for name in sorted(names)], ignore_conflicts=True)
    locked = Genre.objects.order_by("pk").select_for_update(no_key=True)
    return {genre.name: genre.pk for genre in locked if genre.name in names}


def _albums(rows):
    """Return the albums' ids by title and artist's name."""
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


@contextmanager
def _more_memory(cursor):
    """Let SQLite keep SQLITE_KB of the indexes in memory, instead of 2 MB."""
    if connection.vendor != "sqlite":
        yield
        return
    before = cursor.execute("PRAGMA cache_size").fetchone()[0]
    cursor.execute(f"PRAGMA cache_size = -{SQLITE_KB}")
    try:
        yield
    finally:
        cursor.execute(f"PRAGMA cache_size = {before}")


def _drop_indexes_of_parts(cursor) -> list[str]:
    """Drop PostgreSQL's indexes of parts of texts, and return the statements that make them again.

    Only while there is no track, since readers of the table wait until the load ends.
    """
    if connection.vendor != "postgresql" or Track.objects.exists():
        return []
    cursor.execute(_DEFINITIONS)
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in indexes]


def _write_file(rows, cursor):
    """Write the rows into a temporary table, with the ids of their albums and genres."""
    genres, albums = _genres(rows), _albums(rows)
    types = ", ".join(f"{name} {Track._meta.get_field(name).db_type(connection)}" for name in _FILE_COLUMNS)
    cursor.execute(f"CREATE TEMPORARY TABLE tracks_file (place integer PRIMARY KEY, {types})")
    for first in range(0, len(rows), BATCH):
        written = [
            (place, row.title, albums[row.album, row.artist], genres[row.genre], row.composer, row.duration_ms)
            for place, row in enumerate(rows[first : first + BATCH], first)
        ]
        cursor.executemany(_WRITE, written)


def _parameters(suffix, first):
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    return {"suffix": suffix, "now": now, "first": first, "last": first + BATCH - 1}


def _analyze():
    """Update the statistics by which the planner chooses an index."""
    with connection.cursor() as cursor:
        for model in (Artist, Album, Genre, Track):
            cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _batches(items):
    for start in range(0, len(items), BATCH):
        yield items[start : start + BATCH]
