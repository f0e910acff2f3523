"""The search finds what a search without indexes of parts of texts finds."""

import logging
import re
from importlib import import_module

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db import connection
from django.db.models import Q
from django.db.utils import NotSupportedError
from django.http import QueryDict
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rest_framework.filters import search_smart_split
from rest_framework.test import APIRequestFactory

from tests.support.track_rows import LIST
from tracks import trigrams
from tracks.filters import TrackFilter
from tracks.lookups import is_indexed
from tracks.models import Album, Artist, Genre, Track

pytestmark = pytest.mark.django_db

MIGRATION = import_module("tracks.migrations.0002_trigrams")

needs_postgresql = pytest.mark.skipif("connection.vendor != 'postgresql'")

# Words that share parts, in letters with unusual cases, and wildcards.
WORDS = [
    "love",
    "LOVELY",
    "glöve",
    "Straße",
    "STRASSE",
    "ısı",
    "isi",
    "ſoſ",
    "ΟΔΟΣ",
    "οδος",
    "100%",
    "a_b",
    "back\\slash",
]
TEXTS = st.lists(
    st.sampled_from(WORDS) | st.text(st.sampled_from("aAbBiIıİsSſßẞoOöÖσςΣкК%_\\*?[]-'.,0 "), max_size=6), max_size=3
).map(" ".join)
TERMS = st.lists(TEXTS, min_size=1, max_size=3).map(" ".join) | TEXTS.map('"{}"'.format)


@pytest.fixture
def indexed():
    """Let PostgreSQL read an index wherever it can, although the tables are small."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_indexscan = off")


@pytest.fixture
def genre():
    return Genre.objects.create(name="Rock")


def filtered(**parameters):
    """Return the queryset of a list with these parameters."""
    data = QueryDict(mutable=True)
    data.update(parameters)
    filters = TrackFilter(data, Track.objects.order_by("id"), request=APIRequestFactory().get(LIST))
    assert filters.is_valid(), filters.errors
    return filters.qs


def searched_without_indexes(term: str):
    """Return the tracks that hold every word, as one condition over a join finds them."""
    found = Track.objects.order_by("id")
    for word in filter(None, search_smart_split(term)):
        columns = ("title", "composer", "album__title", "album__artist__name")
        condition = Q()
        for column in columns:
            condition |= Q(**{f"{column}__icontains": word})
        found = found.filter(condition)
    return found


@examples(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(st.tuples(TEXTS, TEXTS, TEXTS, TEXTS), min_size=1, max_size=6), term=TERMS)
@example(texts=[("Motörhead", "", "", ""), ("", "", "", "MOTÖRHEAD")], term="motörHEAD")
@example(texts=[("ΟΔΟΣΑ", "ΟΔΟΣ", "οδος α", "")], term="οδοσ")
@example(texts=[("a", "b", "c", "abc")], term="b")
@example(texts=[("100% us", "", "a_b", ""), ("100 us", "", "axb", "")], term="% a_b")
@example(texts=[("you shook me", "", "", ""), ("you", "shook", "me", "")], term='"you shook" me')
def test_the_search_finds_what_it_found_without_indexes(indexed, genre, texts, term):
    for title, composer, album, artist in texts:
        artist, _ = Artist.objects.get_or_create(name=artist)
        album, _ = Album.objects.get_or_create(title=album, artist=artist)
        Track.objects.create(title=title, composer=composer, album=album, genre=genre, duration_ms=1)
    if len(list(search_smart_split(term))) <= 8:
        assert list(filtered(search=term)) == list(searched_without_indexes(term))
    part = term.strip()
    for name, column in [("title", "title"), ("album", "album__title"), ("artist", "album__artist__name")]:
        expected = Track.objects.filter(**{f"{column}__icontains": part}) if part else Track.objects.all()
        assert list(filtered(**{f"{name}__icontains": part})) == list(expected.order_by("id"))
    Track.objects.all().delete()
    Album.objects.all().delete()
    Artist.objects.all().delete()


@needs_postgresql
@pytest.mark.parametrize("term", ["love", "Ácido", "夜に駆", "a_b love", "you shook me"])
def test_every_part_of_a_search_reads_its_index(indexed, genre, term):
    plan = filtered(search=f'"{term}"').explain()
    for index in trigrams.INDEXES:
        assert f"Bitmap Index Scan on {index}" in plan
    assert "Bitmap Index Scan on tracks_track_album_id" in plan
    assert "Index Cond: (album_id = ANY (" in plan


@needs_postgresql
@pytest.mark.parametrize("term", ["l", "lo", "a_b", "% _", "--", "é!", "²²²", "1½a", "ab፫", "५५५"])
def test_a_term_that_no_index_can_find_reads_none(indexed, genre, term):
    for query in ({"search": f'"{term}"'}, {"title__icontains": term}, {"album__icontains": term}):
        assert not re.findall("|".join(trigrams.INDEXES), filtered(**query).explain())


@needs_postgresql
def test_postgresql_indexes_each_character_that_counts_as_indexed():
    characters = [chr(number) for number in range(1, 0x110000) if is_indexed(chr(number))]
    assert {"a", "Z", "0", "é", "ı", "ж", "夜", "に"} <= set(characters)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c FROM unnest(%s::text[]) AS c WHERE show_trgm(UPPER(repeat(c, 3))) = '{}'", [characters]
        )
        assert cursor.fetchall() == []


def indexes() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relname = ANY (%s)", [list(trigrams.INDEXES)])
        return {name for (name,) in cursor}


def warnings() -> list[str]:
    return [warning.id for warning in trigrams.search_has_its_indexes(None, databases=["default"])]


@needs_postgresql
def test_the_migration_makes_the_indexes_and_takes_them_away():
    assert (indexes(), warnings()) == (set(trigrams.INDEXES), [])
    call_command("migrate", "tracks", "0001", verbosity=0)
    assert (indexes(), warnings()) == (set(), [])  # nothing is wrong before the migration
    call_command("migrate", "tracks", verbosity=0)
    assert (indexes(), warnings()) == (set(trigrams.INDEXES), [])


@needs_postgresql
def test_a_migrated_database_without_one_of_the_indexes_is_warned_of():
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {trigrams.INDEXES[0]}")
    assert warnings() == ["tracks.W001"]


@needs_postgresql
def test_a_role_that_may_not_create_the_extension_migrates_without_the_indexes(caplog):
    with connection.cursor() as cursor, connection.schema_editor() as editor:
        MIGRATION.drop(apps, editor)
        cursor.execute("DROP EXTENSION pg_trgm")
        cursor.execute("CREATE ROLE nobody_in_particular; SET LOCAL ROLE nobody_in_particular")
        with caplog.at_level(logging.WARNING):
            MIGRATION.create(apps, editor)
        cursor.execute("RESET ROLE")
    assert indexes() == set()
    assert "permission denied to create extension" in caplog.text
    assert "CREATE EXTENSION pg_trgm" in caplog.text


@needs_postgresql
def test_another_error_of_the_migration_is_not_swallowed(monkeypatch):
    with connection.schema_editor() as editor:

        def execute(statement):
            raise NotSupportedError("something else")

        monkeypatch.setattr(editor, "execute", execute)
        with pytest.raises(NotSupportedError):
            MIGRATION.create(apps, editor)


def test_sqlite_is_warned_of_no_missing_index():
    if connection.vendor == "sqlite":
        assert warnings() == []
