"""The service's settings with a fast password hash, for servers whose tests log in often."""

from config.settings import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # PBKDF2 takes 0.2 s
