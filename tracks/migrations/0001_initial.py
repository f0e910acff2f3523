import django.core.validators
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Artist",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(help_text="Who made the album.", max_length=200, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="Genre",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=50, unique=True)),
            ],
        ),
        migrations.CreateModel(
            name="Album",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                (
                    "artist",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="albums", to="tracks.artist"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Track",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=200)),
                (
                    "composer",
                    models.CharField(blank=True, default="", help_text="As printed; may be empty.", max_length=300),
                ),
                (
                    "duration_ms",
                    models.PositiveIntegerField(
                        help_text="Playing time in milliseconds.",
                        validators=[
                            django.core.validators.MinValueValidator(1),
                            django.core.validators.MaxValueValidator(2147483647),
                        ],
                        verbose_name="duration",
                    ),
                ),
                ("created", models.DateTimeField(auto_now_add=True)),
                ("updated", models.DateTimeField(auto_now=True)),
                (
                    "album",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tracks", to="tracks.album"
                    ),
                ),
                (
                    "genre",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="tracks", to="tracks.genre"
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        db_index=False,
                        help_text="Who created it through the API; empty for a catalogue track, which only staff may change.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tracks",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="album",
            constraint=models.UniqueConstraint(fields=("title", "artist"), name="tracks_album_title_artist"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(fields=["title", "id"], name="tracks_track_title"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(fields=["duration_ms", "id"], name="tracks_track_duration"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(fields=["created", "id"], name="tracks_track_created"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(fields=["genre", "created", "id"], name="tracks_track_genre_created"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(fields=["genre", "title", "id"], name="tracks_track_genre_title"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(fields=["genre", "duration_ms", "id"], name="tracks_track_genre_duration"),
        ),
        migrations.AddIndex(
            model_name="track",
            index=models.Index(
                condition=models.Q(("owner__isnull", False)), fields=["owner", "id"], name="tracks_track_owner"
            ),
        ),
        migrations.AddConstraint(
            model_name="track",
            constraint=models.CheckConstraint(
                condition=models.Q(("duration_ms__gte", 1)), name="tracks_track_duration_ms_positive"
            ),
        ),
    ]
