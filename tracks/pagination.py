import re

from django.core.paginator import PageNotAnInteger, Paginator
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination

from tracks.serializers import COLUMNS


class TrackPaginator(Paginator):
    """A paginator of rows, each a tuple of the values of COLUMNS."""

    def page(self, number):
        page = super().page(number)
        # Not earlier, because counting a queryset of values joins every table of theirs.
        page.object_list = page.object_list.values_list(*COLUMNS.values())
        return page

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
        """Return DRF's schema in OpenAPI 3.1, which has no `nullable`."""
        page = super().get_paginated_response_schema(schema)
        for name in ("next", "previous"):
            link = page["properties"][name]
            del link["nullable"]
            link["type"] = ["string", "null"]
        return page
