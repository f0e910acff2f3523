"""SQLite ignores case as PostgreSQL does in the filters, the search and the whole admin."""

import unicodedata

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import F
from django.urls import reverse
from hypothesis import HealthCheck, example, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from rest_framework.test import APIClient

from config.databases.lookups import upper
from tests.support import servers
from tracks.models import Album, Artist, Genre, Track

pytestmark = pytest.mark.django_db

# Letters with unusual cases, the wildcards of LIKE and GLOB, and any other character.
LETTERS = st.sampled_from("aAiIıİsSſßẞöÖo\u0308µμΜσςΣǆǅǄᾳᾼŉÿŸкК%_*?[]^-!\\\"' ") | st.characters(
    exclude_categories=["Cs"], exclude_characters="\0"
)
TEXTS = st.text(LETTERS, max_size=8)


def ignoring_case(text: str) -> str:
    return "".join(map(upper, text))


LOOKUPS = {
    "icontains": lambda text, term: term in text,
    "istartswith": str.startswith,
    "iendswith": str.endswith,
    "iexact": str.__eq__,
}


@pytest.mark.parametrize("lookup", LOOKUPS)
@examples(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(TEXTS, max_size=6), term=TEXTS)
@example(names={"Motörhead", "MOTÖRHEAD", "Moto\u0308rhead"}, term="MOTÖRHEAD")
@example(names={"ısı", "ISI", "isi", "İsİ", "ſ"}, term="isi")
@example(names={"Straße", "STRASSE", "STRAẞE"}, term="STRAße")
@example(names={"100% [Live]", "100* [live]", "100x l"}, term="% [LIVE]")
@example(names={"AC\\İb", "ac\\İB", "ac_b", "acİb"}, term="c\\İ")
@example(names={"é[^a]*?", "É[^A]*?", "éb"}, term="É[^a]*?")
def test_a_database_finds_what_the_rule_says(lookup, names, term):
    names.add(term[1:] + term.swapcase()[:1])
    Artist.objects.bulk_create(Artist(name=name) for name in names)
    found = set(Artist.objects.filter(**{f"name__{lookup}": term}).values_list("name", flat=True))
    others = set(Artist.objects.exclude(**{f"name__{lookup}": term}).values_list("name", flat=True))
    Artist.objects.all().delete()
    matches = LOOKUPS[lookup]
    assert found == {name for name in names if matches(ignoring_case(name), ignoring_case(term))}
    assert others == names - found


def test_the_rule_is_postgresqls_own():
    if connection.vendor != "postgresql":
        pytest.skip("asks PostgreSQL")
    # Versions of Unicode differ. Characters of 3.2 have the same upper case in all of them.
    category = unicodedata.ucd_3_2_0.category
    letters = [
        letter
        for letter in map(chr, range(1, 0x110000))
        if not {category(letter), category(upper(letter))} & {"Cn", "Cs"}
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT upper(letter) FROM unnest(%s::text[]) WITH ORDINALITY AS _ (letter, n) ORDER BY n", [letters]
        )
        theirs = [row[0] for row in cursor]
    assert len(theirs) > 200_000
    assert [(letter, its) for letter, its in zip(letters, theirs, strict=True) if upper(letter) != its] == []


@pytest.fixture
def api(staff):
    album = Album.objects.create(title="Bömbér", artist=Artist.objects.create(name="Motörhead"))
    genre = Genre.objects.create(name="Künstlerisch Ⅷ")
    Track.objects.create(title="Ácido", composer="Дзержинский", album=album, genre=genre, duration_ms=1000)
    client = APIClient()
    client.force_authenticate(staff)
    return client


@pytest.mark.parametrize(
    ("parameter", "text"),
    [
        ("title__icontains", "áCI"),
        ("album__icontains", "bÖMBÉR"),
        ("artist__icontains", "MOTÖRHEAD"),
        ("genre__icontains", "KÜNSTLERISCH ⅷ"),
        *(("search", text) for text in ("áCIDO", "дЗЕРЖ", "BÖMB", "tÖRH", "MOTÖRHEAD ÁCIDO")),
    ],
)
def test_a_filter_ignores_the_case_of_every_alphabet(api, parameter, text):
    assert api.get("/tracks/", {parameter: text}).json()["count"] == 1
    assert api.get("/tracks/", {parameter: text + "q"}).json()["count"] == 0


def searched() -> list[tuple[type, str]]:
    """Return each model of the admin with each column in which its page searches for a part."""
    return [
        (model, field)
        for model, page in admin.site._registry.items()
        for field in page.search_fields
        if not field.startswith("=")
    ]


@pytest.mark.parametrize(("model", "field"), searched(), ids=str)
def test_the_admin_ignores_the_case_of_every_alphabet(pages, model, field):
    row = model._default_manager.first()
    *relations, column = field.split("__")
    holder = row
    for relation in relations:
        holder = getattr(holder, relation)
    type(holder)._base_manager.filter(pk=holder.pk).update(**{column: "xÖrÉ"})
    addresses = [reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")]
    assert rows(pages, addresses[0], "XöRé") == 1
    assert rows(pages, addresses[0], "XöRè") == 0


def rows(client, address: str, term: str) -> int:
    return client.get(address, {"q": term}).context["cl"].result_count


@pytest.mark.parametrize(
    ("field", "term"),
    [("tracks.track.album", "ÖLAF"), ("tracks.album.artist", "ÖLAF"), ("tokens.hashedtoken.user", "ÖLAF")],
)
def test_an_autocomplete_ignores_the_case_of_every_alphabet(pages, staff, field, term):
    Artist.objects.update(name="ölaf")
    type(staff).objects.filter(pk=staff.pk).update(username="ölaf")
    asked = dict(zip(("app_label", "model_name", "field_name"), field.split("."), strict=True))
    answer = pages.get("/admin/autocomplete/", {**asked, "term": term}).json()
    assert len(answer["results"]) == 1
    assert pages.get("/admin/autocomplete/", {**asked, "term": "ÖLAV"}).json()["results"] == []


def test_the_admin_adds_no_user_whose_name_differs_in_case_alone(pages, django_user_model):
    django_user_model.objects.create_user("ölaf")
    form = {"username": "ÖLAF", "usable_password": "false"}
    answer = pages.post("/admin/auth/user/add/", form)
    assert "already exists" in answer.context["adminform"].form.errors["username"][0]


def test_a_term_longer_than_the_column_finds_nothing(pages):
    for term in ("a" * 60_000, "s" * 60_000, "ö" * 60_000):  # SQLite accepts patterns of at most 50,000 bytes
        assert rows(pages, "/admin/tracks/artist/", term) == 0


def test_a_column_can_still_be_compared_with_another(api):
    assert Track.objects.filter(title__icontains=F("title")).count() == 1
    assert Track.objects.filter(title__icontains=F("composer")).count() == 0


@pytest.mark.once
def test_every_process_of_the_service_has_the_lookups():
    code = "from django.db.models import EmailField; print(EmailField().get_lookup('icontains').__module__)"
    assert (
        servers.run("manage.py", "shell", "--verbosity", "0", "--command", code).stdout == "config.databases.lookups\n"
    )


@pytest.mark.parametrize(("term", "operator"), [("Rock", "LIKE"), ("100%", "LIKE"), ("Jazzy", "LIKE"), ("ö", "GLOB")])
def test_sqlite_takes_its_fast_operator_where_it_says_the_same(term, operator):
    if connection.vendor != "sqlite":
        pytest.skip("about SQLite")
    assert f" {operator} " in str(Track.objects.filter(title__icontains=term).query)
