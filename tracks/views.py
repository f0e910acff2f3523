from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, AllowAny
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.viewsets import ModelViewSet

from auth_core.bodies import KnownNamesMixin
from tracks.filters import PAGINATION, TrackFilter, TrackFilterBackend
from tracks.models import Track
from tracks.pagination import TrackPagination
from tracks.permissions import IsOwnerOrStaff, user_pk
from tracks.serializers import COLUMNS, TrackSerializer


class TrackViewSet(KnownNamesMixin, ModelViewSet):
    """Tracks: list, filter, search, order, page, create, read, change, delete.

    The user who created a track and staff may change and delete it. Only staff may change or delete
    a track of the catalogue.
    """

    # One statement reads a page with all its names, and of each owner only the name.
    queryset = Track.objects.select_related("album__artist", "genre", "owner").only(*COLUMNS.values()).order_by("id")
    serializer_class = TrackSerializer
    pagination_class = TrackPagination
    filter_backends = [TrackFilterBackend]
    filterset_class = TrackFilter
    lookup_value_regex = "[0-9]+"  # int() accepts 1_0 and other scripts' digits as 10

    def get_permissions(self):
        if settings.ANONYMOUS_READ and self.request.method in SAFE_METHODS:
            # Also to a credential whose scope does not include reading: without it anyone may read.
            return [AllowAny()]
        return [*super().get_permissions(), IsOwnerOrStaff()]

    def query_names(self):
        names = super().query_names()
        if self.action == "create" and isinstance(self.request.accepted_renderer, BrowsableAPIRenderer):
            # The browsable API's form posts to the address of its page, filters included.
            names += (*TrackFilter.base_filters, *PAGINATION)
        return names

    def filter_queryset(self, queryset):
        # Filters apply to the list only.
        return queryset if self.detail else super().filter_queryset(queryset)

    def list(self, request, *args, **kwargs):
        # From columns, without the serializer (see COLUMNS).
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([dict(zip(COLUMNS, row, strict=True)) for row in rows])

    def perform_create(self, serializer):
        with transaction.atomic():
            # The owner's row is locked. A deferred foreign key is checked at commit, which is too
            # late for a specific error.
            users = get_user_model()._default_manager.select_for_update(no_key=True)
            owner = users.filter(pk=user_pk(self.request.user)).first()
            if owner is None:
                raise AuthenticationFailed("The account this credential was issued to no longer exists.")
            serializer.save(owner=owner)

    def perform_update(self, serializer):
        with transaction.atomic():
            # Read again under a lock. Saving the instance read before would undo another request's
            # change, or bring back a deleted track.
            tracks = self.get_queryset().select_for_update(of=("self",))
            serializer.instance = get_object_or_404(tracks, pk=serializer.instance.pk)
            serializer.save()
