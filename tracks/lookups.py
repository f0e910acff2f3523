"""Conditions that let PostgreSQL use its indexes of parts of texts (tracks/trigrams.py)."""

from unicodedata import ucd_3_2_0

from django.db.models import CharField, ForeignKey, Func, Q
from django.db.models.fields.related_lookups import RelatedIn


@ForeignKey.register_lookup
class AnyOf(RelatedIn):
    """A lookup like `in`, for a queryset, whose rows PostgreSQL collects before it begins.

    PostgreSQL uses no index for `a LIKE … OR b IN (SELECT …)` and reads the whole table. If the
    list is an array, it combines an index for each side.
    """

    lookup_name = "any_of"

    def get_rhs_op(self, connection, rhs):
        return f"= ANY (ARRAY{rhs})" if connection.vendor == "postgresql" else super().get_rhs_op(connection, rhs)


class _Unindexed(Func):
    """A column of text as an expression that no index has."""

    template = "(%(expressions)s || '')"
    output_field = CharField()

    def as_sqlite(self, compiler, connection):
        return compiler.compile(self.source_expressions[0])  # where `icontains` uses no index anyway


def contains(column, term: str):
    """Return the condition that a column contains `term`, ignoring case.

    An index of three characters each cannot find a shorter term. PostgreSQL notices that while it
    plans for a given term, but not when it plans a prepared statement for any, and then takes ten
    times as long as without the index.
    """
    if "xxx" in "".join("x" if is_indexed(character) else " " for character in term):
        return Q(**{f"{column}__icontains": term})
    return CharField().get_lookup("icontains")(_Unindexed(column), term)


def is_indexed(character: str) -> bool:
    """Return True for a character that PostgreSQL's index holds: a letter or an ASCII digit.

    The index also holds other digits, but not all that Python's isalnum() accepts: not ² and ½.
    Only letters that Unicode has had since 3.2 (2002) count here, because the index asks the
    server's C library. In a database whose LC_CTYPE is C, that knows ASCII only.
    """
    return (character.isascii() and character.isalnum()) or ucd_3_2_0.category(character).startswith("L")
