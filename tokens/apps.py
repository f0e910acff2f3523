from django.apps import AppConfig


class TokensConfig(AppConfig):
    name = "tokens"
    verbose_name = "Opaque tokens"

    def ready(self):
        from tokens import checks, signals  # noqa: F401 - they register themselves
