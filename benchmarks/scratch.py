"""`python -m benchmarks.scratch` fills the scratch database that is in force."""

import os

USERNAME = "benchmarks"
PASSWORD = "correct horse battery staple"


def fill():
    """Every migration, one user, the Chinook tracks."""
    from django.contrib.auth import get_user_model
    from django.core.management import call_command

    from tracks import catalogue

    call_command("migrate", verbosity=0)
    get_user_model().objects.create_user(USERNAME, password=PASSWORD)
    catalogue.load(catalogue.read(catalogue.CHINOOK))


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    import django

    django.setup()
    fill()
