import re

from django.core.paginator import PageNotAnInteger, Paginator
from django.db.models import Func, IntegerField, Subquery
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination

from tracks.serializers import COLUMNS

# A list of more tracks is read in two steps: the ids of a page, then their rows.
LONG = 10_000


class TrackPaginator(Paginator):
    """A paginator of rows, each a tuple of the values of COLUMNS."""

    def page(self, number):
        number = self.validate_number(number)
        bottom = (number - 1) * self.per_page
        top = min(bottom + self.per_page, self.count)
        if self.count <= LONG:
            # Not earlier, because counting a queryset of values joins every table of theirs.
            rows = self.object_list[bottom:top].values_list(*COLUMNS.values())
        else:
            rows = self._rows_from_the_end(bottom, top) or self._rows(self.object_list[bottom:top])
        return self._get_page(rows, number, self)

    def _rows(self, tracks):
        """Return the rows of a slice of the list, in the order of the list.

        Only an index is read up to the slice, where a join would read each track before it with
        its album, artist and genre. The database also has no choice of a table to begin with.
        """
        rows = self.object_list.model._default_manager.filter(pk__in=tracks.values("pk"))
        return rows.order_by(*self.object_list.query.order_by).values_list(*COLUMNS.values())

    def _rows_from_the_end(self, bottom, top):
        """Return the rows of a page in the last quarter of all tracks, or None for other pages.

        They are counted from the end, which is nearer. Their statement counts the tracks again,
        because one that was added since would move the page; then return None too. A second count
        of a filtered list would cost more than it saves.
        """
        if bottom < self.count * 3 // 4 or self.object_list.query.where:
            return None
        count = Func(template="COUNT(*)", output_field=IntegerField())  # unlike Count, without GROUP BY
        count = Subquery(self.object_list.model._default_manager.values(count=count))
        rows = list(
            self._rows(self.object_list.reverse()[self.count - top : self.count - bottom]).annotate(count=count)
        )
        if not rows or rows[0][-1] != self.count:
            return None
        return [row[:-1] for row in rows]

    def validate_number(self, number):
        # Plain digits only: int() accepts 1_0 as page 10.
        if not re.fullmatch("[0-9]+", str(number)):
            raise PageNotAnInteger(self.error_messages["invalid_page"])
        return super().validate_number(number)


class TrackPagination(PageNumberPagination):
    """Pages of 25 tracks, or of up to 100 by `page_size`."""

    django_paginator_class = TrackPaginator
    page_size = 25
    max_page_size = 100
    page_size_query_param = "page_size"
    page_size_query_description = f"Tracks per page, from 1 to {max_page_size}; {page_size} when not given."

    def get_page_size(self, request):
        """Return the page size. Refuse what DRF would silently replace.

        A client that asks for 500 tracks must not believe that the 100 it gets are all.
        """
        text = request.query_params.get(self.page_size_query_param, "").strip()
        if not text:
            return self.page_size
        if not re.fullmatch("[0-9]{1,9}", text) or not 1 <= int(text) <= self.max_page_size:
            raise ValidationError(
                {self.page_size_query_param: [f"Enter a whole number from 1 to {self.max_page_size}."]}
            )
        return int(text)

    def get_schema_operation_parameters(self, view):
        """Return DRF's parameters with their limits."""
        page, page_size = super().get_schema_operation_parameters(view)
        page["schema"]["minimum"] = page_size["schema"]["minimum"] = 1
        page_size["schema"]["maximum"] = self.max_page_size
        return [page, page_size]

    def get_paginated_response_schema(self, schema):
        """Return DRF's schema in OpenAPI 3.1, which has no `nullable`, without its examples."""
        page = super().get_paginated_response_schema(schema)
        page["required"] = list(page["properties"])
        del page["properties"]["count"]["example"]
        for name in ("next", "previous"):
            link = page["properties"][name]
            del link["nullable"], link["example"]
            link["type"] = ["string", "null"]
        return page
