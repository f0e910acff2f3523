"""A lookup that runs by its prepared name, and what can happen to it and to its connection."""

import psycopg
import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, DataError, OperationalError, models
from django.test.utils import isolate_apps
from psycopg.pq import Format, TransactionStatus
from psycopg.types.numeric import FloatLoader

from auth_core.database_errors import is_database_away
from auth_core.prepared import Parameter, Query
from tests.support.direct import interrupted, is_direct, plan_of, run_by_the_cursor, run_directly
from tests.support.groups import BY_NAME, THRESHOLD, asking
from tests.support.own_connections import connection_to, transaction_on

pytestmark = pytest.mark.once  # each uses a PostgreSQL of its own

NAMES = "SELECT name FROM pg_prepared_statements WHERE statement LIKE 'SELECT \"auth_group\"%'"


def names(plan) -> list[str]:
    """Return the names under which the server has prepared the lookup."""
    with psycopg.ClientCursor(plan.connection.connection) as cursor:
        return [name for (name,) in cursor.execute(NAMES)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, True),
        ({"engine": "django.db.backends.postgresql"}, True),
        ({"prepare_threshold": None}, False),  # behind a pooler
        ({"server_side_binding": False}, False),
        ({"cursor_factory": psycopg.Cursor}, False),  # which may be a tool's
    ],
    ids=str,
)
def test_it_is_used_where_psycopg_prepares(url, other, django_db_blocker, options, expected):
    with django_db_blocker.unblock(), asking(url, **options) as plan:
        assert is_direct(plan, "ada") is expected


def test_a_pool_s_connections_are_asked_by_the_cursor(url, other, django_db_blocker):
    with (
        django_db_blocker.unblock(),
        connection_to(url, "django.db.backends.postgresql", pool=True, prepare_threshold=0) as connection,
    ):
        connection.settings_dict["CONN_MAX_AGE"] = 0
        plan = plan_of(BY_NAME, connection)
        for _ in range(3):
            assert [plan.first(("ada",)).pk for _ in range(8)] == [2] * 8
            assert not is_direct(plan, "ada")
            connection.close()  # returns it to the pool
        connection.close_pool()


def test_psycopg_decides_when_it_is_prepared(url, other, django_db_blocker):
    with django_db_blocker.unblock(), connection_to(url, prepare_threshold=THRESHOLD) as connection:
        plan = plan_of(BY_NAME, connection)
        plan.first(("ada",))
        for _ in range(THRESHOLD - 1):
            assert not is_direct(plan, "ada")
            assert plan.first(("ada",)).pk == 2
        plan.first(("ada",))
        assert is_direct(plan, "ada")
        assert plan.first(("nobody",)) is None


def test_a_rollback_makes_psycopg_forget_it_and_no_statement_fails_for_that(url, other, plan):
    """A rollback deallocates all statements; running one by its name would be an error."""
    before = names(plan)
    with pytest.raises(ZeroDivisionError), transaction_on(plan.connection):
        plan.first(("ada",))
        raise ZeroDivisionError
    assert names(plan) == []
    assert not is_direct(plan, "ada")
    for _ in range(THRESHOLD + 1):
        assert plan.first(("ada",)).pk == 2
    assert is_direct(plan, "ada")
    assert len(names(plan)) == 1 != before


def test_in_a_transaction_the_cursor_runs_it_and_the_transaction_s_rows_are_seen(other, plan):
    with transaction_on(plan.connection):
        assert not is_direct(plan, "ada")
        plan.connection.connection.execute("UPDATE auth_group SET name = 'eve' WHERE name = 'ada'")
        assert plan.first(("ada",)) is None
        assert plan.first(("eve",)).pk == 2
    assert other.execute("SELECT name FROM auth_group WHERE id = 2").fetchone() == ("eve",)


def test_so_does_it_in_a_transaction_that_django_did_not_begin(plan):
    pg = plan.connection.connection
    with pg.transaction(force_rollback=True):
        pg.execute("UPDATE auth_group SET name = 'eve' WHERE name = 'ada'")
        assert not is_direct(plan, "eve")
        assert plan.first(("eve",)).pk == 2


