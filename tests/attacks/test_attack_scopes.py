"""A token of too little scope changes nothing and reads nothing, at every endpoint there is."""

import json

import pytest
from django.test import Client
from drf_spectacular.generators import EndpointEnumerator
from rest_framework.authtoken.models import Token

from auth_core.scopes import CHOICES, READ, WRITE, needed_for
from config.schemes import SCHEMES
from jwt_auth import models as logins
from jwt_auth.models import RefreshFamily
from tests.support.hashed import LOGIN
from tests.support.tracks import NEW
from tokens import hashed
from tokens.models import HashedToken
from tracks.models import Album, Artist, Genre, Track

pytestmark = pytest.mark.attack

# What asks for no scope: a login has no credential, and any token may rotate and revoke itself.
OPEN = {
    ("GET", "/schema/"),
    ("POST", "/api-token-auth/"),
    ("GET", "/api-token-auth/new/"),
    ("POST", "/api-token-auth/new/"),
    ("POST", "/api-token-auth/revoke/"),
}
EVERYWHERE = ("POST", "/api-token-auth/revoke/", {"everywhere": True})
UNKNOWN = {"nonsense": 1}
# Other ways to name a method, which some frameworks honour.
DISGUISES = ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"]


@pytest.fixture(params=[name for name, row in SCHEMES.items() if row.scoped])
def api(request, door_to) -> Client:
    return door_to(request.param).client


@pytest.fixture
def doors(api, staff) -> list[tuple[str, str, dict]]:
    """Return the method, path and body of a request to each operation that the row's URLs have."""
    album = Album.objects.create(title="2112", artist=Artist.objects.create(name="Rush"))
    rock = Genre.objects.create(name="Rock")
    track = Track.objects.create(title="Overture", album=album, genre=rock, duration_ms=1000, owner=staff)
    token = hashed.obtain(staff)
    logins.log_in(staff)
    found = []
    for path, _, method, _ in EndpointEnumerator().get_api_endpoints():
        is_track = path.startswith("/tracks/")
        body = NEW if is_track and method not in ("GET", "DELETE") else {}
        found.append((method, path.format(pk=track.pk if is_track else token.pk), body))
    return found


@pytest.fixture
def keys(staff) -> dict[str, str]:
    """Return a token of each scope."""
    return {scope: hashed.obtain(staff, scope=scope).key for scope in CHOICES}


def send(api, key, method, path, body, **headers):
    text = json.dumps(body) if body else ""
    headers["Authorization"] = f"Token {key}"
    return api.generic(method, path, text, content_type="application/json", headers=headers)


def state() -> list:
    """Return every row that these requests could change, without the time of a token's use."""
    rows = (Track, Album, Artist, Genre, Token, RefreshFamily)
    tokens = HashedToken.objects.order_by("pk").values("pk", "digest", "scope", "label")
    return [list(tokens), *(list(each.objects.order_by("pk").values()) for each in rows)]


def test_a_token_opens_no_door_that_its_scope_does_not_cover(api, doors, keys):
    before, asked = state(), 0
    closed = [door for door in doors if door[:2] not in OPEN]
    closed += [(method, path, UNKNOWN) for method, path, _ in closed if method != "GET"]
    for method, path, body in [*closed, EVERYWHERE]:
        needed = needed_for(method)
        for scope in {READ, WRITE} - {needed}:
            answer = send(api, keys[scope], method, path, body)
            said = (scope, method, path, answer.status_code, answer.content[:200])
            assert answer.status_code == 403, said
            assert answer["Content-Type"] == "application/json", said
            assert answer.json()["code"] == "insufficient_scope", said
            challenge = f'Token realm="api", error="insufficient_scope", scope="{needed}"'
            assert answer["WWW-Authenticate"] == challenge, said
            asked += 1
    assert asked >= 15
    assert state() == before


def test_a_token_opens_every_door_that_its_scope_covers(api, doors, keys, staff):
    asked = 0
    for method, path, body in [*doors, EVERYWHERE]:
        for scope in CHOICES:
            if (method, path) in OPEN and body is not EVERYWHERE[2]:
                assert send(api, hashed.obtain(staff, scope=scope).key, method, path, body).status_code != 403
            elif needed_for(method) in scope.split():
                # A name that nobody reads: whoever comes so far has the scope, and changes nothing.
                answer = send(api, keys[scope], method, path, {} if method == "GET" else body | UNKNOWN)
                assert answer.status_code == (200 if method == "GET" else 400), (scope, method, path)
            asked += 1
    assert asked >= 45


@pytest.mark.once
@pytest.mark.parametrize("disguise", DISGUISES)
def test_no_disguise_of_a_method_opens_a_door(api, doors, keys, disguise):
    before = state()
    for method, path, body in doors:
        if (method, path) in OPEN:
            continue
        other, scope = ("GET", READ) if needed_for(method) == WRITE else ("POST", WRITE)
        for query in ("", f"?_method={method}&method={method}", f"?format=json&http_method={method}"):
            answer = send(api, keys[scope], other, path + query, body, **{disguise: method})
            assert answer.status_code in (200, 400, 405), (method, path, answer.status_code)
            assert other == "GET" or "results" not in answer.content.decode()
    assert state() == before


@pytest.mark.once
@pytest.mark.parametrize("method", ["post", "pOsT", "PoSt", "TRACE", "CONNECT", "PROPFIND", "FOO", "GET ", "get\t"])
def test_an_odd_method_is_no_safe_one(api, doors, keys, method):
    before = state()
    for path in dict.fromkeys(path for _, path, _ in doors if ("POST", path) not in OPEN and path != "/schema/"):
        assert send(api, keys[READ], method, path, NEW).status_code in (403, 405), path
    assert state() == before


HOSTILE = [
    "*", "all", "admin", "read write admin", "read\x00write", "read\nwrite", "read+write", "read%20write", "%",
    "' OR 1=1 --", "READ WRITE", "ｒｅａｄ", "read\u200b", "a" * 200_000, "read " * 10_000 + "*",
    ["write"], {"$ne": "read"}, {"read": 1}, 1, 1e308, True, None,
]  # fmt: skip


@pytest.mark.parametrize("scope", HOSTILE, ids=lambda scope: ascii(scope)[:30])
def test_no_hostile_scope_obtains_a_token(api, user, scope):
    answer = api.post("/api-token-auth/", LOGIN | {"scope": scope}, format="json")
    assert (answer.status_code, list(answer.json())) == (400, ["scope"])
    assert len(answer.content) < 200
    assert not HashedToken.objects.exists()


@pytest.mark.once
@pytest.mark.parametrize("scope", ["", "readwrite", "Write", "writer", "read,write", "admin *", "write\t"])
def test_a_scope_that_somebody_wrote_into_the_table_grants_only_the_words_it_has(api, user, scope):
    key = hashed.obtain(user, scope="read").key
    HashedToken.objects.update(scope=scope)
    for method, path in (("GET", "/whoami/"), ("POST", "/tracks/")):
        assert send(api, key, method, path, {}).status_code == 403
