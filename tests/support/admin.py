"""The admin with a row on each page."""

from django.contrib.auth.models import Group
from django.db import transaction
from django.test import Client

from jwt_auth.models import log_in
from tokens.issue import hashed_token
from tracks.models import Album, Artist, Genre, Track


class UndoingClient(Client):
    """A client that rolls each request back to a savepoint.

    PostgreSQL therefore goes on after an error, and no row is lost.
    """

    def request(self, **request):
        with transaction.atomic():
            response = super().request(**request)
            transaction.set_rollback(True)
        return response


def client_with_rows(staff) -> Client:
    """Log in as staff, and make a row for each page of the admin."""
    log_in(staff)
    hashed_token(staff)
    Group.objects.create(name="editors")
    album = Album.objects.create(title="2112", artist=Artist.objects.create(name="Rush"))
    Track.objects.create(title="Overture", album=album, genre=Genre.objects.create(name="Rock"), duration_ms=1000)
    client = UndoingClient(raise_request_exception=False)
    client.force_login(staff)
    return client
