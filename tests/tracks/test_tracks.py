"""Tracks: who may read and change them, what is stored, what it costs.

test_track_filters.py tests the filters.
"""

import json
from types import SimpleNamespace
from urllib.parse import quote, urlencode

import pytest
from rest_framework.test import APIRequestFactory
from rest_framework_simplejwt.authentication import JWTStatelessUserAuthentication
from rest_framework_simplejwt.tokens import AccessToken

from tests.support.track_rows import LIST, client, url
from tests.support.tracks import NEW
from tracks.models import Album, Artist, Genre, Track
from tracks.permissions import user_pk
from tracks.serializers import TrackSerializer
from tracks.views import TrackViewSet

pytestmark = pytest.mark.django_db


# --- permissions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "patch", "put", "delete"])
@pytest.mark.parametrize("which", ["created", "catalogue"])
@pytest.mark.parametrize("who", ["anonymous", "owner", "other", "staff"])
@pytest.mark.parametrize("anonymous_read", [False, True])
def test_a_track_is_changed_by_its_owner_and_staff_and_a_catalogue_track_by_staff(
    tracks, users, settings, anonymous_read, who, which, method
):
    settings.ANONYMOUS_READ = anonymous_read
    reading = method == "get"
    may = {
        "anonymous": reading and anonymous_read,
        "owner": reading or which == "created",
        "other": reading,
        "staff": True,
    }[who]
    answer = getattr(client(users.get(who)), method)(url(tracks[which]), None if method == "delete" else NEW)
    if may:
        assert answer.status_code == (204 if method == "delete" else 200)
    else:
        assert answer.status_code in ((401, 403) if who == "anonymous" else (403,))
    changed = may and not reading
    assert Track.objects.filter(pk=tracks[which].pk, title=tracks[which].title).exists() is not changed


@pytest.mark.parametrize("anonymous_read", [False, True])
def test_nobody_creates_a_track_without_saying_who_they_are(rock, settings, anonymous_read):
    settings.ANONYMOUS_READ = anonymous_read
    assert client().post(LIST, NEW).status_code in (401, 403)
    assert not Track.objects.exists()


def test_a_refusal_says_why(tracks, users):
    catalogue = client(users["other"]).delete(url(tracks["catalogue"])).json()["detail"]
    created = client(users["other"]).delete(url(tracks["created"])).json()["detail"]
    assert "only staff" in catalogue
    assert "Only its owner or staff" in created


NO_KEYS = ["", "garbage", None, {"a": 1}, float("inf"), "9" * 40, "9" * 5000]


def stateless(actions, method, path, data=None, **claims):
    token = AccessToken()
    for name, value in claims.items():
        token[name] = value
    request = getattr(APIRequestFactory(), method)(
        path, data, format="json", headers={"Authorization": f"Bearer {token}"}
    )
    return TrackViewSet.as_view(actions, authentication_classes=[JWTStatelessUserAuthentication])(
        request, **({"pk": path.split("/")[2]} if path != LIST else {})
    )


@pytest.mark.parametrize(
    ("user_id", "claims", "status"),
    [
        (str, {}, 200),
        (int, {}, 200),
        (lambda pk: pk + 1, {}, 403),
        (lambda pk: "2000000000", {}, 403),
        *((lambda pk, claim=claim: claim, {}, 403) for claim in NO_KEYS),
        (lambda pk: pk + 0.5, {}, 403),
        (lambda pk: [pk], {}, 403),
        (lambda pk: f"{pk}\0", {}, 403),
        (lambda pk: pk + 1, {"is_staff": True}, 200),
        (lambda pk: pk + 1, {"is_staff": False}, 403),
        (lambda pk: pk + 1, {"is_staff": "false"}, 403),
    ],
)
def test_a_stateless_user_is_told_by_the_claim(tracks, users, user_id, claims, status):
    answer = stateless(
        {"patch": "partial_update"},
        "patch",
        url(tracks["created"]),
        {"composer": "X"},
        user_id=user_id(users["owner"].pk),
        **claims,
    )
    assert answer.status_code == status


@pytest.mark.parametrize("claim", [*NO_KEYS, True, 1.0, 1.5, [1]])
def test_only_a_key_is_taken_for_a_key(claim):
    assert user_pk(SimpleNamespace(pk=claim)) is None
    assert user_pk(SimpleNamespace(pk=1)) == user_pk(SimpleNamespace(pk="1")) == 1


@pytest.mark.parametrize("user_id", NO_KEYS)
def test_a_claim_that_is_no_key_owns_nothing_not_even_the_catalogue(tracks, user_id):
    answer = stateless({"get": "list"}, "get", LIST, {"owner": "me"}, user_id=user_id)
    assert (answer.status_code, answer.data["count"]) == (200, 0)


def test_a_stateless_user_lists_and_creates_under_their_own_name(tracks, users):
    me = str(users["owner"].pk)
    answer = stateless({"post": "create"}, "post", LIST, NEW, user_id=me)
    assert (answer.status_code, answer.data["owner"]) == (201, "alice")
    answer = stateless({"get": "list"}, "get", LIST, {"owner": "me"}, user_id=me)
    assert [track["title"] for track in answer.data["results"]] == ["YYZ", "Overture"]


