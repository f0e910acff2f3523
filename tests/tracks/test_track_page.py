"""Our list of tracks returns the same bytes as DRF's and django-filter's classes, at lower cost.

`urlpatterns` below are the project's, with a stock viewset in the place of ours.
"""

import json
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as project
from django.contrib.auth import get_user_model
from django.core.paginator import Paginator
from django.db.models.signals import post_init
from django_filters.rest_framework import DjangoFilterBackend
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rest_framework import renderers, serializers
from rest_framework.routers import SimpleRouter
from rest_framework.test import APIClient
from rest_framework.viewsets import ModelViewSet

from config.urls import handler400, handler403, handler404, handler500, urlpatterns  # noqa: F401
from tracks import pagination, views
from tracks.filters import TrackFilter
from tracks.models import Album, Artist, Genre, Track
from tracks.pagination import TrackPagination
from tracks.serializers import COLUMNS, TrackSerializer, column_of

pytestmark = pytest.mark.django_db

LIST = "/tracks/"


class StockSerializer(TrackSerializer):
    class Meta(TrackSerializer.Meta):
        extra_kwargs = {}  # DRF's own field makes text of moments


class StockPagination(TrackPagination):
    django_paginator_class = Paginator


class TrackViewSet(ModelViewSet):
    __doc__ = views.TrackViewSet.__doc__

    queryset = Track.objects.order_by("id")
    serializer_class = StockSerializer
    renderer_classes = [renderers.JSONRenderer, renderers.BrowsableAPIRenderer]
    pagination_class = StockPagination
    filter_backends = [DjangoFilterBackend]
    filterset_class = TrackFilter
    lookup_value_regex = views.TrackViewSet.lookup_value_regex

    def get_permissions(self):
        ours = views.TrackViewSet()
        ours.request = self.request
        return ours.get_permissions()

    def filter_queryset(self, queryset):
        return queryset if self.detail else super().filter_queryset(queryset)


router = SimpleRouter()
router.register("tracks", TrackViewSet, basename="track")
urlpatterns = [*router.urls, *urlpatterns]

# Title, composer: text that JSON escapes, that HTML escapes, and that one of them must not escape.
ODD = [
    ("So What", ""),
    ("Ænima", "Maynard Keenan"),
    ("夜に駆ける", "アヤセ"),
    ("Line\u2028and\u2029paragraph", "\u2028"),
    ('"Quoted" \\ back/slash', "</script><b>&amp;"),
    ("\x01\x1f\x7f\x80 control", "tab\tand\r\nline"),
    ("\U0001f3b5\ufeff\u200d\u0301", "e\u0301"),
    ("null", "1e400"),
]
START = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.fixture
def people():
    create = get_user_model().objects.create_user
    return {
        "alice": create("alice", "alice@example.org"),
        "søren.@+-_": create("søren.@+-_", "soren@example.org"),
        "staff": create("grace", "grace@example.org", is_staff=True),
    }


@pytest.fixture
def tracks(people):
    """Create sixty tracks in five albums of four artists.

    A third of them have an owner, and half of them were created on a full second.
    """
    genres = [Genre.objects.create(name=name) for name in ("Rock", "R&B/Soul", "Drum & Bass")]
    artists = [Artist.objects.create(name=f"Ärtist <{n}>") for n in range(4)]
    albums = [Album.objects.create(title=f"Album {n}\u2028", artist=artists[n % 4]) for n in range(5)]
    owners = list(people.values())
    made = Track.objects.bulk_create(
        Track(
            title=f"{ODD[n % len(ODD)][0]} {n // len(ODD)}",
            composer=ODD[n % len(ODD)][1],
            album=albums[n % 5],
            genre=genres[n % 3],
            duration_ms=1 + n % 7 * 100_000,
            owner=owners[n % 9] if n % 9 < len(owners) else None,
        )
        for n in range(60)
    )
    for n, track in enumerate(made):
        track.created = START + timedelta(days=n, microseconds=n % 2 * 4711)
        track.updated = track.created + timedelta(seconds=1)
    Track.objects.bulk_update(made, ["created", "updated"])
    return made


def client(user=None):
    api = APIClient(raise_request_exception=False)
    api.force_authenticate(user)
    return api


@contextmanager
def stock_urls():
    ours = project.ROOT_URLCONF
    project.ROOT_URLCONF = __name__  # the signal of override_settings would make Django compile all URLs again
    try:
        yield
    finally:
        project.ROOT_URLCONF = ours


def both(ask):
    """Return what `ask()` gets from our page and from the stock one."""
    ours = ask()
    with stock_urls():
        return ours, ask()


def wire(answer):
    """Return status, headers and body, without the random values in the forms of an HTML page."""
    body = answer.content
    if answer["Content-Type"].startswith("text/html"):
        body = re.sub(rb'("csrfToken": |name="csrfmiddlewaretoken" value=)"\w+"', b"", body)
    return answer.status_code, dict(answer.headers), body


