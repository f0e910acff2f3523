import logging

from django.db import DatabaseError, migrations, transaction

# Table and column by the name of the index.
INDEXES = {
    "tracks_track_title_part": ("tracks_track", "title"),
    "tracks_track_composer_part": ("tracks_track", "composer"),
    "tracks_album_title_part": ("tracks_album", "title"),
    "tracks_artist_name_part": ("tracks_artist", "name"),
}

# SQLSTATEs of CREATE EXTENSION: not available, not allowed, a file missing on the server.
_NOT_HERE = {"0A000", "42501", "58P01"}
_HINT = (
    "Install PostgreSQL's contrib package if it is missing, run `CREATE EXTENSION pg_trgm` in this database as a "
    "superuser, and then `manage.py migrate tracks 0001` and `manage.py migrate`."
)


def create(apps, schema_editor):
    """Create the extension and the indexes. Log a warning where the extension cannot be created."""
    if schema_editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError as error:
        if getattr(error.__cause__, "sqlstate", None) not in _NOT_HERE:
            raise
        logging.getLogger(__name__).warning("tracks are searched without an index: %s. %s", str(error).strip(), _HINT)
        return
    for name, (table, column) in INDEXES.items():
        schema_editor.execute(
            f'CREATE INDEX IF NOT EXISTS "{name}" ON "{table}" USING gin (UPPER("{column}") gin_trgm_ops)'
        )


def drop(apps, schema_editor):
    """Drop the indexes. The extension stays, because another table may use it."""
    if schema_editor.connection.vendor == "postgresql":
        for name in INDEXES:
            schema_editor.execute(f'DROP INDEX IF EXISTS "{name}"')


class Migration(migrations.Migration):
    """Index parts of the texts that `search` and the filters with `icontains` look for."""

    dependencies = [("tracks", "0001_initial")]
    operations = [migrations.RunPython(create, drop)]
