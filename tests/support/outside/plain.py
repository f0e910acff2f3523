"""A plain Scheme may stand next to a class that imports a model."""

from django.contrib.auth.models import User
from rest_framework.authentication import TokenAuthentication

from config.schemes import Scheme


class Plain(TokenAuthentication):
    def authenticate_credentials(self, key):
        user, token = super().authenticate_credentials(key)
        return User.objects.get(pk=user.pk), token


SCHEME = Scheme("plain", "Token", "tests.support.outside.plain.Plain", "tokens.issue.token", None, "")