def assert_alike(ask, status=None):
    ours, stock = both(ask)
    assert type(stock.renderer_context["view"]) is TrackViewSet
    assert type(ours.renderer_context["view"]) is views.TrackViewSet
    assert wire(ours) == wire(stock)
    assert ours.status_code == (status or ours.status_code)
    return ours


FOUND = [
    "",
    "page=2",
    "page=3",
    "page=last",
    "page=1&page_size=100",
    "page_size=1",
    "page_size=7&page=4",
    "page_size=7&page=8",
    "page_size=7&page=9&ordering=artist,-title",
    "page_size=1&page=60&ordering=-duration_ms",
    "page_size=1&page=46&ordering=-album",
    "page_size=&page=",
    *(
        f"ordering={sign}{name}"
        for sign in ("", "-")
        for name in ("id", "title", "album", "artist", "genre", "created")
    ),
    "ordering=",
    "ordering=duration_ms,-title&page=2",
    "title=null%202",
    "title__icontains=quoted",
    "album=Album%201%E2%80%A8",
    "album__icontains=album",
    "artist=%C3%84rtist%20%3C1%3E",
    "artist__icontains=rtist",
    "genre=R%26B/Soul",
    "genre__icontains=b&page_size=3&page=2",
    "genre__in=Rock,Drum%20%26%20Bass",
    "duration_ms__gte=200000&duration_ms__lte=400000&ordering=-duration_ms",
    "created__gte=2026-01-10T12:00:00Z&created__lte=2026-02-01T00:00:00%2B02:00",
    "search=%E5%A4%9C",
    "search=maynard%20album",
    "owner=me",
    "owner=me&ordering=-created&page_size=2&page=2",
    "genre=Polka",
    "search=nothing%20at%20all",
    "format=json",
    "format=json&page=2&page_size=5&genre=Rock",
]
REFUSED = {
    "nonsense=1": 400,
    "genre=Rock&genre=Rock": 400,
    "page_size=0": 400,
    "page_size=x": 400,
    "duration_ms__gte=x": 400,
    "owner=bob": 400,
    "ordering=nonsense": 400,
    "search=a%00b": 400,
    "genre=Rok&titel=x": 400,
    "page=0": 404,
    "page=4": 404,
    "page=x": 404,
    "genre=Polka&page=2": 404,
    "format=xml": 404,
}


@pytest.fixture(params=[10_000, 0], ids=["few tracks", "many tracks"])
def long(request, monkeypatch):
    """Read lists as if 10,000 tracks, or none, were few."""
    monkeypatch.setattr(pagination, "LONG", request.param)


@pytest.mark.parametrize("query", [*FOUND, *REFUSED])
def test_the_list_is_stocks_list_whatever_is_asked(tracks, people, long, query):
    assert_alike(lambda: client(people["alice"]).get(f"{LIST}?{query}"), REFUSED.get(query, 200))


@pytest.mark.parametrize("accept", ["application/json", "application/json; indent=2", "*/*", "text/html", "image/png"])
@pytest.mark.parametrize(
    "query", ["page_size=9", "genre=R%26B/Soul&page_size=3&page=2", "genre=Rok", "nonsense=1", "page=9"]
)
def test_the_list_is_stocks_list_however_it_is_wanted(tracks, people, query, accept):
    status = 406 if accept == "image/png" else REFUSED.get(query, 404 if query == "page=9" else 200)
    assert_alike(lambda: client(people["alice"]).get(f"{LIST}?{query}", headers={"Accept": accept}), status)


@pytest.mark.parametrize("accept", ["application/json", "application/json; indent=2", "text/html"])
def test_one_track_is_stocks_track(tracks, people, accept):
    for track in (*tracks[:9], tracks[-1]):
        path = f"{LIST}{track.pk}/"
        assert_alike(lambda path=path: client(people["alice"]).get(path, headers={"Accept": accept}), 200)
    assert_alike(lambda: client(people["alice"]).get(f"{LIST}2000000000/", headers={"Accept": accept}), 404)


def test_without_tracks_the_list_is_stocks_empty_list(people):
    answer = assert_alike(lambda: client(people["alice"]).get(LIST), 200)
    assert answer.content == b'{"count":0,"next":null,"previous":null,"results":[]}'


@pytest.mark.parametrize("path", [LIST, "{}/"])
@pytest.mark.parametrize("method", ["get", "head", "options", "post", "put", "patch", "delete"])
@pytest.mark.parametrize("who", [None, "alice"])
@pytest.mark.parametrize("anonymous_read", [False, True])
def test_whoever_may_is_answered_as_by_stock(tracks, people, settings, anonymous_read, who, method, path):
    settings.ANONYMOUS_READ = anonymous_read
    path = path.format(f"{LIST}{tracks[3].pk}")  # of the catalogue; "" is no track, so no method writes
    answer = assert_alike(lambda: getattr(client(people.get(who)), method)(path))
    if who or (anonymous_read and method in ("get", "head", "options")):
        assert answer.status_code in (200, 400, 403, 405)
    else:
        assert answer.status_code in (401, 405)


