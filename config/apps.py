from django.apps import AppConfig


class ServiceConfig(AppConfig):
    name = "config"
    verbose_name = "Service"

    def ready(self):
        from auth_core import events, revocation
        from config import checks, lookups, openapi  # noqa: F401 - three register themselves

        revocation.connect()
        events.connect()
