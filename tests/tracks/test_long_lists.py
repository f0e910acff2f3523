"""Lists of more than LONG tracks: what each page reads."""

import pytest
from django.db import connection

from tests.support.track_rows import LIST, client
from tracks import pagination
from tracks.models import Album, Artist, Genre, Track

pytestmark = pytest.mark.django_db

COUNT = 400


@pytest.fixture
def many(users, monkeypatch):
    """Create 400 tracks, and let each list count as long."""
    monkeypatch.setattr(pagination, "LONG", 0)
    artists = [Artist.objects.create(name=f"Artist {number}") for number in range(5)]
    albums = [Album.objects.create(title=f"Album {number}", artist=artists[number % 5]) for number in range(20)]
    genres = [Genre.objects.create(name=name) for name in ("Rock", "Jazz", "Pop")]
    owners = [None, users["owner"], users["other"]]
    Track.objects.bulk_create(
        Track(
            title=f"T{number * 7 % COUNT}",
            album=albums[number % 20],
            genre=genres[number % 3],
            duration_ms=1 + number % 9,
            owner=owners[number % 3],
        )
        for number in range(COUNT)
    )


@pytest.fixture
def analyzed(many):
    """Update the statistics of all tables, those of the users too."""
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def page_of(api, query: str) -> tuple[list[int], str]:
    """Return the ids of the tracks that a page shows, and the statement that read it."""
    statements = []

    def note(execute, sql, params, many, context):
        statements.append(connection.ops.last_executed_query(context["cursor"].cursor, sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        answer = api.get(f"{LIST}?{query}")
    assert answer.status_code == 200, answer.content
    return [track["id"] for track in answer.json()["results"]], statements[-1]


def plan_of(statement: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        return [row[-1] for row in cursor.fetchall()]


# The index that SQLite reads; none for the order by id, which is that of the table.
INDEXES = {
    "ordering=id": "",
    "ordering=-id&page=9": "",
    "ordering=duration_ms&page=3": "COVERING INDEX tracks_track_duration",
    "ordering=-duration_ms&page=9": "COVERING INDEX tracks_track_duration",
    "ordering=-duration_ms&page=16": "COVERING INDEX tracks_track_duration",
    "ordering=title&page=15": "COVERING INDEX tracks_track_title",
    "ordering=-created": "COVERING INDEX tracks_track_created",
    "genre=Rock&ordering=-title&page=5": "COVERING INDEX tracks_track_genre_title (genre_id=?)",
    # SQLite chose the index on the filter's column here, and sorted what it found.
    "duration_ms__gte=3&ordering=created": "INDEX tracks_track_created",
    "created__gte=2020-01-01&ordering=duration_ms": "INDEX tracks_track_duration",
}


@pytest.mark.parametrize("query", INDEXES)
def test_only_the_index_of_the_order_is_read_up_to_a_page(analyzed, users, query):
    _, statement = page_of(client(users["owner"]), query)
    inner = statement.split(" IN (SELECT ")[1].split(" LIMIT ")[0]
    assert "JOIN" not in inner.split(" WHERE ")[0]
    if connection.vendor == "sqlite":
        page, _, ids, *_ = plan_of(statement)
        assert "tracks_track USING INTEGER PRIMARY KEY (rowid=?)" in page
        assert INDEXES[query] in ids


@pytest.mark.parametrize(
    "order",
    ["id", "-id", "duration_ms", "-duration_ms", "title", "-artist", "album", "genre,-duration_ms", "-created,title"],
)
def test_each_page_shows_what_the_whole_list_has_there(many, users, order):
    api = client(users["owner"])
    for query in ("", "&genre=Rock", "&owner=me", "&search=album"):
        found = {}
        for size, long in ((100, 10_000), (50, 0)):
            pagination.LONG = long  # the fixture's monkeypatch undoes it
            count = api.get(f"{LIST}?{query}").json()["count"]
            numbers = range(1, -(-count // size) + 1)
            pages = [page_of(api, f"ordering={order}{query}&page_size={size}&page={number}")[0] for number in numbers]
            found[size] = [track for page in pages for track in page]
        assert found[50] == found[100]
        assert len(set(found[50])) == count


def offset_of(statement: str) -> int:
    return int(statement.split(" OFFSET ")[1].split(")")[0]) if " OFFSET " in statement else 0


@pytest.mark.parametrize(
    ("query", "offset"),
    [
        ("page=1", 0),
        ("page=12", 275),
        ("page=13", 75),
        ("page=16", 0),
        ("ordering=-title&page=16", 0),
        ("page=58&page_size=7", 0),
        ("genre=Rock&page=6", 125),
        ("genre=Rock&page=6&ordering=-duration_ms", 125),
    ],
)
def test_a_page_near_the_end_is_read_from_there(many, users, django_assert_num_queries, query, offset):
    with django_assert_num_queries(2):
        _, statement = page_of(client(users["owner"]), query)
    assert offset_of(statement) == offset


@pytest.mark.parametrize("change", ["add", "delete"])
@pytest.mark.parametrize("query", ["page=15", "page=15&ordering=title", "page=16"])
def test_a_track_that_comes_or_goes_after_the_count_moves_no_page(many, users, change, query):
    api = client(users["owner"])
    last = Track.objects.order_by("title", "id").last()
    new = {"title": "U", "album": last.album, "genre": last.genre, "duration_ms": 1}
    before, _ = page_of(api, query)
    if change == "delete":
        Track.objects.create(**new)
    changes = []

    def change_before_the_page(execute, sql, params, many, context):
        if " IN (SELECT " in sql and not changes:
            changes.append(change)
            Track.objects.create(**new) if change == "add" else Track.objects.filter(title="U").delete()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(change_before_the_page):
        after, _ = page_of(api, query)
    assert changes
    assert after == before
