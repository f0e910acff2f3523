"""A query compiled once finds what the ORM finds by the same statement, in every thread."""

import string
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from threading import Barrier

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError
from django.db import connection, connections, models, transaction
from django.db.models import F
from django.db.models.sql.compiler import SQLCompiler
from django.test.utils import CaptureQueriesContext, isolate_apps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from rest_framework.authtoken.models import Token

from auth_core.prepared import Parameter, Query
from jwt_auth.models import RefreshFamily, log_in
from tests.support import servers
from tracks.models import Album, Artist, Genre, Track

User = get_user_model()
BY_KEY = Query(lambda: Token.objects.select_related("user").filter(key=Parameter(Token._meta.pk)))
BY_FAMILY = Query(
    lambda: RefreshFamily.objects.select_related("user").filter(pk=Parameter(RefreshFamily._meta.pk), revoked_at=None)
)


def values(instance) -> dict:
    """Return all columns of an instance and of its joined instances."""
    own = {name: value for name, value in vars(instance).items() if name != "_state"}
    related = instance._state.fields_cache
    return own | {
        "from": instance._state.db,
        "new": instance._state.adding,
        **{f"{n}, joined": related[n] for n in related},
    }


def like_the_orm(query: Query, queryset, *arguments):
    """Check that both ways find the same by the same statement, and return what they found."""
    with CaptureQueriesContext(connection) as ours:
        found = query.first(*arguments)
    with CaptureQueriesContext(connection) as theirs:
        expected = next(iter(queryset), None)
    assert [each["sql"] for each in ours] == [each["sql"] for each in theirs]
    assert (found and values(found)) == (expected and values(expected))
    assert type(found) is type(expected)
    return found, expected


