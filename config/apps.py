from django.apps import AppConfig


class ServiceConfig(AppConfig):
    name = "config"
    verbose_name = "Service"

    def ready(self):
        from auth_core import events, revocation
        from config import checks, openapi  # noqa: F401 - imported to register themselves
        from config.databases import lookups  # noqa: F401

        revocation.connect()
        events.connect()
