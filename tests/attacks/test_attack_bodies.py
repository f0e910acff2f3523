"""No body fails an endpoint, passes for another body or obtains a credential.

The bodies vary in depth, size, type and encoding.
"""

import pytest
from django.db import transaction

from config.schemes import SCHEMES
from jwt_auth import models
from tests.support.accounts import PASSWORD
from tests.support.attacks_bodies import BODIES
from tracks.models import Album, Artist, Genre, Track

pytestmark = pytest.mark.attack

# Endpoints that read a body, for rows that differ in them; whether the request carries the
# credential; which successes are right.
NEEDS_NO_BODY = {200, 204}
OF_TOKENS = [
    ("post", "/api-token-auth/", False, set()),
    ("post", "/api-token-auth/new/", True, NEEDS_NO_BODY),
    ("post", "/api-token-auth/revoke/", True, NEEDS_NO_BODY),
    ("post", "/api-token-auth/revoke/", False, set()),
]
ENDPOINTS = {
    "token": [
        *OF_TOKENS,
        ("post", "/tracks/", True, set()),
        ("put", "/tracks/{track}/", True, set()),
        ("patch", "/tracks/{track}/", True, NEEDS_NO_BODY),
        ("delete", "/tracks/{track}/", True, NEEDS_NO_BODY),
        ("post", "/whoami/", True, set()),
    ],
    "token-hashed": [
        *OF_TOKENS,
        ("post", "/api-token-auth/tokens/", True, set()),
        ("delete", "/api-token-auth/tokens/0/", True, set()),
    ],
    "jwt": [
        ("post", "/api/token/", False, set()),
        ("post", "/api/token/refresh/", False, set()),
        ("post", "/api/token/verify/", False, set()),
        ("post", "/api/token/logout/", False, set()),
        ("post", "/api/token/logout/", True, NEEDS_NO_BODY),
        ("post", "/api/token/sessions/", True, set()),
        ("delete", "/api/token/sessions/{login}/", True, NEEDS_NO_BODY),
    ],
}


@pytest.fixture
def track(staff) -> int:
    album = Album.objects.create(title="2112", artist=Artist.objects.create(name="Rush"))
    genre = Genre.objects.create(name="Rock")
    return Track.objects.create(title="Overture", album=album, genre=genre, duration_ms=1000, owner=staff).pk


@pytest.mark.parametrize(("content_type", "body"), BODIES.values(), ids=map(ascii, BODIES))
@pytest.mark.parametrize("row", ENDPOINTS)
def test_a_bad_body_is_the_clients_error_in_json(door_to, staff, track, row, content_type, body):
    door = door_to(row)
    header = {"HTTP_AUTHORIZATION": f"{SCHEMES[row].keyword} {door.credential(staff)}"}
    for method, path, with_credential, unread in ENDPOINTS[row]:
        with transaction.atomic():
            response = getattr(door.client, method)(
                path.format(track=track, login=models.log_in(staff).access.sid),
                body,
                content_type=content_type,
                **(header if with_credential else {}),
            )
            transaction.set_rollback(True)
        said = (method, path, response.status_code, response.content[:200])
        assert 400 <= response.status_code < 500 or response.status_code in unread, said
        assert response.status_code == 204 or response["Content-Type"] == "application/json", said
        if response.status_code == 401:
            assert response["WWW-Authenticate"].startswith(SCHEMES[row].keyword), said


def test_a_good_body_is_answered_where_bad_ones_were_refused(door_to, staff):
    login = {"username": "grace", "password": PASSWORD}
    for row, path in (("token", "/api-token-auth/"), ("token-hashed", "/api-token-auth/"), ("jwt", "/api/token/")):
        for form in ("json", "multipart"):
            assert door_to(row).client.post(path, login, format=form).status_code == 200
