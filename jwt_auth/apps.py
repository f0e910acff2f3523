from django.apps import AppConfig


class JWTAuthConfig(AppConfig):
    name = "jwt_auth"
    verbose_name = "JSON Web Tokens"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from jwt_auth import checks, signals  # noqa: F401 - they register themselves
