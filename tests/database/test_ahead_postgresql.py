"""A lookup that was sent ahead, and whatever happens to its connection before it is read."""

import threading

import psycopg
import pytest
from django.db import OperationalError
from psycopg.pq import TransactionStatus

from auth_core.database_errors import is_database_away
from tests.support.direct import interrupted, is_direct, plan_of, run_by_the_cursor
from tests.support.groups import BY_NAME, THRESHOLD, Executions, asking
from tests.support.own_connections import connection_to, transaction_on

pytestmark = pytest.mark.once  # each uses a PostgreSQL of its own


def asked(plan, name: str):
    """Send a lookup ahead, and return what has to forget it."""
    sent = plan.ask_ahead((name,))
    assert sent is not None
    assert plan.connection.connection.info.transaction_status == TransactionStatus.ACTIVE
    return sent


def is_untouched(plan) -> bool:
    """Return True if psycopg's connection waits by its own method again, for nothing."""
    pg = plan.connection.connection
    return "wait" not in vars(pg) and pg.info.transaction_status == TransactionStatus.IDLE


def test_it_is_sent_once_and_read_by_the_lookup(plan):
    for name, key in (("ada", 2), ("staff", 1), ("nobody", None)):
        with Executions(plan.connection.connection) as executions:
            asked(plan, name)
            assert int(executions) == 1
            assert is_direct(plan, name)
            assert int(executions) == 1
            found = plan.first((name,))
            assert int(executions) == 2
        assert (found and found.pk) == key
        assert is_untouched(plan)


def test_the_lookup_finds_what_was_there_when_it_was_sent(other, plan):
    with other.transaction():
        other.execute("LOCK TABLE auth_group")  # it is answered after the change below
        asked(plan, "ada")
        other.execute("UPDATE auth_group SET id = 3 WHERE name = 'ada'")
    assert plan.first(("ada",)).pk == 3
    asked(plan, "ada")
    assert plan.connection.connection.wait(iter_until_idle(plan)) is None  # drops it
    other.execute("UPDATE auth_group SET id = 4 WHERE name = 'ada'")
    assert plan.first(("ada",)).pk == 4


def iter_until_idle(plan):
    """Return a generator, as psycopg's wait() takes, that finds the connection idle."""
    assert plan.connection.connection.info.transaction_status == TransactionStatus.ACTIVE

    def check():
        assert plan.connection.connection.info.transaction_status == TransactionStatus.IDLE
        return None
        yield

    return check()


def a_cursor_of_django_s(connection):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 7")
        assert cursor.fetchone() == (7,)


def a_transaction(connection):
    with transaction_on(connection), connection.cursor() as cursor:
        cursor.execute("SELECT 7")


def a_transaction_of_psycopg_s(connection):
    with connection.connection.transaction(force_rollback=True):
        connection.connection.execute("SELECT 7")


def a_pipeline(connection):
    with connection.connection.pipeline():
        connection.connection.execute("SELECT 7")


def a_copy(connection):
    with connection.connection.cursor() as cursor, cursor.copy("COPY auth_group TO STDOUT") as copy:
        assert len(list(copy.rows())) == 2


def a_server_side_cursor(connection):
    with connection.connection.cursor("named", withhold=True) as cursor:
        assert cursor.execute("SELECT generate_series(1, 5)").fetchall()[-1] == (5,)


def a_stream(connection):
    with connection.connection.cursor() as cursor:
        assert len(list(cursor.stream("SELECT generate_series(1, 5)"))) == 5


def notifications(connection):
    connection.connection.execute("LISTEN gossip")
    connection.connection.execute("NOTIFY gossip")
    assert len(list(connection.connection.notifies(timeout=5, stop_after=1))) == 1


def a_rollback(connection):
    connection.connection.rollback()


def a_check(connection):
    assert connection.is_usable()


def a_request_that_begins(connection):
    connection.close_if_unusable_or_obsolete()
    connection.close_if_health_check_failed()
    a_cursor_of_django_s(connection)


def another_lookup(connection):
    assert plan_of(BY_NAME, connection).first(("staff",)).pk == 1


def many_rows(connection):
    connection.connection.cursor().executemany("SELECT %s", [(1,), (2,)])


@pytest.mark.parametrize("engine", ["config.databases.postgresql", "django.db.backends.postgresql"])
@pytest.mark.parametrize("forget", [False, True], ids=["unread", "forgotten"])
@pytest.mark.parametrize(
    "use",
    [
        a_cursor_of_django_s,
        a_transaction,
        a_transaction_of_psycopg_s,
        a_pipeline,
        a_copy,
        a_server_side_cursor,
        a_stream,
        notifications,
        a_rollback,
        a_check,
        a_request_that_begins,
        another_lookup,
        many_rows,
    ],
)
def test_whatever_uses_the_connection_reads_the_result_first(url, other, django_db_blocker, use, forget, engine):
    """The lookup is repeated, because what came in between may have changed the row."""
    with django_db_blocker.unblock(), asking(url, engine=engine) as plan:
        assert is_direct(plan, "ada")
        sent = asked(plan, "ada")
        if forget:
            sent.forget()
        use(plan.connection)
        assert is_untouched(plan)
        other.execute("UPDATE auth_group SET id = 5 WHERE name = 'ada'")
        assert plan.first(("ada",)).pk == 5


