"""Our JSON renderer compared with DRF's: the same bytes, or the same refusal, for any data."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from hypothesis import example, given
from hypothesis import strategies as st
from rest_framework import renderers, serializers
from rest_framework.exceptions import ErrorDetail
from rest_framework.utils.serializer_helpers import ReturnDict, ReturnList

from auth_core.renderers import JSONRenderer

pytestmark = pytest.mark.once

MOMENT = datetime(2026, 1, 2, 3, 4, 5, 678, UTC)


def written(renderer, data, media_type="application/json", context=None):
    """Return the bytes, or the class of the exception."""
    try:
        return renderer().render(data, media_type, context)
    except Exception as error:
        return type(error)


def assert_alike(data, *more):
    assert written(JSONRenderer, data, *more) == written(renderers.JSONRenderer, data, *more)


class Kind(IntEnum):
    TRACK = 1


serializer = serializers.Serializer()
TEXTS = st.text(st.characters(exclude_categories=()))  # half characters (surrogates) too
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(min_value=2**63 - 2, max_value=2**64 + 2),
    st.floats(),
    TEXTS,
    st.datetimes(timezones=st.none() | st.timezones() | st.just(UTC), allow_imaginary=False),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.decimals(),
    st.uuids(),
    st.binary(max_size=4),
    st.builds(ErrorDetail, TEXTS, TEXTS),
    st.builds(lazystr, TEXTS),
)
KEYS = TEXTS | st.integers() | st.booleans() | st.none() | st.builds(mark_safe, TEXTS)
DATA = st.recursive(
    SCALARS,
    lambda inside: st.one_of(
        st.lists(inside),
        st.lists(inside).map(tuple),
        st.dictionaries(TEXTS, inside),
        st.dictionaries(KEYS, inside),
        st.dictionaries(TEXTS, inside).map(lambda data: ReturnDict(data, serializer=serializer)),
        st.lists(inside).map(lambda data: ReturnList(data, serializer=serializer)),
    ),
    max_leaves=20,
)


@given(DATA)
@example([MOMENT, MOMENT.replace(microsecond=0), MOMENT.replace(tzinfo=None)])
@example([MOMENT.astimezone(timezone(timedelta(hours=2))), datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/London"))])
@example([datetime(1800, 1, 1, tzinfo=ZoneInfo("Europe/Amsterdam"))])  # 18 minutes and 28 seconds ahead
@example({"a": [{"b": datetime(1, 1, 1, tzinfo=timezone(timedelta(seconds=30)))}]})
@example({"line": "a\u2028b\u2029c", "\u2028": "\x00\x1f\x7f\x80\ufeff\U0010ffff"})
@example(["\ud800"])
@example({"\udfff": 1})
@example([1e16, 1e-7, 0.1, -0.0])
@example([[float("inf")]])
@example({"deep": {"deeper": [float("nan")]}})
@example([2**64, -(2**63) - 1])
@example({1: "a", None: "b", False: "c"})
@example([Kind.TRACK])
@example([Decimal("1.10"), UUID(int=0), lazystr("ja"), mark_safe("<b>")])
@example([ErrorDetail("no", "code")])
@example([object()])
def test_it_writes_what_drf_writes(data):
    assert_alike(data)


def test_it_writes_every_character_as_drf_does():
    text = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    assert_alike([text, {text: 1}])


@pytest.mark.parametrize("data", [None, {}, [], "", "text", 0, False, MOMENT, {"a": {}}, {"a": [[]]}], ids=repr)
def test_it_writes_the_smallest_data_as_drf_does(data):
    assert_alike(data)


def test_it_writes_data_nested_deeper_than_orjson_goes():
    data = []
    for _ in range(300):
        data = [data]
    assert_alike(data)


@pytest.mark.parametrize("context", [None, {}, {"indent": 3}, {"indent": None}])
@pytest.mark.parametrize(
    "media_type",
    [None, "", "application/json", *(f"application/json; indent={n}" for n in (-1, 0, 1, 2, 8, 9, "x", "")), "a;b;c"],
)
def test_it_indents_as_drf_does(media_type, context):
    assert_alike({"a": ["\u2028é", {"b": MOMENT}]}, media_type, context)


def test_it_leaves_plain_data_to_orjson_and_the_rest_to_drf(monkeypatch):
    monkeypatch.setattr(renderers.JSONRenderer, "render", lambda *_: b"by DRF")
    for plain in ({}, [], {"a": [1, "b", None, True, MOMENT]}, ReturnDict({"a": 1}, serializer=serializer)):
        assert JSONRenderer().render(plain, "application/json", {}) != b"by DRF"
    for other in (None, "text", [1.5], [MOMENT.replace(tzinfo=None)], {"detail": ErrorDetail("no")}, [2**64], {1: 2}):
        assert JSONRenderer().render(other, "application/json", {}) == b"by DRF"
    assert JSONRenderer().render({}, "application/json; indent=2", {}) == b"by DRF"
