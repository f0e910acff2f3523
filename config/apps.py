from django.apps import AppConfig


class ServiceConfig(AppConfig):
    name = "config"
    verbose_name = "Service"

    def ready(self):
        from config import accounts, checks, events, openapi  # noqa: F401 - checks and openapi register themselves

        accounts.connect()
        events.connect()
