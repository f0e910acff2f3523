"""Fixtures of several files of this folder."""

import pytest
from django.contrib.auth import get_user_model

from tracks.models import Album, Artist, Genre, Track


@pytest.fixture
def users(db):
    create = get_user_model().objects.create_user
    return {
        "owner": create("alice", "alice@example.org"),
        "other": create("bob", "bob@example.org"),
        "staff": create("carol", "carol@example.org", is_staff=True),
    }


@pytest.fixture
def rock(db):
    Genre.objects.create(name="Jazz")
    return Genre.objects.create(name="Rock")


@pytest.fixture
def album(db):
    return Album.objects.create(title="Moving Pictures", artist=Artist.objects.create(name="Rush"))


@pytest.fixture
def tracks(users, rock, album):
    def create(title, owner):
        return Track.objects.create(title=title, album=album, genre=rock, duration_ms=1000, owner=owner)

    return {"created": create("YYZ", users["owner"]), "catalogue": create("Limelight", None)}