def test_a_request_s_own_change_is_seen(plan):
    asked(plan, "ada")
    plan.connection.connection.execute("UPDATE auth_group SET name = 'eve' WHERE name = 'ada'")
    assert plan.first(("ada",)) is None
    assert plan.first(("eve",)).pk == 2


def test_a_lookup_with_another_value_is_another_lookup(plan):
    asked(plan, "ada")
    assert plan.first(("staff",)).pk == 1
    assert plan.first(("ada",)).pk == 2
    assert is_untouched(plan)


def test_what_was_forgotten_answers_no_later_request(other, plan):
    asked(plan, "ada").forget()
    other.execute("DELETE FROM auth_group")
    assert plan.ask_ahead(("ada",)) is None  # the first one is still unread
    assert plan.first(("ada",)) is None
    assert is_untouched(plan)
    asked(plan, "ada")


def test_an_execute_wrapper_that_begins_in_between_sees_the_lookup_once(plan):
    asked(plan, "ada")
    with Executions(plan.connection.connection) as executions:
        assert run_by_the_cursor(plan, "ada").pk == 2
        assert int(executions) == 1


# --- what is not sent -----------------------------------------------------------------------------


def test_nothing_is_sent_where_the_cursor_would_be_asked(plan, settings):
    def is_sent() -> bool:
        return plan.ask_ahead(("ada",)) is not None

    connection, pg = plan.connection, plan.connection.connection
    with Executions(pg) as executions:
        with connection.execute_wrapper(lambda execute, *rest: execute(*rest)):
            assert not is_sent()
        connection.force_debug_cursor = True
        assert not is_sent()
        connection.force_debug_cursor = False
        connection.needs_rollback = True
        assert not is_sent()
        connection.needs_rollback = False
        connection.settings_dict["ATOMIC_REQUESTS"] = True
        assert not is_sent()
        connection.settings_dict["ATOMIC_REQUESTS"] = False
        assert int(executions) == 0
        with pg.pipeline():
            assert not is_sent()
    with transaction_on(connection):
        assert not is_sent()
    with pg.transaction():
        assert not is_sent()
    for _ in range(THRESHOLD + 1):
        plan.first(("ada",))
    assert is_sent()


def test_nothing_is_sent_that_would_first_have_to_connect_or_to_prepare(url, other, django_db_blocker):
    with django_db_blocker.unblock(), connection_to(url, prepare_threshold=THRESHOLD) as connection:
        plan = plan_of(BY_NAME, connection)
        assert plan.ask_ahead(("ada",)) is None
        assert connection.connection is None
        for _ in range(THRESHOLD + 1):
            plan.first(("ada",))
            assert plan.ask_ahead(("ada",)) is None  # not described before it is used
        assert is_direct(plan, "ada")
        asked(plan, "ada")
        connection.close()
        assert plan.ask_ahead(("ada",)) is None
        assert connection.connection is None
        assert plan.first(("ada",)).pk == 2


def test_nothing_is_sent_on_a_connection_that_another_has_replaced(plan):
    first = plan.connection.connection
    try:
        plan.connection.connection = None
        plan.connection.ensure_connection()
        assert plan.ask_ahead(("ada",)) is None
        assert first.info.transaction_status == TransactionStatus.IDLE
    finally:
        first.close()


def test_nothing_is_sent_on_a_pool_s_connection(url, other, django_db_blocker):
    options = {"engine": "django.db.backends.postgresql", "pool": True, "prepare_threshold": 0}
    with django_db_blocker.unblock(), connection_to(url, **options) as connection:
        connection.settings_dict["CONN_MAX_AGE"] = 0
        plan = plan_of(BY_NAME, connection)
        for _ in range(8):
            assert plan.first(("ada",)).pk == 2
            assert plan.ask_ahead(("ada",)) is None
        connection.close()
        connection.close_pool()


# --- faults ---------------------------------------------------------------------------------------


def kill(other, plan):
    other.execute("SELECT pg_terminate_backend(%s, 5000)", [plan.connection.connection.info.backend_pid])


def assert_lost_and_opened_again(plan):
    with pytest.raises(OperationalError) as lost:
        plan.first(("ada",))
    assert is_database_away(lost.value)
    assert plan.connection.errors_occurred
    plan.connection.close_if_unusable_or_obsolete()
    assert plan.first(("ada",)).pk == 2