BODY = {
    "title": 'Ünter\u2028 "line"',
    "album": "New \U0001f3b5",
    "artist": "Nobody \\ yet",
    "genre": "R&B/Soul",
    "composer": "é\u2029",
    "duration_ms": 1,
}


@pytest.mark.parametrize(
    ("method", "change"),
    [("post", {}), ("put", {}), ("patch", {}), ("patch", {"duration_ms": 2_147_483_647}), ("post", {"composer": ""})],
)
def test_what_was_written_is_answered_as_stock_shows_it_then(tracks, people, method, change):
    api = client(people["alice"])
    path = LIST if method == "post" else f"{LIST}{tracks[0].pk}/"
    answer = getattr(api, method)(path, BODY | change)
    assert answer.status_code == (201 if method == "post" else 200)
    with stock_urls():
        shown = api.get(f"{LIST}{answer.json()['id']}/")
    assert answer.content == shown.content
    assert_alike(lambda: api.get(f"{LIST}?ordering=-id&page_size=100"), 200)


@pytest.mark.parametrize(
    "change", [{"genre": "Rok"}, {"title": ""}, {"title": None, "duration_ms": 0}, {"album": ["x"]}, {"artist": "\0"}]
)
@pytest.mark.parametrize("accept", ["application/json", "text/html"])
def test_what_cannot_be_written_is_refused_as_by_stock(tracks, people, change, accept):
    api = client(people["alice"])
    assert_alike(lambda: api.post(LIST, BODY | change, headers={"Accept": accept}), 400)
    path = f"{LIST}{tracks[0].pk}/"
    assert_alike(lambda: api.put(path, BODY | change, headers={"Accept": accept}), 400)


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)


@given(texts=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
@examples(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
def test_any_text_is_shown_as_by_stock(tracks, people, texts):
    changed = tracks[: len(texts)]
    for track, text in zip(changed, texts, strict=True):
        track.title, track.composer = text
    Track.objects.bulk_update(changed, ["title", "composer"])
    answer = assert_alike(lambda: client(people["alice"]).get(LIST, {"page_size": 8}), 200)
    assert [(row["title"], row["composer"]) for row in json.loads(answer.content)["results"]][: len(texts)] == texts


# --- lower cost -----------------------------------------------------------------------------------


@pytest.fixture
def instances():
    """Return a list that collects the class name of each model instance made."""
    made = []

    def note(sender, **kwargs):
        made.append(sender.__name__)

    post_init.connect(note)
    yield made
    post_init.disconnect(note)


@pytest.mark.parametrize("query", ["", "page=2&page_size=5", "genre=Rock&ordering=-title", "search=album", "owner=me"])
def test_a_page_makes_no_model_instance(tracks, people, instances, query):
    api = client(people["alice"])
    made = []

    def ask():
        instances.clear()
        answer = api.get(f"{LIST}?{query}")
        made.append(set(instances))
        return answer

    ours, _ = both(ask)
    assert ours.json()["results"]
    assert made[0] == set()
    assert made[1] >= {"Track", "Album", "Artist", "Genre"}


def test_a_page_reads_the_shown_columns_and_no_other(tracks, people, django_assert_num_queries):
    with django_assert_num_queries(2) as queries:
        client(people["alice"]).get(LIST)
    count, page = (query["sql"] for query in queries.captured_queries)
    assert "JOIN" not in count
    assert len(re.findall(r'"\w+"\."\w+"', page.split(" FROM ")[0])) == len(COLUMNS)


@pytest.mark.parametrize(
    ("query", "filters"),
    [
        ("", []),
        ("page=2&page_size=5&format=json", []),
        ("genre=Rock", ["genre"]),
        ("search=album&ordering=", ["search", "ordering"]),
    ],
)
def test_a_list_makes_the_filters_that_are_asked_for(tracks, people, monkeypatch, query, filters):
    made = []
    is_valid = TrackFilter.is_valid
    monkeypatch.setattr(TrackFilter, "is_valid", lambda self: made.extend(self.form.fields) or is_valid(self))
    assert client(people["alice"]).get(f"{LIST}?{query}").status_code == 200
    assert made == filters


@pytest.mark.parametrize("path", [LIST, f"{LIST}?page_size=100&ordering=-created", "{}/", "/whoami/"])
def test_an_answer_is_written_without_the_slow_encoder(tracks, people, monkeypatch, path):
    def dumps(*args, **kwargs):
        raise AssertionError("DRF's encoder was called")

    monkeypatch.setattr(renderers.json, "dumps", dumps)
    assert client(people["alice"]).get(path.format(f"{LIST}{tracks[0].pk}")).status_code == 200


def test_every_field_of_a_track_is_a_column_of_the_list():
    assert list(COLUMNS) == list(TrackSerializer.Meta.fields)
    assert COLUMNS["artist"] == "album__artist__name"
    assert COLUMNS["genre"] == "genre__name"


def test_a_field_that_is_more_than_a_column_stops_start_up():
    class Loud(TrackSerializer):
        genre = serializers.SerializerMethodField()

    with pytest.raises(TypeError, match="genre: SerializerMethodField"):
        column_of(Loud().fields["genre"])
