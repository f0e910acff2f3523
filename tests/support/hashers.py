"""Password hashers that are fast enough for a test."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class TwoRounds(PBKDF2PasswordHasher):
    iterations = 2
