"""The services that the generated clients call, and what is in their database."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.support import servers

USERNAME, PASSWORD = "ada", "correct horse battery"

CATALOGUE = f"""
from django.contrib.auth.models import User
from tracks.models import Album, Artist, Genre, Track

User.objects.create_user({USERNAME!r}, password={PASSWORD!r})
album = Album.objects.create(title="Samples", artist=Artist.objects.create(name="Various"))
songs = [(f"Song {{number}}", "Rock", number * 100_000) for number in range(1, 7)]
tunes = [(f"Tune {{number}}", "Jazz", 200_000) for number in range(1, 5)]
fiddles = [(f"Fiddle {{number}}", "Folk, World", number * 100_000 + 100_000) for number in (1, 2)]
for title, genre, duration in songs + tunes + fiddles:
    genre, _ = Genre.objects.get_or_create(name=genre)
    Track.objects.create(title=title, album=album, genre=genre, duration_ms=duration)
"""


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """Start three services, and yield what a driver reads from its environment.

    The first has a user and a catalogue, the second limits attempts to log in, and the database of
    the third is away.
    """
    folder = servers.temporary_folder()
    full = {**servers.QUICK, "DATABASE_URL": servers.migrated_sqlite(folder), "LOGIN_THROTTLE": "none"}
    done = servers.run("manage.py", "shell", "--verbosity", "0", "-c", CATALOGUE, **full)
    assert done.returncode == 0, done.stderr
    (lost := servers.temporary_folder() / "away").mkdir()
    away = {**full, "DATABASE_URL": servers.migrated_sqlite(lost)}
    with (
        servers.granian(**full) as service,
        servers.granian(**{**full, "LOGIN_THROTTLE": "5/min"}) as throttled,
        servers.granian(**away) as without_database,
    ):
        lost.rename(lost.with_name("moved"))
        yield {
            "SERVICE": service,
            "THROTTLED": throttled,
            "AWAY": without_database,
            "USERNAME_OF_ADA": USERNAME,
            "PASSWORD_OF_ADA": PASSWORD,
        }
