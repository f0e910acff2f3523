from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.shortcuts import get_object_or_404
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import IsAuthenticated, IsAuthenticatedOrReadOnly
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

    A track is changed and deleted by the user who created it and by staff; one of the catalogue, by staff.
    """

    # One statement for a page and all its names, and of the owner's row the name alone.
    queryset = Track.objects.select_related("album__artist", "genre", "owner").only(*COLUMNS.values()).order_by("id")
    serializer_class = TrackSerializer
    pagination_class = TrackPagination
    filter_backends = [TrackFilterBackend]
    filterset_class = TrackFilter
    lookup_value_regex = "[0-9]+"  # int() would also take 1_0 and another script's digits for track 10

    def get_permissions(self):
        gate = IsAuthenticatedOrReadOnly if settings.ANONYMOUS_READ else IsAuthenticated
        return [gate(), IsOwnerOrStaff()]

    def query_names(self):
        names = super().query_names()
        if self.action == "create" and isinstance(self.request.accepted_renderer, BrowsableAPIRenderer):
            # The browsable API's form posts to the address of its page: the list as it is filtered.
            names += (*TrackFilter.base_filters, *PAGINATION)
        return names

    def filter_queryset(self, queryset):
        # The filters choose from the list; a track asked for by its id is that track.
        return queryset if self.detail else super().filter_queryset(queryset)

    def list(self, request, *args, **kwargs):
        # Without the serializer, from the columns that its fields show: see COLUMNS.
        rows = self.paginate_queryset(self.filter_queryset(self.get_queryset()))
        return self.get_paginated_response([dict(zip(COLUMNS, row, strict=True)) for row in rows])

    def perform_create(self, serializer):
        with transaction.atomic():
            # Locked, because a foreign key is checked at commit: too late to answer with anything but 500.
            users = get_user_model()._default_manager.select_for_update(no_key=True)
            owner = users.filter(pk=user_pk(self.request.user)).first()
            if owner is None:
                raise AuthenticationFailed("The account this credential was issued to no longer exists.")
            serializer.save(owner=owner)

    def perform_update(self, serializer):
        with transaction.atomic():
            # Read again, locked: saved as it was read before, it would undo what another request changed
            # meanwhile, and bring back what another deleted.
            tracks = self.get_queryset().select_for_update(of=("self",))
            serializer.instance = get_object_or_404(tracks, pk=serializer.instance.pk)
            serializer.save()
