from django.apps import AppConfig


class ServiceConfig(AppConfig):
    name = "config"
    verbose_name = "Service"

    def ready(self):
        from config import accounts, checks, openapi  # noqa: F401 - the latter two register themselves

        accounts.connect()
