"""Pages of tracks: queries, order, size, the browsable API and the admin."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from drf_spectacular.generators import SchemaGenerator
from rest_framework.test import APIRequestFactory

from tests.support.track_rows import LIST, client, url
from tracks import pagination, urls
from tracks.filters import TrackFilter
from tracks.models import Album, Artist, Genre, Track
from tracks.views import TrackViewSet

pytestmark = pytest.mark.django_db


# --- cost -----------------------------------------------------------------------------------------


@pytest.fixture
def many(users, rock):
    """Create 120 tracks, each with an album and an artist of its own.

    No two queries can therefore share a row by chance.
    """
    for number in range(120):
        album = Album.objects.create(title=f"Album {number}", artist=Artist.objects.create(name=f"Artist {number}"))
        Track.objects.create(
            title=f"T{number}", album=album, genre=rock, duration_ms=1 + number % 7, owner=users["owner"]
        )


@pytest.mark.parametrize("long", [10_000, 0])
@pytest.mark.parametrize("page_size", [1, 25, 100])
@pytest.mark.parametrize(
    "query",
    [
        "",
        "genre=Rock&ordering=-duration_ms",
        "genre__in=Rock,Jazz",
        "artist__icontains=art",
        "search=album",
        "owner=me",
        "ordering=artist,-album",
        "page=last",
    ],
)
def test_a_page_takes_two_queries_whatever_its_size(
    many, users, monkeypatch, django_assert_num_queries, query, page_size, long
):
    monkeypatch.setattr(pagination, "LONG", long)
    api = client(users["owner"])
    with django_assert_num_queries(2):
        answer = api.get(f"{LIST}?{query}&page_size={page_size}")
    assert len(answer.json()["results"]) == min(page_size, 20 if query == "page=last" and page_size > 20 else 120)


def test_the_count_joins_nothing_and_the_page_fetches_no_secret(many, users, django_assert_num_queries):
    with django_assert_num_queries(2) as queries:
        client(users["owner"]).get(f"{LIST}?genre=Rock&artist__icontains=art&search=album")
    count, page = (query["sql"] for query in queries.captured_queries)
    assert "JOIN" not in count.split("WHERE")[0]
    assert '"username"' in page
    assert "password" not in page
    assert "email" not in page


@pytest.mark.parametrize(
    ("query", "index"),
    [
        ("genre=Rock&ordering=-duration_ms", "tracks_track_genre_duration"),
        ("genre=Rock&ordering=duration_ms", "tracks_track_genre_duration"),
        ("genre=Rock&ordering=-title", "tracks_track_genre_title"),
        ("genre=Rock&ordering=-created", "tracks_track_genre_created"),
        ("ordering=-duration_ms", "tracks_track_duration"),
        ("ordering=title", "tracks_track_title"),
        ("ordering=-created", "tracks_track_created"),
        ("owner=me&ordering=-id", "tracks_track_owner"),
    ],
)
def test_an_index_gives_the_order_so_that_a_page_stops_early(many, users, query, index):
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads a table this small from end to end")
    with connection.cursor() as cursor:
        # Without the statistics of another test's tracks, which the database keeps.
        cursor.execute("ANALYZE")
        cursor.execute("DELETE FROM sqlite_stat1")
        cursor.execute("ANALYZE sqlite_schema")
    parameters = dict(part.split("=") for part in query.split("&"))
    request = APIRequestFactory().get(LIST, parameters)
    request.user = users["owner"]
    filters = TrackFilter(request.GET, TrackViewSet.queryset.all(), request=request)
    plan = filters.qs[:25].explain()
    assert f"INDEX {index}" in plan
    assert "TEMP B-TREE" not in plan


# --- pages ----------------------------------------------------------------------------------------


def test_pages_hold_25_tracks_and_a_client_may_ask_for_100(many, users):
    api = client(users["owner"])
    answer = api.get(LIST).json()
    assert (len(answer["results"]), answer["count"], answer["previous"]) == (25, 120, None)
    assert len(api.get(answer["next"]).json()["results"]) == 25
    assert len(api.get(f"{LIST}?page_size=100").json()["results"]) == 100


@pytest.mark.parametrize("page_size", ["0", "101", "-1", "ten", "1.0", "1e2", "1_0", "9" * 5000, "NaN", "٣"])
def test_a_page_size_that_cannot_be_is_refused_and_not_replaced(many, users, page_size):
    answer = client(users["owner"]).get(LIST, {"page_size": page_size})
    assert answer.status_code == 400
    assert answer.json() == {"page_size": ["Enter a whole number from 1 to 100."]}


@pytest.mark.parametrize("page", ["0", "-1", "6", "x", "9" * 5000])
def test_a_page_that_is_not_there_is_not_found(many, users, page):
    assert client(users["owner"]).get(LIST, {"page": page}).status_code == 404


@pytest.mark.parametrize("page", ["1_0", "1\u0660", "\uff11\uff10", "\u0967\u0966", "+10"])
def test_a_page_is_written_in_digits_and_in_no_other_way(many, users, page):
    api = client(users["owner"])
    assert api.get(LIST, {"page": "10", "page_size": 10}).status_code == 200
    assert api.get(LIST, {"page": "last", "page_size": 10}).status_code == 200
    answer = api.get(LIST, {"page": page, "page_size": 10})
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Invalid page."}


@pytest.mark.parametrize("ordering", ["", "genre", "-genre", "duration_ms", "-duration_ms", "genre,-duration_ms"])
def test_pages_neither_repeat_nor_skip_a_track(many, users, ordering):
    api = client(users["owner"])
    ids = [
        track["id"]
        for page in range(1, 13)
        for track in api.get(LIST, {"ordering": ordering, "page": page, "page_size": 10}).json()["results"]
    ]
    assert sorted(ids) == sorted(Track.objects.values_list("pk", flat=True))


# --- pages in HTML --------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [LIST, f"{LIST}?genre=Rock&ordering=-title", f"{LIST}?genre=Rok"])
def test_the_browsable_api_has_a_filter_form_that_lists_no_rows(many, users, path):
    answer = client(users["owner"]).get(path, headers={"Accept": "text/html"})
    page = answer.content.decode()
    assert answer.status_code == 200
    for name in TrackFilter.base_filters:
        assert f'name="{name}"' in page
    assert "<option" in page
    assert not [line for line in page.splitlines() if "<option" in line and "Album" in line and "119" in line]


@pytest.mark.parametrize("query", ["nonsense=1", "ordering=nonsense", "duration_ms__gte=x", "page_size=0"])
def test_the_browsable_api_shows_a_refusal_as_a_page(many, users, query):
    answer = client(users["owner"]).get(f"{LIST}?{query}", headers={"Accept": "text/html"})
    assert answer.status_code == 400
    assert query.split("=")[0] in answer.content.decode()


def test_the_browsable_api_shows_one_track(tracks, users):
    answer = client(users["owner"]).get(url(tracks["created"]), headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert "YYZ" in answer.content.decode()


def test_every_parameter_is_documented():
    operations = SchemaGenerator(patterns=urls.urlpatterns).get_schema(public=True)["paths"]
    parameters = {parameter["name"]: parameter for parameter in operations["/tracks/"]["get"]["parameters"]}
    assert set(parameters) == {*TrackFilter.base_filters, "page", "page_size"}
    assert all(parameter["description"] for parameter in parameters.values())
    assert parameters["owner"]["schema"] == {"type": "string", "enum": ["me"]}
    assert parameters["duration_ms__gte"]["schema"]["type"] == "integer"
    assert [parameter["name"] for parameter in operations["/tracks/{id}/"]["get"]["parameters"]] == ["id"]


# --- the admin ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "/admin/tracks/track/",
        "/admin/tracks/album/",
        "/admin/tracks/artist/",
        "/admin/tracks/genre/",
        "/admin/autocomplete/?app_label=tracks&model_name=track&field_name=album&term=Album",
    ],
)
def test_an_admin_page_takes_the_same_queries_however_many_rows_it_shows(admin_client, many, path):
    def queries():
        with CaptureQueriesContext(connection) as captured:
            assert admin_client.get(path).status_code == 200
        return len(captured)

    all_rows = queries()
    Track.objects.exclude(pk=Track.objects.first().pk).delete()
    Album.objects.filter(tracks=None).delete()
    Artist.objects.filter(albums=None).delete()
    assert queries() == all_rows


def test_the_admin_changes_a_track_without_listing_every_album(admin_client, many):
    page = admin_client.get(f"/admin/tracks/track/{Track.objects.first().pk}/change/").content.decode()
    assert page.count("<option") < 10


@pytest.mark.parametrize("used", [True, False])
def test_the_admin_deletes_a_genre_only_when_no_track_has_it(admin_client, many, used):
    genre = Genre.objects.get(name="Rock" if used else "Jazz")
    answer = admin_client.post(f"/admin/tracks/genre/{genre.pk}/delete/", {"post": "yes"})
    assert answer.status_code == (403 if used else 302)
    assert Genre.objects.filter(pk=genre.pk).exists() is used
