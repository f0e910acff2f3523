"""Requests of a holder of hashed tokens."""

import pytest
from django.contrib.auth import get_user_model

from tests.support.accounts import PASSWORD

User = get_user_model()
LOGIN = {"username": "ada", "password": PASSWORD}


def header(key: str) -> dict:
    return {"Authorization": f"Token {key}"}


def whoami(api, key) -> int:
    return api.get("/whoami/", headers=header(key)).status_code


def obtain(api, **fields) -> str:
    response = api.post("/api-token-auth/", LOGIN | fields)
    assert response.status_code == 200, response.content
    return response.json()["token"]


def rotate(api, key):
    return api.post("/api-token-auth/new/", headers=header(key))


def own(api, key) -> list[dict]:
    response = api.get("/api-token-auth/tokens/", headers=header(key))
    assert response.status_code == 200
    return response.json()


def delete(api, key, pk) -> int:
    return api.delete(f"/api-token-auth/tokens/{pk}/", headers=header(key)).status_code


# --- expiry, use and the limit --------------------------------------------------------------------


COMMITTED = pytest.mark.django_db(transaction=True)  # the service notes a use on commit


# --- at the same moment ---------------------------------------------------------------------------


CONCURRENT = pytest.mark.django_db(transaction=True)


def change_password():
    user = User.objects.get(username="ada")
    user.set_password(f"{PASSWORD}, changed")
    user.save()
