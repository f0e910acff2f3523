"""A query that the ORM compiles once for each connection and that then runs with other values.

The ORM takes about 200 µs to write the same SELECT on every request, SQLite about 15 to answer it.
What it found out while compiling (the SQL, which columns make which model, how each column's value
is converted) is kept here. `auth_core/direct.py` runs the statement and `auth_core/instances.py`
makes the instances, each faster than the ORM where nobody can notice it. Django's cursor runs the
statement for execute_wrapper(), `assertNumQueries` and the log of queries, and on PostgreSQL in
transactions. The text is the same each time, so psycopg has the server plan it once
(`prepare_threshold` in config/settings.py).
"""

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import Error, connections
from django.db.models import Field, Model, QuerySet, Value

from auth_core import direct
from auth_core.instances import Maker

M = TypeVar("M", bound=Model)


class Parameter(Value):
    """The place of a value, which is converted as a value of this model field."""

    def __init__(self, field: "Field[Any, Any]"):
        super().__init__(None, output_field=field)

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, Any]:
        return "%s", [self]

    as_sqlite = as_sql  # type: ignore[assignment]  # Value's own casts a decimal, which the ORM's lookups do not


class Query(Generic[M]):
    """A query for model instances, with a Parameter wherever the value is not known yet.

    `build` returns the queryset. It is called once, when the query first runs, since models refer
    to each other by then. The query may have joins by select_related(), only() and defer(), and
    parameters in filter(), but no annotations, no prefetch_related() and no fetch_mode(), and no
    select_related() from a model to its child, for which first() raises TypeError.
    """

    def __init__(self, build: Callable[[], QuerySet[M]]):
        self._build = build

    @cached_property
    def _queryset(self) -> QuerySet[M]:
        return self._build()

    def first(self, *values: Any) -> M | None:
        """Return the first row's instance, with its select_related() instances, or None.

        It runs one statement, of which all rows are read. `values` take the places of the
        parameters, in their order in the SQL. Raises what the field raises for a value that it
        cannot convert, and the database's errors.
        """
        connection = self._connection
        # Kept on the connection object, of which each thread has its own: nothing to lock, and the
        # plan goes when the connection object does. The converters belong to it too.
        plans = connection.__dict__.setdefault("prepared_queries", {})
        plan = plans.get(self)
        if plan is None:
            plan = plans[self] = _Plan(self._queryset, connection)
        instance: M | None = plan.first(values)
        return instance

    def ask_ahead(self, *values: Any) -> Any:
        """Send the query ahead of first() with the same values (auth_core/ahead.py).

        Return an object whose forget() has to be called when the request ends, or None if nothing
        was sent. Raises what first() raises for a value that the field cannot convert.
        """
        plan = self._connection.__dict__.get("prepared_queries", {}).get(self)
        return plan and plan.ask_ahead(values)

    @property
    def _connection(self) -> Any:
        return connections[self._queryset.db]  # as the router says


class _Plan:
    """What the ORM found out about a query while it compiled it for one connection."""

    def __init__(self, queryset: QuerySet[Any], connection: Any):
        # A copy, since compiling changes the query.
        compiler: Any = queryset.query.chain().get_compiler(connection=connection)
        self.connection = connection
        self.opened: Any = None  # what `cursor` and `fast_path` belong to
        self.cursor: Any = None
        self.fast_path: Any = None  # a direct.FastPath, once there is one
        self.sql, parameters = compiler.as_sql()
        self.constants = list(parameters)
        self.places = [(i, each.output_field) for i, each in enumerate(parameters) if isinstance(each, Parameter)]
        select = compiler.select
        self.row = _Row(compiler.klass_info, select, connection.alias)
        converters = compiler.get_converters([column for column, *_ in select])
        self.converters = [
            (index, direct.faster_converter(convert), expression)
            for index, (several, expression) in converters.items()
            for convert in several
        ]

    def first(self, values: tuple[Any, ...]) -> Any:
        connection = self.connection
        rows = self._rows(self._arguments(values))
        if not rows:
            return None
        row = list(rows[0])
        for index, convert, expression in self.converters:
            row[index] = convert(row[index], expression, connection)
        return self.row.instance(row)

    def ask_ahead(self, values: tuple[Any, ...]) -> Any:
        connection = self.connection
        if not hasattr(self.fast_path, "ask_ahead") or connection.settings_dict["ATOMIC_REQUESTS"]:
            return None
        if connection.queries_logged or connection.execute_wrappers or connection.needs_rollback:
            return None
        arguments = self._arguments(values)
        # An error of the database is met again by first(), where the view answers to it.
        with suppress(Error), connection.wrap_database_errors:
            connection.close_if_health_check_failed()
            if connection.connection is self.opened:
                return self.fast_path if self.fast_path.ask_ahead(arguments) else None
        return None

    def _arguments(self, values: tuple[Any, ...]) -> list[Any]:
        arguments = self.constants.copy()
        for (index, field), value in zip(self.places, values, strict=True):
            arguments[index] = field.get_db_prep_value(value, self.connection)
        return arguments

    def _rows(self, arguments: list[Any]) -> Any:
        """Return the rows, of which the first is used.

        The connection's cursor is kept while it is open: a new one costs a fifth. Django's cursor
        runs the statement if somebody watches statements, and if it has to raise that the
        transaction is broken.
        """
        connection = self.connection
        connection.close_if_health_check_failed()
        if connection.queries_logged:
            cursor = connection.cursor()
        else:
            if connection.connection is None or connection.connection is not self.opened:
                self.cursor = connection.cursor()
                self.opened = connection.connection
                self.fast_path = direct.fast_path(connection, self.cursor, self.sql, len(self.constants))
            if self.fast_path is not None and not connection.execute_wrappers and not connection.needs_rollback:
                with connection.wrap_database_errors:
                    rows = self.fast_path(arguments)
                if rows is not None:
                    return rows
            cursor = self.cursor
        cursor.execute(self.sql, arguments)
        return cursor.fetchall()  # to the end, or SQLite would go on holding its read transaction


class _Row:
    """Which columns of a row make an instance of which model, and which make those joined to it.

    Django's own class for this, RelatedPopulator, takes other parameters from 6.1 on.
    """

    def __init__(self, klass_info: dict[str, Any], select: Any, alias: str):
        if klass_info.get("from_parent"):
            raise TypeError(f"select_related() to a child model, {klass_info['model'].__name__}, is not supported")
        own = klass_info["select_fields"]
        model, self.alias = klass_info["model"], alias
        self.columns = slice(own[0], own[-1] + 1)
        names = [column.target.attname for column, *_ in select[self.columns]]
        self.key = names.index(model._meta.pk.attname)
        self.make = Maker(model, names)
        self.joined = [
            (_Row(each, select, alias), each["local_setter"], each["remote_setter"])
            for each in klass_info.get("related_klass_infos", ())
        ]

    def instance(self, row: list[Any]) -> Any:
        """Return the model's instance with those joined to it, or None if its key is NULL."""
        values = row[self.columns]
        if values[self.key] is None:
            return None  # an outer join found no row
        instance = self.make(self.alias, values)
        for joined, set_here, set_there in self.joined:
            other = joined.instance(row)
            set_here(instance, other)
            if other is not None:
                set_there(other, instance)
        return instance
