from django.apps import AppConfig


class TokensConfig(AppConfig):
    """The app of opaque tokens."""

    name = "tokens"
    verbose_name = "Opaque tokens"
    default_auto_field = "django.db.models.BigAutoField"  # as the migrations have it

    def ready(self) -> None:
        from auth_core import checks as _checks  # noqa: F401
        from auth_core import events, revocation
        from tokens import checks, signals  # noqa: F401 - imported to register themselves

        revocation.connect()
        events.connect()
