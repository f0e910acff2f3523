from django.db import migrations

from tracks import trigrams


class Migration(migrations.Migration):
    """Index parts of the texts that `search` and the filters with `icontains` look for."""

    dependencies = [("tracks", "0001_initial")]
    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: trigrams.create(schema_editor),
            lambda apps, schema_editor: trigrams.drop(schema_editor),
        )
    ]
