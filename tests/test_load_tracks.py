"""`manage.py load_tracks`: all of a file or nothing, and never twice."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from tracks import catalogue
from tracks.models import Album, Artist, Genre, Track

pytestmark = pytest.mark.django_db

HEADER = "title,album,artist,genre,composer,duration_ms\n"
GOOD = "So What,Kind of Blue,Miles Davis,Jazz,Davis,545000\n"
OTHER = "Freddie,Kind of Blue,Miles Davis,Jazz,,574000\n"


def load(*arguments, **options):
    out = io.StringIO()
    call_command("load_tracks", *arguments, stdout=out, **options)
    return out.getvalue().strip()


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
        ("", "line 1: no header"),
        ("title;album;artist;genre;composer;duration_ms\n", "line 1, column title: missing"),
        (HEADER.replace("composer,", ""), "line 1, column composer: missing"),
        (HEADER.replace("composer", "title"), "line 1, column title: there more than once"),
        (HEADER.replace("duration_ms", "duration_ms,price"), "line 1, column 'price': unknown"),
        (HEADER.replace("genre", "Genre"), "line 1, column genre: missing"),
        (GOOD, "line 1, column title: missing"),
        (HEADER.encode("utf-16"), "line 1, column title: missing"),
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
        (HEADER + GOOD + 'Title,"Album,Artist,Jazz,,1\n', "line 3: unexpected end of data"),
        (HEADER + GOOD + 'Title,"Al"bum,Artist,Jazz,,1\n', "line 3: "),
        (HEADER + GOOD + f"{'x' * 200_000},Album,Artist,Jazz,,1\n", "line 3: field larger than"),
        ((HEADER + GOOD).encode() + b"Title,Caf\xe9,Artist,Jazz,,1\n", "line 3, column album: 'Caf\\udce9'"),
        # Lines as an editor counts them: two inside a quoted cell, and an empty one.
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


def test_a_title_leaves_room_for_the_number_of_its_copy(file):
    path = file(HEADER + GOOD.replace("So What", "x" * 191))
    assert load(path, copies=9).endswith("9 added, 0 already there")
    with pytest.raises(CommandError, match="line 2, column title: 191 characters, at most 190 allowed"):
        load(path, copies=10)


@pytest.mark.parametrize("path", ["/nowhere/catalogue.csv", "/"])
def test_a_file_that_cannot_be_read_is_named(path):
    with pytest.raises(CommandError, match=f"^{path}: "):
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