# PostgreSQL's text holds no NUL, and no encoding has a lone surrogate.
texts = some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
moments = some.datetimes(timezones=some.just(UTC))
users = some.builds(
    User,
    username=some.text(string.ascii_letters + "äöé%_'\"\\", min_size=1, max_size=20),
    password=texts,
    last_login=some.none() | moments,
    is_superuser=some.booleans(),
    first_name=texts,
    last_name=texts,
    email=texts,
    is_staff=some.booleans(),
    is_active=some.booleans(),
    date_joined=moments,
)
on_the_database = settings(
    max_examples=40, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@on_the_database
@given(user=users, key=some.text("0123456789abcdef%'", min_size=1, max_size=40), created=moments)
def test_any_token_and_its_user_are_what_the_orm_finds(db, user, key, created):
    with transaction.atomic():
        user.save(force_insert=True)
        Token.objects.filter(user=user).update(key=key, created=created)
        by_key = Token.objects.select_related("user").filter(key=key)
        found, expected = like_the_orm(BY_KEY, by_key, key)
        with CaptureQueriesContext(connection) as further:
            assert values(found.user) == values(expected.user)
        assert len(further) == 0
        family = log_in(user) if user.is_active else None
        if family:
            like_the_orm(
                BY_FAMILY,
                RefreshFamily.objects.select_related("user").filter(pk=family.access.sid, revoked_at=None),
                family.access.sid,
            )
        assert BY_KEY.first(f"{key}x"[:41]) is None
        transaction.set_rollback(True)


@isolate_apps("tests")
def test_every_type_of_field_comes_back_as_the_orm_brings_it(transactional_db):
    class Account(AbstractBaseUser):
        """A user model whose key is not a number."""

        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        name = models.CharField(max_length=20, unique=True)
        USERNAME_FIELD = "name"

        class Meta:
            app_label = "tests"

    class Member(Account):
        """A user model whose rows are spread over two tables."""

        since = models.DateField()

        class Meta:
            app_label = "tests"

    class Everything(models.Model):
        big = models.BigIntegerField()
        binary = models.BinaryField()
        boolean = models.BooleanField(null=True)
        date = models.DateField(null=True)
        decimal = models.DecimalField(max_digits=20, decimal_places=7)
        duration = models.DurationField(null=True)
        float = models.FloatField()
        ip = models.GenericIPAddressField(null=True)
        json = models.JSONField(null=True)
        moment = models.DateTimeField(null=True)
        time = models.TimeField(null=True)
        uuid = models.UUIDField(unique=True)
        owner = models.ForeignKey(Account, models.CASCADE, null=True)
        member = models.ForeignKey(Member, models.CASCADE, null=True, related_name="+")

        class Meta:
            app_label = "tests"

    rows = [
        {"big": 0, "binary": b"", "decimal": Decimal(0), "float": 0.0, "json": None},
        {
            "big": -(2**63),
            "binary": b"\0\xff%s",
            "boolean": True,
            "date": "2026-02-28",
            "decimal": Decimal("1234567890123.0000001"),
            "duration": timedelta(days=3, seconds=3723, microseconds=4),
            "float": 1e300,
            "ip": "2001:db8::1",
            "json": {"a": [1, 2.5, "ü%", None, True]},
            "moment": datetime(2026, 3, 1, 12, 0, 0, 1, tzinfo=UTC),
            "time": "23:59:59.999999",
        },
    ]
    with connection.schema_editor() as editor:
        for model in (Account, Member, Everything):
            editor.create_model(model)
    try:
        account, member = Account.objects.create(name="ada"), Member.objects.create(name="bob", since="2026-01-01")
        joined = Everything.objects.select_related("owner", "member")
        for field in Everything._meta.concrete_fields:
            if isinstance(field, models.JSONField | models.BinaryField | models.BooleanField):
                continue  # the first two identify no row; the ORM's statement for a boolean depends on the value
            query = Query(lambda field=field: joined.filter(**{field.name: Parameter(field)}).order_by("pk"))
            for owners in ({}, {"owner": account}, {"owner": account, "member": member}):
                for row in rows:
                    wanted = Everything.objects.create(uuid=uuid.uuid4(), **row, **owners)
                    wanted.refresh_from_db()
                    value = getattr(wanted, field.attname)
                    if value is None:
                        continue  # nothing equals NULL in SQL, and the ORM writes another statement
                    found, expected = like_the_orm(query, joined.filter(**{field.name: value}).order_by("pk"), value)
                    for name in ("owner", "member"):
                        both = getattr(found, name), getattr(expected, name)
                        assert both == (None, None) or values(both[0]) == values(both[1]), name
        with pytest.raises(ValidationError):
            Query(lambda: joined.filter(uuid=Parameter(Everything._meta.get_field("uuid")))).first("no uuid")
        with pytest.raises(TypeError, match="child model, Member, is not supported"):
            Query(lambda: Account.objects.select_related("member").filter(pk=Parameter(Account._meta.pk))).first(None)
    finally:
        with connection.schema_editor() as editor:
            for model in (Everything, Member, Account):
                editor.delete_model(model)


@pytest.fixture
def track(db):
    album = Album.objects.create(title="100 % %s", artist=Artist.objects.create(name="Rush"))
    return Track.objects.create(title="%(p0)s", album=album, genre=Genre.objects.create(name="Rock"), duration_ms=1000)


def test_joins_deferred_columns_and_constants_are_understood(track):
    def tracks(title, duration):
        return (
            Track.objects.select_related("album__artist", "owner")
            .only("title", "album__title", "album__artist__name", "owner__username")
            .filter(album__title__contains="%", title=title, duration_ms__lt=F("duration_ms") % 7 + 10**6)
            .filter(duration_ms=duration)
        )

    fields = Track._meta.get_field
    query = Query(lambda: tracks(Parameter(fields("title")), Parameter(fields("duration_ms"))))
    found, _ = like_the_orm(query, tracks(track.title, 1000), track.title, 1000)
    assert found.get_deferred_fields() >= {"composer", "created"}
    assert (found.album.artist.name, found.owner) == ("Rush", None)
    assert like_the_orm(query, tracks(track.title, 999), track.title, 999) == (None, None)


def test_it_wants_as_many_values_as_it_has_parameters(db):
    for wrong in ((), ("a", "b")):
        with pytest.raises(ValueError, match="argument"):
            BY_KEY.first(*wrong)


def test_it_is_compiled_once_for_each_connection(user, monkeypatch):
    compiled = []
    as_sql = SQLCompiler.as_sql
    monkeypatch.setattr(SQLCompiler, "as_sql", lambda *args, **kwargs: compiled.append(1) or as_sql(*args, **kwargs))
    query = Query(lambda: Token.objects.select_related("user").filter(key=Parameter(Token._meta.pk)))
    for _ in range(3):
        assert query.first(user.auth_token.key).user == user
    del compiled[:]
    assert query.first(user.auth_token.key).user == user
    assert compiled == []


def test_it_asks_by_one_cursor_for_as_long_as_the_connection_is_open(transactional_db, monkeypatch):
    key = User.objects.create_user("ada").auth_token.key
    made = []
    cursor = connection.cursor
    monkeypatch.setattr(connection, "cursor", lambda: made.append(1) or cursor())
    BY_KEY.first(key)
    del made[:]
    for _ in range(3):
        assert BY_KEY.first(key).key == key
    assert made == []
    connection.close()
    assert BY_KEY.first(key).key == key
    assert made == [1]
    for _ in range(2):
        with CaptureQueriesContext(connection) as captured:
            BY_KEY.first(key)
        assert len(captured) == 1
        BY_KEY.first(key)
    assert len(captured) == 1


def test_a_kept_connection_is_checked_where_the_settings_say_so(transactional_db, monkeypatch):
    """CONN_HEALTH_CHECKS makes Django check before every other query too."""
    key = User.objects.create_user("ada").auth_token.key
    BY_KEY.first(key)
    asked = []
    monkeypatch.setattr(connection, "close_if_health_check_failed", lambda: asked.append(1))
    assert BY_KEY.first(key).key == key
    assert asked == [1]


def test_no_statement_is_left_open(transactional_db):
    """An open statement would hold its snapshot, and SQLite could never truncate its log."""
    for name in ("ada", "grace"):
        User.objects.create_user(name, email="both@example.com")
    query = Query(lambda: User.objects.filter(email=Parameter(User._meta.get_field("email"))).order_by("pk"))
    assert query.first("both@example.com").username == "ada"
    assert connection.prepared_queries[query].cursor.fetchone() is None


def test_it_sees_its_own_transaction_and_no_other(transactional_db, django_assert_num_queries):
    user = User.objects.create_user("ada")
    key = user.auth_token.key
    with transaction.atomic():
        Token.objects.filter(key=key).update(key="new")
        with django_assert_num_queries(2):
            assert BY_KEY.first(key) is None
            assert BY_KEY.first("new").user == user
        transaction.set_rollback(True)
    assert BY_KEY.first(key).user == user


def test_threads_that_ask_at_the_same_moment_get_each_their_own(transactional_db):
    keys = {User.objects.create_user(f"user{number}").auth_token.key: f"user{number}" for number in range(8)}
    query = Query(lambda: Token.objects.select_related("user").filter(key=Parameter(Token._meta.pk)))
    barrier = Barrier(len(keys))

    def ask(key):
        barrier.wait(timeout=30)
        try:
            return {query.first(key).user.username for _ in range(50)}
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(keys)) as pool:
        assert list(pool.map(ask, keys)) == [{name} for name in keys.values()]


