from django.apps import AppConfig, apps
from django.core.exceptions import ImproperlyConfigured


class TokensConfig(AppConfig):
    """The app of opaque tokens."""

    name = "tokens"
    verbose_name = "Opaque tokens"
    default_auto_field = "django.db.models.BigAutoField"  # as the migrations have it

    def import_models(self) -> None:
        # Here, since a check would come too late: our models derive from that app's.
        if not apps.is_installed("rest_framework.authtoken"):
            raise ImproperlyConfigured(
                'tokens needs "rest_framework.authtoken" in INSTALLED_APPS, after "tokens": its table holds the tokens '
                "(tokens.E001)"
            )
        super().import_models()

    def ready(self) -> None:
        from auth_core import checks as _checks  # noqa: F401
        from auth_core import events, revocation
        from tokens import checks, signals  # noqa: F401 - imported to register themselves

        revocation.connect()
        events.connect()
