"""A list of tracks to filter."""

from datetime import UTC, datetime, timedelta

from rest_framework.test import APIClient

from tracks.models import Album, Artist, Genre, Track

LISTS = {"genre__in", "ordering"}
DAY_ONE = datetime(2026, 1, 1, 12, tzinfo=UTC)
#   title           album            artist        genre    composer        ms      owner
ROWS = [
    ("So What", "Kind of Blue", "Miles Davis", "Jazz", "Davis", 545_000, None),
    ("Blue in Green", "Kind of Blue", "Miles Davis", "Jazz", "Evans", 327_000, None),
    ("Limelight", "Moving Pictures", "Rush", "Rock", "Peart", 259_000, "alice"),
    ("YYZ", "Moving Pictures", "Rush", "Rock", "", 265_000, "bob"),
    ("Blue Monday", "Best", "New Order", "Pop", "100% us_", 265_000, "alice"),
    ("Master Blaster", "Best", "Stevie Wonder", "Jazz Funk", "Wonder", 300_000, None),
]


def client_with_rows(users) -> APIClient:
    """Make a track for each row, and log in as alice."""
    for day, (title, album, artist, genre, composer, duration, owner) in enumerate(ROWS):
        artist, _ = Artist.objects.get_or_create(name=artist)
        track = Track.objects.create(
            title=title,
            album=Album.objects.get_or_create(title=album, artist=artist)[0],
            genre=Genre.objects.get_or_create(name=genre)[0],
            composer=composer,
            duration_ms=duration,
            owner=users.get(owner),
        )
        Track.objects.filter(pk=track.pk).update(created=DAY_ONE + timedelta(days=day))
    client = APIClient()
    client.force_authenticate(users["alice"])
    return client


def titles(answer):
    assert answer.status_code == 200, answer.content
    return [track["title"] for track in answer.json()["results"]]


def get(api, **parameters):
    return api.get("/tracks/", parameters)