_TWO_DATABASES = """
import django; django.setup()
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from rest_framework.authtoken.models import Token
from tests.database.test_prepared import BY_KEY, User

connections.settings["replica"] = {**connections.settings["default"], "NAME": settings.BASE_DIR / sys.argv[1]}
keys = {}
for alias in ("default", "replica"):
    call_command("migrate", database=alias, verbosity=0)
    user = User(username=alias)
    user.save(using=alias)
    keys[alias] = Token.objects.using(alias).get().key


class ToTheReplica:
    def db_for_read(self, model, **hints):
        return "replica"


for alias, routers in (("default", []), ("replica", [ToTheReplica()]), ("default", [])):
    settings.DATABASE_ROUTERS = routers
    del django.db.router.routers
    django.db.router._routers = None
    found = {name: BY_KEY.first(key) for name, key in keys.items()}
    assert [name for name, token in found.items() if token] == [alias], (alias, found)
    assert found[alias].user._state.db == found[alias]._state.db == alias
    assert found[alias].user.username == alias
"""


@pytest.mark.once
def test_the_router_says_which_database_is_asked(tmp_path):
    done = servers.run(
        "-c",
        f"import sys\n{_TWO_DATABASES}",
        str(tmp_path / "replica.sqlite3"),
        DJANGO_SETTINGS_MODULE="config.settings",
        DATABASE_URL=f"sqlite:///{tmp_path}/default.sqlite3",
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif("sqlite" in connection.settings_dict["ENGINE"], reason="SQLite has no server to plan on")
def test_postgresql_plans_it_once(user):
    for _ in range(7):
        BY_KEY.first(user.auth_token.key)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans + custom_plans FROM pg_prepared_statements WHERE statement LIKE %s",
            ['%FROM "authtoken_token" INNER JOIN%'],
        )
        (executed,) = cursor.fetchone()
    assert executed >= 1