def test_a_server_process_that_ended_before_is_met_by_the_lookup_and_not_before(other, plan):
    kill(other, plan)
    plan.ask_ahead(("ada",))
    assert_lost_and_opened_again(plan)


def test_one_that_ends_in_between_is_met_by_the_lookup(other, plan):
    with other.transaction():
        other.execute("LOCK TABLE auth_group")
        asked(plan, "ada")
        kill(other, plan)
    assert_lost_and_opened_again(plan)


@pytest.mark.parametrize("forget", [False, True], ids=["unread", "forgotten"])
def test_so_does_whatever_else_uses_the_connection(other, plan, forget):
    with other.transaction():
        other.execute("LOCK TABLE auth_group")
        sent = asked(plan, "ada")
        kill(other, plan)
    if forget:
        sent.forget()
    with pytest.raises(OperationalError) as lost:
        a_cursor_of_django_s(plan.connection)
    assert is_database_away(lost.value)


def test_a_kept_connection_that_died_between_requests_is_replaced_first(other, plan):
    """The check that a lookup makes first, once a request, is made ahead of it."""
    kill(other, plan)
    plan.connection.close_if_unusable_or_obsolete()  # as when a request begins
    assert plan.ask_ahead(("ada",)) is None
    assert plan.connection.connection is None
    assert plan.first(("ada",)).pk == 2


def test_a_check_of_the_connection_that_fails_is_the_lookup_s_error(plan, monkeypatch):
    def fail():
        raise OperationalError("away")

    monkeypatch.setattr(plan.connection, "close_if_health_check_failed", fail)
    assert plan.ask_ahead(("ada",)) is None
    with pytest.raises(OperationalError, match="away"):
        plan.first(("ada",))


def test_a_connection_that_was_closed_raises_what_it_raises_without(plan):
    for ahead in (True, False):
        if ahead:
            asked(plan, "ada")
        plan.connection.connection.close()
        with pytest.raises(OperationalError) as lost:
            plan.first(("ada",))
        assert is_database_away(lost.value)


def test_a_timeout_is_the_lookup_s_if_it_asks_and_nobody_s_otherwise(url, other, plan):
    plan.connection.connection.execute("SET statement_timeout = 100")
    with other.transaction():
        other.execute("LOCK TABLE auth_group")
        asked(plan, "ada")
        with pytest.raises(OperationalError) as late:
            plan.first(("ada",))
        assert is_database_away(late.value)
        asked(plan, "ada").forget()
        a_cursor_of_django_s(plan.connection)
    assert is_untouched(plan)
    assert is_direct(plan, "ada")


def test_a_statement_that_became_stale_is_run_by_the_cursor(other, plan):
    for change in ("name TYPE varchar(200)", "id TYPE bigint"):
        other.execute(f"ALTER TABLE auth_group ALTER COLUMN {change}")
        asked(plan, "ada")
        assert plan.first(("ada",)).pk == 2
        for _ in range(THRESHOLD + 2):
            assert plan.first(("ada",)).pk == 2
        assert is_direct(plan, "ada")
    other.execute("ALTER TABLE auth_group ALTER COLUMN name TYPE text")
    asked(plan, "ada").forget()
    a_cursor_of_django_s(plan.connection)
    assert plan.first(("ada",)).pk == 2


def test_an_interrupt_ends_the_wait_and_the_connection_stays(other, plan):
    with interrupted() as begin, other.transaction():
        other.execute("LOCK TABLE auth_group")
        for use in (lambda: plan.first(("ada",)), lambda: a_cursor_of_django_s(plan.connection)):
            asked(plan, "ada")
            begin()
            with pytest.raises(KeyboardInterrupt):
                use()
            assert is_untouched(plan)
    assert is_direct(plan, "ada")


def test_a_wait_that_a_tool_has_replaced_stays(plan):
    pg = plan.connection.connection
    seen = []
    pg.wait = lambda *arguments, **options: seen.append(1) or psycopg.Connection.wait(pg, *arguments, **options)
    assert plan.ask_ahead(("ada",)) is None
    assert is_direct(plan, "ada")
    assert seen


def test_a_change_that_was_committed_before_it_is_sent_is_always_seen(other, plan):
    """A lookup that is sent later than a change was committed finds the change."""
    done = threading.Event()

    def disturb():  # keeps both processors busy, so that what could overtake does
        while not done.is_set():
            other_thread.execute("SELECT 1")

    with psycopg.connect(other.info.dsn, autocommit=True) as other_thread:
        thread = threading.Thread(target=disturb)
        thread.start()
        try:
            for key in range(10, 310):
                other.execute("UPDATE auth_group SET id = %s WHERE name = 'ada'", [key])
                asked(plan, "ada")
                assert plan.first(("ada",)).pk == key
        finally:
            done.set()
            thread.join()
