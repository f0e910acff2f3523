"""The check of PostgreSQL's indexes of parts of texts, which migration 0002 makes by pg_trgm.

Without them every search reads the whole table, and finds the same. They index what Django
compares: `UPPER(column) LIKE UPPER('%term%')`.
"""

from django.core.checks import Tags, Warning, register
from django.db import connections
from django.db.migrations.recorder import MigrationRecorder

INDEXES = (
    "tracks_track_title_part",
    "tracks_track_composer_part",
    "tracks_album_title_part",
    "tracks_artist_name_part",
)

_MIGRATION = ("tracks", "0002_trigrams")


@register(Tags.database)
def search_has_its_indexes(app_configs, databases=(), **kwargs):
    """Return a warning for a migrated database whose tracks are searched without an index."""
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "postgresql" or _MIGRATION not in MigrationRecorder(connection).applied_migrations():
            continue
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_class WHERE relname = ANY (%s) AND relkind = 'i'", [list(INDEXES)])
            (found,) = cursor.fetchone()
        if found < len(INDEXES):
            yield Warning(
                f"Database {alias!r} has no indexes of parts of texts: each search reads every track.",
                hint="Install PostgreSQL's contrib package if it is missing, run `CREATE EXTENSION pg_trgm` in this "
                "database as a superuser, and then `manage.py migrate tracks 0001` and `manage.py migrate`.",
                id="tracks.W001",
            )