def test_in_psycopg_s_pipeline_mode_the_cursor_runs_it(plan):
    with plan.connection.connection.pipeline():
        assert not is_direct(plan, "ada")
        assert plan.first(("ada",)).pk == 2
    assert is_direct(plan, "ada")


@pytest.mark.parametrize("engine", ["config.databases.postgresql", "django.db.backends.postgresql"])
def test_a_statement_that_became_stale_is_run_by_the_cursor_and_prepared_again(url, other, django_db_blocker, engine):
    with django_db_blocker.unblock(), asking(url, engine=engine) as plan:
        pid = plan.connection.connection.info.backend_pid
        for change in ("name TYPE varchar(200)", "name TYPE text", "id TYPE bigint"):
            other.execute(f"ALTER TABLE auth_group ALTER COLUMN {change}")
            try:
                assert plan.first(("ada",)).pk == 2
            except DatabaseError:
                assert engine.startswith("django")  # which has no remedy
                plan.connection.connection.execute("DEALLOCATE ALL")
            for _ in range(THRESHOLD + 1):
                assert plan.first(("ada",)).pk == 2
            assert is_direct(plan, "ada")
            assert len(names(plan)) == 1
        assert plan.connection.connection.info.backend_pid == pid


def test_one_that_the_server_does_not_know_any_more_is_prepared_again(plan):
    (name,) = names(plan)
    with psycopg.ClientCursor(plan.connection.connection) as cursor:
        cursor.execute(f"DO $$ BEGIN EXECUTE 'DEALLOCATE {name}'; END $$")  # as a pooler may, unknown to psycopg
    for _ in range(THRESHOLD + 2):
        assert plan.first(("ada",)).pk == 2
    assert is_direct(plan, "ada")


def test_a_column_whose_type_changed_is_read_as_its_new_type_by_every_query(url, other, plan):
    """Another query with the same SQL may have prepared it again in between."""
    twin = plan_of(BY_NAME, plan.connection)
    assert run_directly(twin, "ada").pk == 2
    other.execute("ALTER TABLE auth_group ALTER COLUMN id TYPE bigint")
    other.execute("UPDATE auth_group SET id = id + 5000000000")
    for _ in range(THRESHOLD + 2):
        plan.first(("ada",))
    assert is_direct(plan, "ada")
    assert run_directly(twin, "ada").pk == plan.first(("ada",)).pk == 5_000_000_002


def test_other_statements_do_not_displace_one_that_is_used(plan):
    """Psycopg closes the statement that was not used for longest, beyond 100 of them."""
    pg = plan.connection.connection
    for number in range(2 * pg.prepared_max):
        pg.execute(f"SELECT {number}", prepare=True)
        assert is_direct(plan, "ada")


def test_a_statement_for_other_types_of_values_is_another_statement(url, other, django_db_blocker):
    by_id = Query(lambda: Group.objects.filter(pk=Parameter(Group._meta.pk)))
    with django_db_blocker.unblock(), connection_to(url) as connection:
        plan = plan_of(by_id, connection)
        for key in (1, 40_000, 3_000_000_000, 2):  # int2, int4, int8
            found = run_directly(plan, key)
            assert (found and found.pk) == (key if key < 3 else None)
        assert len(names(plan)) == 3


def test_a_lost_connection_raises_what_django_raises_and_is_replaced(other, plan):
    other.execute("SELECT pg_terminate_backend(%s)", [plan.connection.connection.info.backend_pid])
    with pytest.raises(OperationalError) as lost:
        plan.first(("ada",))
    assert is_database_away(lost.value)
    assert plan.connection.errors_occurred
    plan.connection.close_if_unusable_or_obsolete()
    assert plan.first(("ada",)).pk == 2


