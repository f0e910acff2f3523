from django.apps import AppConfig


class TracksConfig(AppConfig):
    name = "tracks"

    def ready(self):
        from tracks import trigrams  # noqa: F401 - imported to register its check
