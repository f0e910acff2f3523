"""Hashes of passwords that are out of date."""

from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test.utils import isolate_apps

from tests.support.accounts import PASSWORD
from tests.support.hashers import TwoRounds

User = get_user_model()
LOGIN = {"username": "ada", "password": PASSWORD}
NEW = "another one entirely"
# Ways in which a hash is out of date: the hashers now, and the earlier hash.
OUT_OF_DATE = {
    "rounds": (["tests.support.hashers.TwoRounds"], lambda: TwoRounds().encode(PASSWORD, "s" * 22, iterations=1)),
    "hasher": (
        ["django.contrib.auth.hashers.MD5PasswordHasher", "tests.support.hashers.TwoRounds"],
        lambda: TwoRounds().encode(PASSWORD, "s" * 22),
    ),
    "salt": (
        ["django.contrib.auth.hashers.MD5PasswordHasher"],
        lambda: MD5PasswordHasher().encode(PASSWORD, "short"),
    ),
}


@isolate_apps("django.contrib.auth")
def a_proxy():
    class Proxy(User):
        class Meta:
            proxy = True
            app_label = "auth"

    return Proxy