def test_a_connection_that_was_closed_raises_it_too(plan):
    plan.connection.connection.close()
    with pytest.raises(OperationalError) as lost:
        plan.first(("ada",))
    assert is_database_away(lost.value)


@pytest.mark.parametrize("timeout", ["lock_timeout", "statement_timeout"])
def test_a_timeout_is_reported_once_and_the_connection_stays(url, other, plan, timeout):
    plan.connection.connection.execute(f"SET {timeout} = 100")
    with other.transaction():
        other.execute("LOCK TABLE auth_group")
        with pytest.raises(OperationalError) as late:
            plan.first(("ada",))
        assert is_database_away(late.value)
    assert is_direct(plan, "ada")


def test_an_interrupt_ends_the_wait_and_the_connection_stays(other, plan):
    with interrupted() as begin, other.transaction():
        other.execute("LOCK TABLE auth_group")
        begin()
        with pytest.raises(KeyboardInterrupt):
            plan.first(("ada",))
        assert plan.connection.connection.info.transaction_status == TransactionStatus.IDLE
    assert is_direct(plan, "ada")


def test_a_value_that_no_text_can_hold_is_a_data_error(plan):
    for find in (plan.first, lambda values: run_by_the_cursor(plan, *values)):
        with pytest.raises(DataError, match="NUL"):
            find(("a\0",))
    with pytest.raises(UnicodeEncodeError):
        plan.first(("\ud800",))
    assert is_direct(plan, "ada")


def test_a_notification_is_heard(other, plan):
    heard = []
    plan.connection.connection.execute("LISTEN gossip")
    plan.connection.connection.add_notify_handler(lambda each: heard.append(each.payload))
    other.execute("NOTIFY gossip, 'news'")
    for _ in range(2):
        assert is_direct(plan, "ada")
    assert heard == ["news"]


def test_a_loader_that_the_project_registered_makes_the_values(url, other, django_db_blocker):
    """Such a project gets text, since only its loader knows what becomes of it."""
    other.execute("ALTER TABLE auth_group ALTER COLUMN id TYPE numeric")
    with django_db_blocker.unblock(), connection_to(url) as connection:
        connection.ensure_connection()
        connection.connection.adapters.register_loader("numeric", FloatLoader)
        plan = plan_of(BY_NAME, connection)
        assert type(run_directly(plan, "ada").pk) is type(run_by_the_cursor(plan, "ada").pk) is float
        assert {known[1] for known in plan.fast_path._described.values()} == {Format.TEXT}


TYPES = {
    "mood": "'glad'",
    "float4": "0.1",
    "int[]": "'{1,2}'",
    "timestamptz[]": "'{2026-01-01}'",
    "jsonb": "'[1]'",
    "inet": "'::1'",
    "int4range": "'[1,2)'",
    "tsvector": "'a'",
    "char(9)": "'a'",
    "money": "1",
    "oid": "1",
    "timetz": "'12:00+01'",
    "bit(3)": "B'101'",
}


@isolate_apps("tests")
def test_types_that_django_has_no_field_for_are_what_the_cursor_makes_of_them(url, other, django_db_blocker):
    class Odd(models.Model):
        id = models.IntegerField(primary_key=True)
        odd = models.Field()

        class Meta:
            app_label = "tests"

    other.execute("DROP TYPE IF EXISTS mood CASCADE")
    other.execute("CREATE TYPE mood AS ENUM ('glad')")
    by_key = Query(lambda: Odd.objects.filter(pk=Parameter(Odd._meta.pk)))
    for name, value in TYPES.items():
        other.execute("DROP TABLE IF EXISTS tests_odd")
        other.execute(f"CREATE TABLE tests_odd (id int PRIMARY KEY, odd {name})")
        other.execute(f"INSERT INTO tests_odd VALUES (1, {value})")
        with django_db_blocker.unblock(), connection_to(url) as connection:
            plan = plan_of(by_key, connection)
            found, expected = run_directly(plan, 1).odd, run_by_the_cursor(plan, 1).odd
            assert (type(found), found) == (type(expected), expected), name
