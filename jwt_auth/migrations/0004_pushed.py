from collections.abc import Callable
from typing import Any

from django.db import migrations, models

# A login whose refresh token expired over a day ago has no access token either.
CREATE = """
CREATE OR REPLACE FUNCTION jwt_auth_login_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('jwt_auth_login_ended', OLD.id::text);
    RETURN NULL;
END
$$;
CREATE TRIGGER jwt_auth_login_ended AFTER UPDATE OF revoked_at ON {table} FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL)
    EXECUTE FUNCTION jwt_auth_login_ended();
CREATE TRIGGER jwt_auth_login_deleted AFTER DELETE ON {table} FOR EACH ROW
    WHEN (OLD.revoked_at IS NULL AND OLD.refresh_expires_at > now() - interval '1 day')
    EXECUTE FUNCTION jwt_auth_login_ended();
"""
DROP = """
DROP TRIGGER jwt_auth_login_deleted ON {table};
DROP TRIGGER jwt_auth_login_ended ON {table};
DROP FUNCTION jwt_auth_login_ended();
"""


def _on_postgresql(statements: str) -> Callable[[Any, Any], None]:
    def run(apps: Any, schema_editor: Any) -> None:
        if schema_editor.connection.vendor == "postgresql":
            table = schema_editor.quote_name(apps.get_model("jwt_auth", "RefreshFamily")._meta.db_table)
            schema_editor.execute(statements.format(table=table))

    return run


class Migration(migrations.Migration):
    dependencies = [
        ("jwt_auth", "0003_stock_tokens"),
    ]

    operations = [
        migrations.CreateModel(
            name="DeletedLogin",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        editable=False, help_text="The id of the login.", primary_key=True, serialize=False
                    ),
                ),
                ("deleted_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "verbose_name": "deleted login",
            },
        ),
        migrations.AddIndex(
            model_name="refreshfamily",
            index=models.Index(
                "revoked_at", condition=models.Q(("revoked_at__isnull", False)), name="jwt_auth_login_ended"
            ),
        ),
        # The database announces each end of a login, whoever makes it, with its transaction.
        migrations.RunPython(_on_postgresql(CREATE), _on_postgresql(DROP)),
    ]