# The test commits: the database checks a foreign key when the transaction ends.
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("user_id", ["2000000000", *NO_KEYS])
def test_a_user_that_is_gone_creates_nothing(user_id):
    Genre.objects.create(name="Rock")
    answer = stateless({"post": "create"}, "post", LIST, NEW, user_id=user_id)
    assert answer.status_code == 401
    assert "no longer exists" in answer.data["detail"]
    assert not Track.objects.exists()
    assert not Artist.objects.exists()


def test_a_deleted_users_tracks_go_with_them_and_the_catalogue_stays(tracks, users):
    users["owner"].delete()
    assert list(Track.objects.all()) == [tracks["catalogue"]]


# --- values shown and stored ----------------------------------------------------------------------


def test_a_track_shows_names_and_nothing_else_of_its_owner(tracks, users):
    answer = client(users["other"]).get(url(tracks["created"]))
    shown = answer.json()
    assert shown.pop("created") <= shown.pop("updated")
    assert shown == {
        "id": tracks["created"].pk,
        "title": "YYZ",
        "album": "Moving Pictures",
        "artist": "Rush",
        "genre": "Rock",
        "composer": "",
        "duration_ms": 1000,
        "owner": "alice",
    }
    assert client(users["other"]).get(url(tracks["catalogue"])).json()["owner"] is None


def test_creating_makes_what_is_unknown_and_reuses_what_is_known(tracks, users):
    for _ in range(2):
        answer = client(users["other"]).post(LIST, NEW)
        assert answer.status_code == 201
        assert {name: answer.json()[name] for name in NEW} == NEW
        assert answer.json()["owner"] == "bob"
    assert Artist.objects.filter(name="Rush").count() == 1
    assert Album.objects.filter(title="2112").count() == 1


def test_what_is_not_the_clients_to_say_is_not_taken(rock, users):
    api, said = client(users["other"]), NEW | {"owner": "alice", "id": 77, "created": "2001-01-01T00:00:00Z"}
    assert list(api.post(LIST, said | {"owner_id": 1}).json()) == ["owner_id"]
    assert api.post(LIST, said).status_code == 201
    track = Track.objects.get()
    assert (track.owner, track.pk == 77, track.created.year == 2001) == (users["other"], False, False)


def test_white_space_at_the_ends_is_taken_off(tracks, users):
    answer = client(users["other"]).post(LIST, NEW | {"artist": "  Rush\n", "genre": " Rock "})
    assert (answer.status_code, answer.json()["artist"], Artist.objects.count()) == (201, "Rush", 1)


TEXTS = {"title": 200, "album": 200, "artist": 200, "genre": 50, "composer": 300}
BAD = [
    *((field, value) for field in TEXTS for value in (None, 5, True, ["Rock"], {"name": "Rock"}, "Ro\0ck")),
    *((field, value) for field in TEXTS if field != "composer" for value in ("", "  \t", "\u2003")),
    *((field, "x" * (longest + 1)) for field, longest in TEXTS.items()),
    *(("duration_ms", value) for value in (None, "", "long", True, [1], 0, -1, 1.5, "1.5", 2**31, 10**30, "9" * 5000)),
    # A JSON string is no number, although int() accepts some of these.
    *(("duration_ms", value) for value in ("1000", "1_000", "١٠٠٠", "1000.0", "+1000", " 1000 ", "1e3", -1.0, 1e300)),
]


@pytest.mark.parametrize("method", ["post", "patch"])
@pytest.mark.parametrize(("field", "value"), BAD)
def test_a_value_that_cannot_be_is_refused_by_the_name_of_its_field(tracks, users, method, field, value):
    path = {"post": LIST, "patch": url(tracks["created"])}[method]
    answer = getattr(client(users["owner"]), method)(path, NEW | {field: value})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Album.objects.filter(title="2112").exists()
    assert Track.objects.count() == 2


@pytest.mark.parametrize("number", ["1000", "1000.0", "1e3", "1E+3"])
def test_a_duration_is_a_whole_number_of_json(rock, users, number):
    """JSON Schema counts 1000.0 as an integer too."""
    body = json.dumps(NEW | {"duration_ms": 0}).replace(": 0}", f": {number}}}")
    answer = client(users["owner"]).post(LIST, body, content_type="application/json")
    assert (answer.status_code, answer.json()["duration_ms"]) == (201, 1000)


