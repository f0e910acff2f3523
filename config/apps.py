from django.apps import AppConfig


class ServiceConfig(AppConfig):
    name = "config"
    verbose_name = "Service"

    def ready(self):
        from config import accounts, checks, events, lookups, openapi  # noqa: F401 - three register themselves

        accounts.connect()
        events.connect()
