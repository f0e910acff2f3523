"""Without Django's cursor, every type of field has the value that the ORM gives it."""

import string
import uuid
from contextlib import contextmanager
from datetime import UTC, timedelta

import pytest
from django.db import connection, connections, models
from django.test.utils import isolate_apps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from psycopg.pq import Format

from auth_core.prepared import Parameter, Query
from tests.support.direct import plan_of, run_by_the_cursor, run_directly

LENGTH = 40
texts = some.text(some.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=LENGTH)
moments = some.datetimes(timezones=some.just(UTC)).filter(lambda each: 1 < each.year < 9999)  # in any zone
decimals = some.decimals(-(10**7), 10**7, places=7)
whole = some.integers(-(2**31), 2**31 - 1)
durations = some.timedeltas(timedelta(days=-100_000), timedelta(days=100_000))
documents = some.recursive(
    some.none() | some.booleans() | whole | some.text(string.printable.replace("\0", ""), max_size=9),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(string.ascii_letters), inner, max_size=3),
    max_leaves=5,
)


class Shouted(models.CharField):
    """A field that converts what the database returns, NULL too."""

    def from_db_value(self, value, expression, connection):
        return "nothing" if value is None else value.upper()


def tables(moments) -> dict[type[models.Model], dict]:
    """Return two new models, each with what may stand in its columns."""

    class Common(models.Model):
        id = models.UUIDField(primary_key=True, default=uuid.uuid4)
        big = models.BigIntegerField(null=True)
        small = models.SmallIntegerField(null=True)
        number = models.IntegerField(null=True)
        binary = models.BinaryField(null=True)
        boolean = models.BooleanField(null=True)
        text = models.TextField(null=True)
        name = models.CharField(max_length=LENGTH, null=True)
        shouted = Shouted(max_length=LENGTH, null=True)
        date = models.DateField(null=True)
        decimal = models.DecimalField(max_digits=20, decimal_places=7, null=True)
        duration = models.DurationField(null=True)
        float = models.FloatField(null=True)
        moment = models.DateTimeField(null=True)
        time = models.TimeField(null=True)
        uuid = models.UUIDField(null=True)

        class Meta:
            app_label = "tests"

    class Rare(models.Model):
        id = models.BigAutoField(primary_key=True)
        ip = models.GenericIPAddressField(null=True)
        json = models.JSONField(null=True)
        moment = models.DateTimeField(null=True)
        file = models.FileField(null=True, max_length=LENGTH)
        owner = models.ForeignKey(Common, models.CASCADE, null=True)

        class Meta:
            app_label = "tests"

    return {
        Common: {
            "big": some.integers(-(2**63), 2**63 - 1),
            "small": some.integers(-(2**15), 2**15 - 1),
            "number": whole,
            "binary": some.binary(max_size=LENGTH),
            "boolean": some.booleans(),
            "text": texts,
            "name": texts,
            "shouted": texts,
            "date": some.dates(),
            "decimal": decimals,
            "duration": durations,
            "float": some.floats(allow_nan=False, allow_infinity=False),
            "moment": moments,
            "time": some.times(),
            "uuid": some.uuids(),
        },
        Rare: {
            "ip": some.ip_addresses().map(str),
            "json": documents,
            "moment": moments,
            "file": some.text(string.ascii_letters, max_size=9),
        },
    }


@contextmanager
def made(*models):
    with connection.schema_editor() as editor:
        for model in models:
            editor.create_model(model)
    try:
        yield
    finally:
        with connection.schema_editor() as editor:
            for model in reversed(models):
                editor.delete_model(model)


def values(instance) -> list:
    """Return names, types and texts of all attributes, in their order, and what the state holds.

    The texts tell 1.5 from 1.50, 0.0 from -0.0, and a moment's zone and fold.
    """
    own = [(name, type(value), repr(value)) for name, value in vars(instance).items() if name != "_state"]
    state = [getattr(instance._state, name, None) for name in ("adding", "db", "fetch_mode")]  # the last: 6.1
    related = [values(each) for each in instance._state.fields_cache.values() if each is not None]
    return [type(instance), own, state, related]


def check_rows(common, rare, rows: dict, examples: int):
    by_key = {
        common: Query(lambda: common.objects.filter(pk=Parameter(common._meta.pk))),
        rare: Query(lambda: rare.objects.select_related("owner").filter(pk=Parameter(rare._meta.pk))),
    }
    by_orm = {common: common.objects.all(), rare: rare.objects.select_related("owner")}
    kinds = {
        model: some.fixed_dictionaries({name: some.none() | each for name, each in rows[model].items()})
        for model in rows
    }

    @settings(max_examples=examples, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(one=kinds[common], other=kinds[rare], is_owned=some.booleans())
    def check(one, other, is_owned):
        owner = common.objects.create(**one)
        for instance in (owner, rare.objects.create(**other, owner=owner if is_owned else None)):
            model = type(instance)
            by_key[model].first(None)
            plan = plan_of(by_key[model])
            found = values(run_directly(plan, instance.pk))
            assert found == values(run_by_the_cursor(plan, instance.pk))
            assert found == values(by_orm[model].get(pk=instance.pk))

    check()
    return {model: plan_of(query) for model, query in by_key.items()}


@pytest.fixture(params=["UTC", "none", "other"])
def zone(request, transactional_db, settings):
    """Set the time zone of the database's moments, and yield a name for it."""

    def connect_in(name):
        connection.settings_dict["TIME_ZONE"] = name
        for each in ("timezone", "timezone_name"):
            vars(connections["default"]).pop(each, None)
        connection.close()

    settings.USE_TZ = request.param != "none"
    connect_in("Asia/Kathmandu" if request.param == "other" else None)
    yield request.param
    connect_in(None)


@isolate_apps("tests")
def test_any_row_is_the_same_with_and_without_the_cursor(zone):
    rows = tables(moments.map(lambda each: each.replace(tzinfo=None)) if zone == "none" else moments)
    common, rare = rows
    with made(common, rare):
        plans = check_rows(common, rare, rows, examples=60 if zone == "UTC" else 15)
        if connection.vendor == "postgresql":  # whole rows in binary or none
            formats = {
                model: {known[1] for known in plan.fast_path._described.values()} for model, plan in plans.items()
            }
            assert formats == {common: {Format.BINARY if zone == "UTC" else Format.TEXT}, rare: {Format.TEXT}}
