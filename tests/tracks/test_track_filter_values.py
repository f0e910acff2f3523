"""Values of the filters of tracks: lists and moments, accepted or refused."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import QueryDict
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from tests.support.track_lists import LISTS, ROWS, client_with_rows, get, titles
from tracks.fields import NamesField, SinceField, UntilField
from tracks.filters import MAX_LIST, TrackFilter
from tracks.models import Album, Genre, Track

pytestmark = pytest.mark.django_db


@pytest.fixture
def users():
    return {name: get_user_model().objects.create_user(name, f"{name}@x.org") for name in ("alice", "bob")}


@pytest.fixture
def api(users):
    return client_with_rows(users)


# --- lists ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("genre__in=Rock&genre__in=Jazz", [0, 1, 2, 3]),
        ("genre__in=Rock,Pop&genre__in=Jazz", [0, 1, 2, 3, 4]),
        ("genre__in=Rock&genre__in=Rock", [2, 3]),
        ("genre__in=Rock&genre__in=", [2, 3]),
        ("genre__in=Rock&genre__in=Polka", [2, 3]),
        ("genre__in=%22Rock%22,%20%22Jazz%20Funk%22%20,Polka", [2, 3, 5]),
        ("genre__in=%22Rock,Jazz%22", []),
        ("genre__in=%22%22", []),
        # Without a name: an empty field of the form.
        *((f"genre__in={nothing}", [0, 1, 2, 3, 4, 5]) for nothing in ("", ",", ",,", "%20", "%20,%20", "&genre__in=")),
        ("ordering=-duration_ms&ordering=title", [0, 1, 5, 4, 3, 2]),
        ("ordering=-duration_ms,title&ordering=-id", [0, 1, 5, 4, 3, 2]),
        *((f"ordering={nothing}", [0, 1, 2, 3, 4, 5]) for nothing in ("", ",", "%20,", "&ordering=")),
    ],
)
def test_a_list_is_separated_by_commas_or_repeated_and_its_empty_terms_are_none(api, query, found):
    answer = api.get(f"/tracks/?{query}&page_size=10")
    assert titles(answer) == [ROWS[row][0] for row in found]


@pytest.mark.parametrize(
    "text", ['"', '"Rock', '"Rock""', '"Rock"x', '"Rock" "Jazz"', 'Jazz,"Rock', 'Jazz, "Ro"ck,Pop']
)
def test_a_quotation_mark_that_is_not_closed_is_refused_with_how_lists_are_written(api, text):
    for parameters in ({"genre__in": text}, {"genre__in": ["Rock", text]}, {"genre__in": [text, '"']}):
        answer = api.get("/tracks/", parameters)
        assert answer.status_code == 400
        (says,) = answer.json()["genre__in"]
        assert f"“{text[text.index(chr(34)) :]}”" in says
        assert 'Rock,"Folk, World","7"" Single"' in says


def test_ordering_knows_no_quotation_marks(api):
    answer = get(api, ordering='"title"')
    assert answer.json()["ordering"][0].startswith('"title" is no field')


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


LETTERS = st.sampled_from(", \"'\\\t\n\u00a0aB") | st.characters(exclude_categories=["Cs"], exclude_characters="\0")


@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(st.text(LETTERS, max_size=6), min_size=1, max_size=6), data=st.data())
@example(names={"", " ", ",", '"', '""', "\\", '\\"', "a,b", "a", "b", " a", "a ", '"a"', '7" Single'}, data=None)
def test_there_is_a_query_for_any_genres_that_the_column_can_hold(api, names, data):
    album = Album.objects.first()
    rows = {}
    for name in names:
        genre = Genre.objects.create(name=name)
        rows[name] = Track.objects.create(title="T", album=album, genre=genre, duration_ms=1).pk
    try:
        wanted = data.draw(st.lists(st.sampled_from(sorted(names)), min_size=1, max_size=5)) if data else sorted(names)
        one, many = {"genre__in": ",".join(map(quoted, wanted))}, {"genre__in": list(map(quoted, wanted))}
        for parameters in (one, many):
            answer = api.get("/tracks/", {**parameters, "page_size": 100})
            assert answer.status_code == 200, answer.content
            assert sorted(row["id"] for row in answer.json()["results"]) == sorted(rows[name] for name in set(wanted))
    finally:
        Track.objects.filter(pk__in=rows.values()).delete()
        Genre.objects.filter(name__in=names).delete()


@given(st.text(st.sampled_from('",a \n'), max_size=30))
def test_any_text_of_a_list_is_read_or_refused_and_what_is_read_is_read_again(text):
    try:
        names = NamesField().terms(text)
    except ValidationError:
        assert '"' in text
    else:
        assert NamesField().terms(",".join(map(quoted, names))) == names


@pytest.fixture
def documented(api):
    document = api.get("/schema/?format=json").json()
    return {each["name"]: each for each in document["paths"]["/tracks/"]["get"]["parameters"]}


def test_the_document_says_that_lists_are_repeated(documented):
    lists = {name for name, each in documented.items() if each["schema"]["type"] == "array"}
    assert lists == {name for name, each in documented.items() if "style" in each} == LISTS
    for name in lists:
        assert (documented[name]["style"], documented[name]["explode"]) == ("form", True)
    assert documented["genre__in"]["schema"]["maxItems"] == MAX_LIST


def test_the_document_says_what_a_date_stands_for(documented):
    assert "A date stands for its beginning" in documented["created__gte"]["description"]
    assert "A date stands for its end" in documented["created__lte"]["description"]


@given(st.text(LETTERS, max_size=50))
def test_the_documents_pattern_is_that_of_a_list_of_one_name(name):
    pattern = TrackFilter.base_filters["genre__in"].schema["items"]["pattern"]
    assert re.search(pattern, quoted(name))
    assert not re.search(pattern, quoted("x" * 51))
    assert not re.search(pattern, "x" * 51)
    if re.search(pattern, name):
        assert len(NamesField().terms(name)) <= 1


def test_the_form_for_people_shows_a_list_as_it_was_given():
    for query in ('genre__in=Rock,"a, b"', 'genre__in=Rock&genre__in="a, b"'):
        filterset = TrackFilter(QueryDict(query), Track.objects.all())
        assert 'value="Rock,&quot;a, b&quot;"' in str(filterset.form["genre__in"])
    assert 'value="title,-id"' in str(TrackFilter(QueryDict("ordering=title&ordering=-id")).form["ordering"])
    assert 'value="title" selected' in str(TrackFilter(QueryDict("ordering=title")).form["ordering"])


# --- times ----------------------------------------------------------------------------------------


NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-01T00:00:00Z", NEW_YEAR),
        ("2026-01-01t00:00:00z", NEW_YEAR),
        ("2026-01-01T00:00:00z", NEW_YEAR),
        ("2026-01-01 00:00:00Z", NEW_YEAR),
        ("2026-01-01 00:00:00z", NEW_YEAR),
        ("2026-01-01T00:00:00-00:00", NEW_YEAR),
        ("2026-01-01T00:00:00+00:00", NEW_YEAR),
        ("2026-01-01t05:45:00+05:45", NEW_YEAR),
        ("2026-01-01T23:59:00+23:59", NEW_YEAR),
        ("2025-12-31T00:01:00-23:59", NEW_YEAR),
        ("2026-01-01T00:00:00", NEW_YEAR),
        ("2026-01-01T00:00:00.0Z", NEW_YEAR),
        ("2026-01-01T00:00:00.5z", NEW_YEAR + timedelta(seconds=0.5)),
        ("2026-01-01T00:00:00,5Z", NEW_YEAR + timedelta(seconds=0.5)),
        ("2026-01-01T00:00:00.000001Z", NEW_YEAR + timedelta(microseconds=1)),
        ("2026-01-01T00:00:00.000000000000000000Z", NEW_YEAR),
        (f"2026-01-01T00:00:00.{'0' * 5000}Z", NEW_YEAR),
        # Leap seconds, as PostgreSQL reads them. The second one is an example of RFC 3339.
        ("2025-12-31T23:59:60Z", NEW_YEAR),
        ("2025-12-31T15:59:60-08:00", NEW_YEAR),
        ("2025-12-31T23:59:60.25Z", NEW_YEAR + timedelta(seconds=0.25)),
        # Other forms of ISO 8601.
        ("20260101T000000Z", NEW_YEAR),
        ("2026-01-01T00:00", NEW_YEAR),
        ("2026-01-01T00Z", NEW_YEAR),
        ("2026-01-01T02:00+0200", NEW_YEAR),
        ("2026-01-01 02:00:00+02", NEW_YEAR),
        ("2026-01-01 02:00:00 +02:00", NEW_YEAR),
        ("2026-W01-4T00:00:00Z", NEW_YEAR),
    ],
)
def test_every_form_of_a_moment_is_read(text, moment):
    assert SinceField().clean(text) == UntilField().clean(text) == moment
    assert SinceField().clean(f" {text} ") == moment


def test_a_fraction_finer_than_the_databases_is_rounded_into_the_range():
    for zeros in (6, 7, 40):
        text = f"2026-01-01T00:00:00.{'0' * zeros}1Z"
        assert SinceField().clean(text) == NEW_YEAR + timedelta(microseconds=1)
        assert UntilField().clean(text) == NEW_YEAR


@given(st.datetimes(timezones=st.just(UTC)), st.data())
def test_every_date_time_of_rfc_3339_is_read(moment, data):
    moment = min(max(moment, datetime(1, 1, 2, tzinfo=UTC)), datetime(9999, 12, 30, tzinfo=UTC))
    minutes = data.draw(st.just(0) | st.integers(-23 * 60 - 59, 23 * 60 + 59))
    offset = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    if not minutes:
        offset = data.draw(st.sampled_from(["Z", "z", "+00:00", "-00:00"]))
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    digits = data.draw(st.integers(0, 9))
    fraction = f".{local.microsecond:06}{'0' * 3}"[: digits + 1] if digits else ""
    text = f"{local:%m-%d}{data.draw(st.sampled_from('Tt '))}{local:%H:%M:%S}{fraction}{offset}"
    text = f"{local.year:04}-{text}"
    kept = moment.replace(microsecond=int(f"{fraction[1:7]:0<6}"))
    assert SinceField().clean(text) == UntilField().clean(text) == kept
    assert SinceField().clean(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:60Z",
        "2026-01-02T23:59:60Z",
        "2025-12-31T23:59:60+01:00",
        "9999-12-31T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00+05:60",
        "2026-01-01T00:00:00 02:00",  # a “+” that was not encoded
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01Z",
        "٢٠٢٦-٠١-٠١",
        "2026-01-01T00:00:0٣Z",
        "0000-01-01",
        "10000-01-01",
        "2026-13-01",
    ],
)
def test_what_is_no_moment_is_refused_with_its_text_and_what_is_allowed(api, text):
    for name in ("created__gte", "created__lte"):
        answer = get(api, **{name: text})
        assert answer.status_code == 400
        (says,) = answer.json()[name]
        assert says.startswith(f"“{text}” is no valid date/time.")
        assert "2026-01-31T23:59:59Z" in says
        assert "%2B" in says


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({"created__gte": "2026-01-05"}, [4, 5]),
        ({"created__lte": "2026-01-02"}, [0, 1]),
        ({"created__gte": "2026-01-02", "created__lte": "2026-01-02"}, [1]),
        ({"created__gte": "2026-01-02", "created__lte": "2026-01-01"}, []),
        ({"created__gte": "20260102", "created__lte": "2026-W01-5"}, [1]),
        ({"created__lte": "9999-12-31"}, [0, 1, 2, 3, 4, 5]),
        ({"created__gte": "0001-01-01"}, [0, 1, 2, 3, 4, 5]),
    ],
)
def test_a_date_stands_for_its_beginning_as_a_lower_bound_and_for_its_end_as_an_upper_one(api, parameters, found):
    assert titles(get(api, **parameters)) == [ROWS[row][0] for row in found]


def test_the_last_microsecond_of_a_day_belongs_to_it(api):
    for end in (timedelta(microseconds=-1), timedelta()):
        Track.objects.update(created=datetime(2026, 1, 3, tzinfo=UTC) + end)
        assert get(api, created__lte="2026-01-02").json()["count"] == (6 if end else 0)
        assert get(api, created__gte="2026-01-03").json()["count"] == (0 if end else 6)