@pytest.mark.parametrize("form", ["multipart", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize(
    ("text", "status"),
    [
        *(("1000", 201), (" 1000 ", 201), ("01000", 201)),
        *((text, 400) for text in ("1_000", "١٠٠٠", "１０００", "1000.0", "+1000", "1e3", "0x3e8", "", "-1", "9" * 30)),
        *((text, 400) for text in ("\u20071000", "true", "1 000", "1,000")),
    ],
)
def test_a_duration_is_digits_in_a_form(rock, users, form, text, status):
    fields, api = NEW | {"duration_ms": text}, client(users["owner"])
    if form == "multipart":
        answer = api.post(LIST, fields, format=form)
    else:
        answer = api.post(LIST, urlencode(fields), content_type=form)
    assert answer.status_code == status
    assert answer.json()["duration_ms"] == 1000 if status == 201 else list(answer.json()) == ["duration_ms"]


@pytest.mark.parametrize("field", TEXTS)
def test_half_a_character_is_refused_by_the_name_of_its_field(rock, field):
    # This goes past the parser, which also refuses it.
    serializer = TrackSerializer(data=NEW | {field: "a\ud800b"})
    assert not serializer.is_valid()
    assert list(serializer.errors) == [field]


@pytest.mark.parametrize("field", [name for name in NEW if name != "composer"])
def test_a_new_track_needs_every_field_but_the_composer(tracks, users, field):
    body = {name: value for name, value in NEW.items() if name != field}
    assert list(client(users["owner"]).post(LIST, body).json()) == [field]
    assert list(client(users["owner"]).put(url(tracks["created"]), body).json()) == [field]


def test_the_longest_values_fit(rock, users):
    Genre.objects.create(name="g" * 50)
    body = {field: field[0] * longest for field, longest in TEXTS.items()} | {"duration_ms": 2**31 - 1}
    answer = client(users["owner"]).post(LIST, body)
    assert answer.status_code == 201
    assert {name: answer.json()[name] for name in body} == body


def test_an_unknown_genre_is_answered_with_those_there_are(rock, users):
    answer = client(users["owner"]).post(LIST, NEW | {"genre": "Rok"})
    assert answer.json() == {"genre": ['There is no genre "Rok". Choose one of: Jazz, Rock.']}
    assert not Genre.objects.filter(name="Rok").exists()


@pytest.mark.parametrize(
    ("change", "new_album", "new_artist"),
    [
        ({"album": "Signals"}, "Signals", "Rush"),
        ({"artist": "Primus"}, "Moving Pictures", "Primus"),
        ({"album": "Signals", "artist": "Primus"}, "Signals", "Primus"),
        ({"album": "Moving Pictures"}, "Moving Pictures", "Rush"),
        ({"title": "Vital Signs"}, "Moving Pictures", "Rush"),
    ],
)
def test_changing_album_or_artist_moves_this_track_alone(tracks, users, change, new_album, new_artist):
    answer = client(users["owner"]).patch(url(tracks["created"]), change)
    assert (answer.status_code, answer.json()["album"], answer.json()["artist"]) == (200, new_album, new_artist)
    shown = client(users["owner"]).get(url(tracks["created"])).json()
    assert shown == answer.json()
    left = client(users["owner"]).get(url(tracks["catalogue"])).json()
    assert (left["album"], left["artist"]) == ("Moving Pictures", "Rush")


def test_put_without_composer_empties_it_and_patch_leaves_it(tracks, users):
    api, path = client(users["owner"]), url(tracks["created"])
    assert api.patch(path, {"composer": "Peart"}).json()["composer"] == "Peart"
    assert api.patch(path, {"title": "New"}).json()["composer"] == "Peart"
    assert api.put(path, {name: value for name, value in NEW.items() if name != "composer"}).json()["composer"] == ""


def test_a_change_touches_only_what_was_sent(tracks, users, monkeypatch):
    def concurrently(self, data):
        Track.objects.filter(pk=self.instance.pk).update(title="By another request")
        return data

    monkeypatch.setattr(TrackSerializer, "validate", concurrently)
    answer = client(users["owner"]).patch(url(tracks["created"]), {"composer": "Peart"})
    tracks["created"].refresh_from_db()
    assert (tracks["created"].title, tracks["created"].composer) == ("By another request", "Peart")
    assert answer.json()["title"] == "By another request"
    assert tracks["created"].updated > tracks["created"].created


def test_a_track_deleted_meanwhile_is_not_found_and_does_not_come_back(tracks, users, monkeypatch):
    def concurrently(self, data):
        Track.objects.filter(pk=self.instance.pk).delete()
        return data

    monkeypatch.setattr(TrackSerializer, "validate", concurrently)
    assert client(users["owner"]).patch(url(tracks["created"]), {"title": "New"}).status_code == 404
    assert not Track.objects.filter(owner=users["owner"]).exists()


@pytest.mark.parametrize("pk", ["0", "404", "-1", "abc", "9" * 40, "1.0", "%00"])
def test_an_id_that_is_no_track_is_not_found(users, pk):
    assert client(users["owner"]).get(f"/tracks/{pk}/").status_code == 404


# Python's int() reads each of them as ten.
TENS = ["1_0", "+10", " 10", "10 ", "1\u0660", "\uff11\uff10", "\u0967\u0966"]


@pytest.mark.parametrize("pk", TENS)
def test_an_id_is_written_in_digits_and_in_no_other_way(rock, album, users, pk):
    Track.objects.create(pk=10, title="YYZ", album=album, genre=rock, duration_ms=1000)
    api = client(users["owner"])
    assert api.get("/tracks/10/").status_code == 200
    assert api.get(f"/tracks/{quote(pk)}/").status_code == 404
