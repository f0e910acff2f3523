"""A lookup goes without Django's cursor only while nobody can notice that."""

import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, connection, connections, transaction
from django.db.backends.utils import CursorWrapper
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token

from auth_core import direct
from auth_core.prepared import Parameter, Query
from tests.support.direct import is_direct, plan_of, run_directly, without_the_cursor

User = get_user_model()
BY_KEY = Query(lambda: Token.objects.select_related("user").filter(key=Parameter(Token._meta.pk)))
FIVE_TIMES = 5  # psycopg has prepared the statement then


@pytest.fixture
def key(transactional_db):
    return User.objects.create_user("ada").auth_token.key


def begin_anew():
    """Close the connection and forget its plans; a SQLite database in memory stays open."""
    connection.close()
    vars(connections["default"]).pop("prepared_queries", None)


@pytest.fixture
def plan(key):
    """Return the plan of a lookup that goes without Django's cursor."""
    begin_anew()
    BY_KEY.first(key)
    plan = plan_of(BY_KEY)
    assert run_directly(plan, key).user.username == "ada"
    return plan


def test_after_a_few_times_django_s_cursor_is_not_asked(key):
    begin_anew()
    for _ in range(FIVE_TIMES + 1):
        BY_KEY.first(key)
    with without_the_cursor(plan_of(BY_KEY)):
        assert BY_KEY.first(key).user.username == "ada"
        assert BY_KEY.first("unknown") is None


def test_an_execute_wrapper_and_a_log_see_each_statement(plan, key, settings):
    seen = []
    with connection.execute_wrapper(lambda execute, sql, *rest: seen.append(sql) or execute(sql, *rest)):
        assert BY_KEY.first(key).key == key
    assert [sql[:6] for sql in seen] == ["SELECT"]
    with CaptureQueriesContext(connection) as captured:
        assert BY_KEY.first(key).key == key
    assert key in captured[0]["sql"]
    settings.DEBUG = True
    before = len(connection.queries)
    assert BY_KEY.first(key).key == key
    assert len(connection.queries) == before + 1
    settings.DEBUG = False
    assert is_direct(plan, key)


def test_a_transaction_sees_its_own_rows_and_a_broken_one_refuses(plan, key):
    with transaction.atomic():
        Token.objects.filter(key=key).update(key="new")
        assert BY_KEY.first(key) is None
        assert BY_KEY.first("new").user.username == "ada"
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            BY_KEY.first(key)
    assert BY_KEY.first(key).key == key
    connection.set_autocommit(False)
    try:
        Token.objects.filter(key=key).update(key="new")
        assert BY_KEY.first("new").key == "new"
        connection.rollback()
    finally:
        connection.set_autocommit(True)
    assert run_directly(plan, key).key == key


def test_a_tool_that_replaces_a_method_of_the_cursor_sees_each_statement(key, monkeypatch):
    """Sentry replaces the method of Django's class, other tools replace the class."""
    seen = []
    execute = CursorWrapper.execute

    def traced(self, sql, params=None):
        seen.append(sql)
        return execute(self, sql, params)

    class Traced(CursorWrapper):
        execute = traced

    def check():
        begin_anew()
        for expected in range(1, FIVE_TIMES + 3):
            assert BY_KEY.first(key).key == key
            assert len(seen) == expected
        del seen[:]

    with monkeypatch.context() as patch:
        patch.setattr(connections["default"], "make_cursor", lambda cursor: Traced(cursor, connections["default"]))
        check()
    with monkeypatch.context() as patch:
        patch.setattr(CursorWrapper, "execute", traced)
        check()
    begin_anew()


def test_so_does_one_that_replaces_the_library_s_cursor(key, monkeypatch):
    seen = []
    create_cursor = connections["default"].create_cursor

    def create(name=None):
        cursor = create_cursor(name)
        kind = type(cursor)

        class Traced(kind):
            def execute(self, *arguments):
                seen.append(arguments[0])
                return super().execute(*arguments)

        return Traced(connection.connection)

    monkeypatch.setattr(connections["default"], "create_cursor", create)
    begin_anew()
    for expected in range(1, FIVE_TIMES + 3):
        assert BY_KEY.first(key).key == key
        assert len([sql for sql in seen if "authtoken" in sql]) == expected
    begin_anew()


def test_an_error_is_django_s_and_has_the_library_s_as_its_cause(plan, key):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE authtoken_token RENAME TO away")
    try:
        connections["default"].errors_occurred = False
        with pytest.raises(DatabaseError) as error:
            BY_KEY.first(key)
        assert isinstance(error.value.__cause__, connection.Database.Error)
        assert connections["default"].errors_occurred  # Django looks after the connection then
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE away RENAME TO authtoken_token")
    assert run_directly(plan, key).key == key


def test_a_percent_sign_is_one_and_constants_stay_in_their_places(plan, key):
    query = Query(
        lambda: User.objects.extra(where=["username LIKE '%%d%%'"]).filter(
            is_active=True, username=Parameter(User._meta.get_field("username")), is_staff=False
        )
    )
    for name, found in (("ada", "ada"), ("eve", None)):
        query.first(name)
        user = run_directly(plan_of(query), name)
        assert (user and user.username) == found


def test_other_databases_have_no_fast_path(plan):
    class Other:
        vendor = "oracle"
        settings_dict = {"OPTIONS": {}}

    class Cursor(CursorWrapper):
        pass

    assert direct.fast_path(Other(), Cursor(object(), Other()), "SELECT %s", 1) is None
