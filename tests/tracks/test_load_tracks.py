"""`manage.py load_tracks` loads all of a file or nothing, and never the same file twice."""

import bz2
import gzip
import io
import lzma
import os
import threading
import time
import zipfile
from codecs import BOM_UTF16_BE, BOM_UTF32_BE
from contextlib import suppress

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.support.stock import postgresql_only
from tests.support.threads import at_once
from tracks import catalogue
from tracks.models import Album, Artist, Genre, Track

pytestmark = pytest.mark.django_db

HEADER = "title,album,artist,genre,composer,duration_ms\n"
GOOD = "So What,Kind of Blue,Miles Davis,Jazz,Davis,545000\n"
OTHER = "Freddie,Kind of Blue,Miles Davis,Jazz,,574000\n"


QUOTED = '"title","album","artist","genre","composer","duration_ms"\n'
UNCLOSED = "no quotation mark closes the cell that begins with"
NOT_UTF_8 = "byte 0xE9 found, which is not UTF-8; in Windows-1252 it is"


def zipped(*names: str) -> bytes:
    """Return a zip archive with these members, such as those that a spreadsheet consists of."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, "application/vnd.oasis.opendocument.spreadsheet" if name == "mimetype" else "x")
    return file.getvalue()


def load(*arguments, **options):
    out = io.StringIO()
    call_command("load_tracks", *arguments, stdout=out, **options)
    return out.getvalue().strip()


def indexes_of_parts():
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'tracks_track' AND indexdef LIKE '%gin%'")
        return {definition for (definition,) in cursor.fetchall()}


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "catalogue.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_the_packages_own_file_is_loaded_once_however_often_it_is_asked_for():
    assert load() == "3503 tracks in the file, 3503 added, 0 already there"
    assert load() == "3503 tracks in the file, 0 added, 3503 already there"
    counts = {model: model.objects.count() for model in (Track, Album, Artist, Genre)}
    assert counts == {Track: 3503, Album: 347, Artist: 204, Genre: 25}
    assert not Track.objects.exclude(owner=None).exists()


@pytest.mark.parametrize(
    ("runs", "says"),
    [
        ([1, 1], "2 tracks in the file, 0 added, 2 already there"),
        ([1, 3], "2 tracks in the file, 4 added, 2 already there"),
        ([3, 3], "2 tracks in the file, 0 added, 6 already there"),
        ([3, 1], "2 tracks in the file, 0 added, 2 already there"),
        ([3, 4], "2 tracks in the file, 2 added, 6 already there"),
    ],
)
def test_only_the_copies_that_are_missing_are_added(file, runs, says):
    path = file(HEADER + GOOD + OTHER)
    for copies in runs:
        said = load(path, copies=copies)
    assert said == says
    wanted = [
        title + suffix
        for title in ("So What", "Freddie")
        for suffix in ("", " (copy 2)", " (copy 3)", " (copy 4)")[: max(runs)]
    ]
    assert sorted(Track.objects.values_list("title", flat=True)) == sorted(wanted)


def test_a_track_that_was_deleted_comes_back_alone(file):
    path = file(HEADER + GOOD + OTHER)
    load(path, copies=2)
    Track.objects.get(title="Freddie (copy 2)").delete()
    assert load(path, copies=2) == "2 tracks in the file, 1 added, 3 already there"


def test_a_corrected_genre_or_composer_makes_no_other_track(file):
    load(file(HEADER + GOOD))
    assert load(file(HEADER + GOOD.replace("Davis,545", "M. Davis,545"))).endswith("0 added, 1 already there")
    assert load(file(HEADER + GOOD.replace("545000", "545001"))).endswith("1 added, 0 already there")


def test_a_users_own_track_is_no_catalogue_track(file):
    path = file(HEADER + GOOD)
    load(path)
    Track.objects.update(owner=get_user_model().objects.create_user("alice"))
    assert load(path).endswith("1 added, 0 already there")


def test_what_the_file_says_is_what_is_stored(file):
    path = file(
        "\ufeffduration_ms,genre,artist,album,title,composer\r\n"
        '1,Pop,"Earth, Wind & Fire","The ""Best"" of",  Boogie\u00a0Wonderland ,\r\n'
        "\r\n"
    )
    assert load(path) == "1 tracks in the file, 1 added, 0 already there"
    track = Track.objects.get()
    assert (track.title, track.album.title, track.album.artist.name, track.genre.name) == (
        "Boogie\u00a0Wonderland",
        'The "Best" of',
        "Earth, Wind & Fire",
        "Pop",
    )
    assert (track.composer, track.duration_ms, track.owner) == ("", 1, None)


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ("", "line 1: no header; the file is empty; expected CSV in UTF-8"),
        ("\ufeff\r\n\n", "line 1: no header; the file is empty"),
        # Names of columns.
        (
            HEADER.replace("composer,", ""),
            "line 1, column composer: missing; found 'title', 'album', 'artist', 'genre'",
        ),
        (HEADER.replace("composer", "title"), "line 1, column title: there more than once; found 'title', 'album'"),
        (HEADER.replace("duration_ms", "duration_ms,price"), "line 1, column 'price': unknown; found 'title'"),
        (HEADER.replace("genre", "Genre"), "line 1, column genre: missing; perhaps 'Genre'; found"),
        (HEADER.replace("genre", " genre"), "line 1, column genre: missing; perhaps ' genre'; found"),
        (HEADER.replace("composer", "compser"), "line 1, column composer: missing; perhaps 'compser'; found"),
        (HEADER.replace("duration_ms", "duration"), "line 1, column duration_ms: missing; perhaps 'duration'; found"),
        (HEADER.replace("composer", "t\u00eftle"), "line 1, column composer: missing; found"),
        (GOOD, "line 1, column title: missing; found 'So What', 'Kind of Blue'"),
        ("x" * 100_000, f"line 1, column title: missing; found '{'x' * 40}'; expected title,album"),
        # Separators.
        *(
            (
                lead + HEADER.replace(",", mark) + GOOD.replace(",", mark),
                f"line {line}: {found} between the columns found",
            )
            for mark, found in [(";", "semicolons"), ("\t", "tabs"), ("|", "vertical bars"), (" ; ", "semicolons")]
            for lead, line in [("", 1), ("\ufeff", 1), ("\n\n", 3)]
        ),
        (QUOTED.replace(",", ";"), "line 1: semicolons between the columns found; expected CSV in UTF-8, separated"),
        (QUOTED.replace(",", "\t").upper(), "line 1: tabs between the columns found"),
        # Encodings, compression and other formats.
        *(
            ((HEADER + GOOD).encode(encoding), f"line 1: {found} found; expected CSV in UTF-8")
            for encoding, found in [
                ("utf-16", "UTF-16"),
                ("utf-32", "UTF-32"),
                *((name, "NUL bytes, as in a binary file or in UTF-16") for name in ("utf-16-le", "utf-16-be")),
            ]
        ),
        (BOM_UTF16_BE + HEADER.encode("utf-16-be"), "line 1: UTF-16 found"),
        (BOM_UTF32_BE + HEADER.encode("utf-32-be"), "line 1: UTF-32 found"),
        *(
            (compress((HEADER + GOOD).encode()), f"line 1: {name} compression found; expected CSV in UTF-8")
            for name, compress in [("gzip", gzip.compress), ("bzip2", bz2.compress), ("xz", lzma.compress)]
        ),
        (b"\x28\xb5\x2f\xfd\x24\x00", "line 1: zstd compression found"),
        (zipped("catalogue.csv"), "line 1: a zip archive found"),
        (zipped(), "line 1: a zip archive found"),
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "line 1: an Excel workbook (.xlsx) found"),
        (zipped("docProps/app.xml", "xl/workbook.xml"), "line 1: an Excel workbook (.xlsx) found"),
        (zipped("mimetype"), "line 1: an OpenDocument spreadsheet (.ods) found"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "line 1: an old Excel workbook (.xls) found"),
        (b"SQLite format 3\0" + bytes(84), "line 1: an SQLite database found"),
        *((text, "line 1: JSON found") for text in ('[{"title": "So What"}]', '\ufeff\n {"title": "So What"}\n', "[]")),
        *((text, "line 1: HTML or XML found") for text in ("<!DOCTYPE html>\n", '<?xml version="1.0"?>')),
        (bytes(range(256)), "line 1: NUL bytes, as in a binary file or in UTF-16 found"),
        (b"\x89PNG\r\n\x1a\n\0\0", "line 1, column 1: byte 0x89 found, which is not UTF-8"),
        (HEADER.replace("genre", "g\u00e9nero").encode("latin-1"), "line 1, column 4: byte 0xE9 found"),
        *(
            (HEADER + GOOD + row, f"line 3, column {column}: {problem}")
            for row, column, problem in [
                (",Album,Artist,Jazz,,1\n", "title", "empty"),
                ("  ,Album,Artist,Jazz,,1\n", "title", "empty"),
                ("Title,,Artist,Jazz,,1\n", "album", "empty"),
                ("Title,Album,\t,Jazz,,1\n", "artist", "empty"),
                ("Title,Album,Artist,,,1\n", "genre", "empty"),
                (f"{'x' * 201},Album,Artist,Jazz,,1\n", "title", "201 characters, at most 200"),
                (f"Title,Album,Artist,{'x' * 51},,1\n", "genre", "51 characters, at most 50"),
                (f"Title,Album,Artist,Jazz,{'x' * 301},1\n", "composer", "301 characters, at most 300"),
                ("Ti\0tle,Album,Artist,Jazz,,1\n", "title", "a NUL character"),
                *(
                    (f"Title,Album,Artist,Jazz,,{value}\n", "duration_ms", f"{value!r} is not a whole number")
                    for value in ("", "0", "-1", "1.5", "long", "1e3", "NaN", "1_0", "2147483648", "9" * 30)
                ),
                ("Title,Album,Artist,Jazz,,٣\n", "duration_ms", "'\\u0663' is not a whole number"),
                (GOOD, "title", "the same track as in line 2"),
                (GOOD.replace("Jazz,Davis", "Pop,"), "title", "the same track as in line 2"),
            ]
        ),
        (HEADER + GOOD + "Title,Album,Artist,Jazz,1\n", "line 3: 6 columns expected, 5 found"),
        (HEADER + GOOD + "Title,Album,Artist,Jazz,,1,\n", "line 3: 6 columns expected, 7 found"),
        # Quotation marks.
        (HEADER + GOOD + 'Title,"Album,Artist,Jazz,,1\n', f"line 3, column album: {UNCLOSED} 'Album,Artist,Jazz,,1'"),
        (HEADER + GOOD + 'A,"B""\n' + OTHER, f"line 3, column album: {UNCLOSED} 'B\"\"\\nFreddie,Kind of '"),
        (HEADER + GOOD + 'Title,"Alb\r\num","Artist,Jazz,,1\n', f"line 4, column artist: {UNCLOSED} 'Artist,Jazz,,1"),
        (HEADER + 'A,"B\n\n\n",C,"D\nE",F\n' + OTHER, "line 2: 6 columns expected, 5 found; in quotation marks the"),
        (HEADER + GOOD + '"' + OTHER * 5000, f"line 3, column title: {UNCLOSED} 'Freddie,Kind of Blue'"),
        ('"title,album\n', f"line 1, column 1: {UNCLOSED} 'title,album\\n'"),
        (HEADER + GOOD + 'Title,"Al"bum,Artist,Jazz,,1\n', "line 3, column album: 'bum,Artist,Jazz,,1\\n' follows the"),
        (
            HEADER + GOOD + 'Title,"Album,Artist,Jazz,,1\n' + OTHER + 'B,C,"Earth, Wind",Pop,,1\n',
            "line 3, column album: 'Earth, Wind\",Pop,,1\\n' follows the quotation mark that closes the cell in line 5",
        ),
        (
            HEADER + GOOD + 'A,"B,C,Jazz,,1\n' + OTHER * 5 + 'A,B",C,Pop,,1\n' + OTHER,
            "line 3, column album: 245 characters, at most 200 allowed; in quotation marks the row goes on to line 9",
        ),
        (
            HEADER + GOOD + f"{'x' * 200_000},Album,Artist,Jazz,,1\n",
            "line 3, column title: field larger than field limit",
        ),
        (
            HEADER + GOOD + f'A,"{"x" * 200_000}",Artist,Jazz,,1\n',
            "line 3, column album: field larger than field limit",
        ),
        # Bytes that are not UTF-8.
        ((HEADER + GOOD).encode() + b"Title,Caf\xe9,Artist,Jazz,,1\n", f"line 3, column album: {NOT_UTF_8} 'Café'"),
        (
            (HEADER + GOOD).encode() + b"T," + b"x" * 60 + b"\xe9" + b"y" * 60 + b",Artist,Jazz,,1\n",
            f"line 3, column album: {NOT_UTF_8} '{'x' * 20}é{'y' * 19}'",
        ),
        # Lines are counted as in an editor: two of these are inside a quoted cell, and one is
        # empty.
        (HEADER + 'A,Album,"Art\nist",Jazz,,1\n\n,Album,Artist,Jazz,,1\n', "line 5, column title: empty"),
        (HEADER + '"A\r\n\r\nB",Album,Artist,Jazz,,x\n', "line 2, column duration_ms"),
    ],
)
def test_a_wrong_file_is_told_by_line_and_column_and_loads_nothing(file, content, where):
    path = file(content)
    with pytest.raises(CommandError) as error:
        load(path)
    assert str(error.value).startswith(f"{path}, {where}")
    for model in (Track, Album, Artist, Genre):
        assert not model.objects.exists()


@examples(deadline=None)
@given(
    st.lists(st.sampled_from([*'",;\t\n\r\0 1é', '""', "\r\n", *HEADER.split(","), GOOD, OTHER]), max_size=30).map(
        "".join
    ),
    st.sampled_from(["", HEADER]),
    st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16"]),
)
def test_any_file_is_read_or_refused_in_one_line(tmp_path_factory, content, header, encoding):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes((header + content).encode(encoding))
    rows, problem = read(path)
    assert all(row.title and row.duration_ms for row in rows)
    assert problem == "" or problem.startswith(f"{path}, line ")
    assert len(problem.splitlines()) <= 1


def read(path):
    """Return the rows of the file and no problem, or no rows and the problem."""
    try:
        return catalogue.read(path), ""
    except catalogue.CatalogueError as error:
        return [], str(error)


@pytest.mark.parametrize(
    ("content", "titles", "says"),
    [
        (HEADER + GOOD, ["So What"], ""),
        (HEADER + "".join(f"{n},Album,Artist,Jazz,,9\n" for n in range(9000)), [f"{n}" for n in range(9000)], ""),
        ("[]", [], "line 1: JSON found"),
        ("", [], "line 1: no header"),
    ],
)
def test_a_pipe_is_read_as_a_file_is(tmp_path, content, titles, says):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=[content])
    writer.start()
    rows, problem = read(pipe)
    writer.join()
    assert [row.title for row in rows] == titles
    assert problem.startswith(f"{pipe}, {says}" if says else "")


def test_a_title_leaves_room_for_the_number_of_its_copy(file):
    path = file(HEADER + GOOD.replace("So What", "x" * 191))
    assert load(path, copies=9).endswith("9 added, 0 already there")
    with pytest.raises(CommandError, match="line 2, column title: 191 characters, at most 190 allowed"):
        load(path, copies=10)


@pytest.mark.parametrize(
    ("path", "says"),
    [("/nowhere/catalogue.csv", "No such file or directory"), ("/", "a folder found; expected CSV in UTF-8")],
)
def test_a_file_that_cannot_be_read_is_named(path, says):
    with pytest.raises(CommandError, match=f"^{path}: {says}"):
        load(path)


@pytest.mark.parametrize("copies", [0, -1, 10_001, 10**30])
def test_a_number_of_copies_that_cannot_be_meant_is_refused(file, copies):
    with pytest.raises(CommandError, match=f"^--copies {copies}: allowed: 1 to 10000$"):
        load(file(HEADER + GOOD), copies=copies)
    assert not Track.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_load_that_fails_half_way_leaves_nothing(file, monkeypatch):
    monkeypatch.setattr(catalogue, "BATCH", 1)
    rows = catalogue.read(file(HEADER + GOOD + OTHER))

    def progress(done):
        if Track.objects.count() == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catalogue.load(rows, progress=progress)
    assert not Genre.objects.exists()


def test_memory_and_statements_are_bounded_by_the_batch(file, django_assert_max_num_queries):
    path = file(HEADER + "".join(f"Title {n},Album,Artist,Jazz,,{n}\n" for n in range(1, 1201)))
    load(path)
    with django_assert_max_num_queries(20):
        load(path)


def test_it_is_silent_when_asked_to_be(file, capfd):
    call_command("load_tracks", file(HEADER + GOOD), verbosity=0)
    assert capfd.readouterr() == ("", "")
    assert Track.objects.count() == 1


def test_no_progress_bar_is_drawn_where_there_is_no_terminal(file, capfd):
    call_command("load_tracks", file(HEADER + GOOD))
    assert capfd.readouterr() == ("1 tracks in the file, 1 added, 0 already there\n", "")


@pytest.mark.django_db(transaction=True)
def test_of_two_loads_at_once_one_adds_what_is_missing(file):
    load(file(HEADER + GOOD))  # without new genres, artists or albums that one of them would wait for
    rows = catalogue.read(file(HEADER + GOOD + OTHER))

    def load_slowly():
        loaded = catalogue.load(rows, copies=2, progress=lambda done: time.sleep(0.2))
        return loaded.added, loaded.already_there

    assert sorted(at_once(load_slowly, load_slowly)) == [(0, 4), (3, 1)]
    assert Track.objects.count() == 4


def test_a_title_that_looks_like_a_copys_is_that_copy(file):
    path = file(HEADER + GOOD + GOOD.replace("So What", "So What (copy 2)"))
    assert load(path, copies=2).endswith("3 added, 1 already there")
    assert load(path, copies=2).endswith("0 added, 4 already there")


def test_the_copies_come_in_the_order_of_the_file_one_after_the_other(file):
    load(file(HEADER + GOOD + OTHER), copies=2)
    titles = ["So What", "Freddie", "So What (copy 2)", "Freddie (copy 2)"]
    assert list(Track.objects.order_by("pk").values_list("title", flat=True)) == titles


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [None, KeyboardInterrupt])
def test_the_connection_is_left_as_it_was(file, error):
    def progress(done):
        if error:
            raise error

    before = state_of_connection()
    with suppress(KeyboardInterrupt):
        catalogue.load(catalogue.read(file(HEADER + GOOD)), progress=progress)
    assert state_of_connection() == before


def state_of_connection() -> list:
    """Return what a load changes: the memory for indexes, and its temporary table."""
    queries = {
        "sqlite": ["PRAGMA cache_size", "SELECT name FROM temp.sqlite_master"],
        "postgresql": [
            "SHOW work_mem",
            "SHOW gin_pending_list_limit",
            "SELECT relname FROM pg_class WHERE relnamespace = pg_my_temp_schema()",
        ],
    }[connection.vendor]
    with connection.cursor() as cursor:
        return [cursor.execute(query).fetchall() for query in queries]


@postgresql_only
def test_no_new_row_waits_outside_of_the_indexes_of_searches(file):
    load(file(HEADER + GOOD))
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('tracks_track_title_part')")
        assert cursor.fetchone() == (0,)


@postgresql_only
@pytest.mark.parametrize(
    ("many", "is_there", "dropped"), [(2, False, 2), (3, False, 0), (2, True, 0)], ids=["large", "small", "not first"]
)
def test_a_large_first_load_builds_the_indexes_of_searches_at_its_end(file, monkeypatch, many, is_there, dropped):
    if is_there:
        load(file(HEADER + OTHER))
    before = indexes_of_parts()
    monkeypatch.setattr(catalogue, "MANY", many)
    statements = []

    def keep(execute, sql, *arguments):
        statements.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(keep):
        load(file(HEADER + GOOD), copies=2)
    assert sum(sql.startswith("DROP INDEX") for sql in statements) == dropped
    assert len(before) == 2
    assert indexes_of_parts() == before
    assert Track.objects.filter(title__icontains="WHAT (").count() == 1
