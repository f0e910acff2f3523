"""The password of the tests' users, and the steps that end their credentials."""

from auth_core import revocation

PASSWORD = "correct horse battery"


def change_password(user):
    user.set_password("another one entirely")
    user.save()


def write_a_hash_by_hand(user):
    from django.contrib.auth.hashers import make_password

    user.password = make_password("another one entirely")
    user.save(update_fields=["password"])


def deactivate(user):
    user.is_active = False
    user.save()


def delete(user):
    user.delete()


def log_out_everywhere(user):
    revocation.revoke_all_credentials(user.pk, revocation.LOGOUT_EVERYWHERE)


ENDINGS = [change_password, write_a_hash_by_hand, deactivate, delete, log_out_everywhere]
