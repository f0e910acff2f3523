"""Read the values of the track filters: whole numbers, moments and lists."""

import re
from datetime import UTC, datetime, time, timedelta

from django import forms
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_date, parse_datetime
from django_filters.fields import BaseCSVField, IsoDateTimeField
from django_filters.widgets import BaseCSVWidget

# RFC 3339's date-time in upper case. The seconds and the offset may be missing, as in ISO 8601.
_DATE_TIME = re.compile(
    r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:[.,](\d+))?)? ?(Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?)?", re.ASCII
)
_MICROSECOND = timedelta(microseconds=1)

# One name and what follows it. A name in quotation marks may hold anything, with the marks doubled.
_TERM = re.compile(r'\s*(?:"([^"]*(?:""[^"]*)*)"\s*|(?![\s"])([^,]*))(,|\Z)')


class WholeNumberField(forms.IntegerField):
    """A whole number in plain digits. int() accepts 1_000, and forms.IntegerField 1.0 as well."""

    def to_python(self, value):
        if value not in self.empty_values and not re.fullmatch("-?[0-9]{1,20}", str(value).strip()):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class SinceField(IsoDateTimeField):
    """A lower bound, as a moment in UTC. A date stands for its first microsecond."""

    is_end = False
    default_error_messages = {
        "invalid": "“%(value)s” is no valid date/time. Allowed: RFC 3339, as 2026-01-31T23:59:59Z or "
        "2026-01-31T23:59:59.5+02:00 (in an address “+” is written %%2B), or a date, as 2026-01-31."
    }

    def to_python(self, value):
        if value in self.empty_values:
            return None
        text = value.strip()
        try:
            return read_moment(text, is_end=self.is_end)
        except (ValueError, OverflowError):
            raise ValidationError(self.error_messages["invalid"], code="invalid", params={"value": text[:40]}) from None


class UntilField(SinceField):
    """An upper bound, as a moment in UTC. A date stands for its last microsecond."""

    is_end = True


def read_moment(text: str, is_end: bool) -> datetime:
    """Return the bound that `text` names, in UTC: its last moment if `is_end`, else its first.

    Accept every `date-time` of RFC 3339 (section 5.6): in either case, with a space for the T, with
    any offset and any fraction. Accept a date, and the other forms of ISO 8601 that Django parses.
    A time without an offset is in UTC.

    The database stores microseconds. A finer fraction is rounded up for a lower bound and down for
    an upper one, so that no track is lost. A leap second means the first second of the next minute,
    as in PostgreSQL. It exists only at the end of a month in UTC (section 5.7).

    Raise ValueError for any other text, and OverflowError outside of the years 1 to 9999.
    """
    if not text.isascii():  # \d matches the digits of other scripts too
        raise ValueError(text)
    text = text.upper()
    if day := parse_date(text):
        return datetime.combine(day, time.max if is_end else time.min, UTC)
    if not re.match(r"\d{4}-\d\d-\d\d[T ]\d\d:", text):
        moment = parse_datetime(text)  # the rest of ISO 8601, and some wrong texts
        if moment is None:
            raise ValueError(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise ValueError(text)
    day, minute, second, fraction, offset = match.groups(default="")
    is_leap = second == "60"
    second = "59" if is_leap else second or "00"
    moment = datetime.fromisoformat(f"{day}T{minute}:{second}.{fraction[:6]:0<6}{offset or 'Z'}").astimezone(UTC)
    if is_leap:
        moment += timedelta(seconds=1)
        if (moment.day, moment.time().replace(microsecond=0)) != (1, time.min):
            raise ValueError(text)
    return moment + _MICROSECOND if fraction[6:].strip("0") and not is_end else moment


class ListWidget(BaseCSVWidget):
    """A widget that reads all texts of a repeated parameter and shows them in one form field."""

    def value_from_datadict(self, data, files, name):
        return data.getlist(name)

    def render(self, name, value, attrs=None, renderer=None):
        return super().render(name, ",".join(value or ()).split(","), attrs, renderer)


class ListField(BaseCSVField):
    """A list: terms separated by commas, or the parameter repeated, or both.

    Empty terms are ignored. A list without other terms counts as not given, like an empty field.
    """

    base_widget_class = ListWidget

    def clean(self, value):
        return super().clean([term for text in value or () for term in self.terms(text)])

    def terms(self, text: str) -> list[str]:
        return [term for term in map(str.strip, text.split(",")) if term]


class NamesField(ListField):
    """A list of names, which may hold any character if quoted as in RFC 4180 (see HOW)."""

    HOW = (
        "Separate names by commas, or repeat the parameter. Put a name in quotation marks if it is empty, holds "
        "a comma, begins with a quotation mark, or begins or ends with a space; double the marks inside of it: "
        'Rock,"Folk, World","7"" Single".'
    )

    def terms(self, text: str) -> list[str]:
        """Return the names in `text`. Raise ValidationError for an unpaired quotation mark."""
        names, comma, at = [], ",", 0
        while comma:
            match = _TERM.match(text, at)
            if match is None:
                raise ValidationError(
                    "“%(rest)s” begins with a quotation mark, but no other one stands before a comma or the end. "
                    + self.HOW,
                    code="unclosed",
                    params={"rest": text[at:].strip()[:40]},
                )
            quoted, plain, comma = match.groups()
            if quoted is not None:
                names.append(quoted.replace('""', '"'))
            elif plain.strip():
                names.append(plain.strip())
            at = match.end()
        return names
