"""Conditions that let PostgreSQL use its indexes of parts of texts (tracks/trigrams.py)."""

import re

from django.db.models import CharField, ForeignKey, Func, Q
from django.db.models.fields.related_lookups import RelatedIn

_INDEXED = re.compile(r"[^\W_]{3}")


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
    if _INDEXED.search(term):
        return Q(**{f"{column}__icontains": term})
    return CharField().get_lookup("icontains")(_Unindexed(column), term)
