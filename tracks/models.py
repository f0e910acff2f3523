from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

MAX_DURATION_MS = 2_147_483_647  # nearly 25 days: four signed bytes, which every database stores


class Artist(models.Model):
    name = models.CharField(max_length=200, unique=True, help_text="Who made the album.")

    def __str__(self):
        return self.name


class Album(models.Model):
    title = models.CharField(max_length=200)
    artist = models.ForeignKey(Artist, models.PROTECT, related_name="albums")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["title", "artist"], name="tracks_album_title_artist")]

    def __str__(self):
        return f"{self.title} ({self.artist})"


class Genre(models.Model):
    name = models.CharField(max_length=50, unique=True)

    def __str__(self):
        return self.name


class Track(models.Model):
    """One recording on one album. A track without an owner belongs to the catalogue."""

    title = models.CharField(max_length=200)
    album = models.ForeignKey(Album, models.PROTECT, related_name="tracks")
    genre = models.ForeignKey(Genre, models.PROTECT, related_name="tracks")
    composer = models.CharField(max_length=300, blank=True, default="", help_text="As printed; may be empty.")
    duration_ms = models.PositiveIntegerField(
        "duration",
        validators=[MinValueValidator(1), MaxValueValidator(MAX_DURATION_MS)],
        help_text="Playing time in milliseconds.",
    )
    # CASCADE, because people expect what they made to go with their account. SET_NULL would move
    # it into the catalogue, which load_tracks compares with its file.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="tracks",
        null=True,
        blank=True,
        db_index=False,  # the partial index below is far smaller, as most tracks have no owner
        help_text="Who created it through the API; empty for a catalogue track, which only staff may change.",
    )
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(duration_ms__gte=1), name="tracks_track_duration_ms_positive"),
        ]
        # Each index ends with the tie-breaker, so it serves both directions (see TrackOrdering).
        indexes = [
            models.Index(fields=["title", "id"], name="tracks_track_title"),
            models.Index(fields=["duration_ms", "id"], name="tracks_track_duration"),
            models.Index(fields=["created", "id"], name="tracks_track_created"),
            models.Index(fields=["genre", "created", "id"], name="tracks_track_genre_created"),
            models.Index(fields=["genre", "title", "id"], name="tracks_track_genre_title"),
            models.Index(fields=["genre", "duration_ms", "id"], name="tracks_track_genre_duration"),
            models.Index(fields=["owner", "id"], name="tracks_track_owner", condition=Q(owner__isnull=False)),
        ]

    def __str__(self):
        return self.title
