from django.apps import AppConfig, apps


class JWTAuthConfig(AppConfig):
    """The app of JSON Web Tokens."""

    name = "jwt_auth"
    verbose_name = "JSON Web Tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from rest_framework_simplejwt.exceptions import ExpiredTokenError

        from auth_core import checks as _checks  # noqa: F401
        from auth_core import events, revocation
        from jwt_auth import checks, signals  # noqa: F401 - imported to register themselves

        if apps.is_installed("drf_spectacular"):
            from jwt_auth import openapi  # noqa: F401 - imported to register itself
        revocation.connect()
        events.connect()
        events.reasons_by_cause[ExpiredTokenError] = "expired"
