"""Many clients with one credential at the same moment, in threads, on the real database."""

from collections import Counter
from datetime import timedelta
from io import StringIO

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from rest_framework.authtoken.models import Token

from auth_core import revocation
from jwt_auth import models
from jwt_auth.models import RefreshFamily
from tests.support.accounts import PASSWORD
from tests.support.clients import new_client
from tests.support.threads import at_once
from tracks.models import Genre, Track
from tracks.views import TrackViewSet

pytestmark = pytest.mark.django_db(transaction=True)

User = get_user_model()
CLIENTS = pytest.mark.parametrize("clients", [8, 32])


def refresh(token):
    return new_client().post("/api/token/refresh/", {"refresh": token})


def rotate(key):
    return new_client().post("/api-token-auth/new/", headers={"Authorization": f"Token {key}"})


def whoami(keyword, credential):
    return new_client().get("/whoami/", headers={"Authorization": f"{keyword} {credential}"}).status_code


def statuses(responses) -> Counter:
    return Counter(response.status_code for response in responses)


@CLIENTS
def test_of_many_refreshes_at_grace_0_exactly_one_wins(obtain_pair, settings, clients):
    settings.JWT_REUSE_GRACE = timedelta(0)
    for _ in range(3):
        token = obtain_pair()["refresh"]
        responses = at_once(*[lambda token=token: refresh(token)] * clients)
        assert statuses(responses) == {200: 1, 401: clients - 1}


@CLIENTS
def test_of_many_refreshes_within_the_grace_all_get_the_same_child_and_one_chain_lives(obtain_pair, settings, clients):
    # The grace outlasts any round on a loaded machine, so that time does not decide the result.
    settings.JWT_REUSE_GRACE = timedelta(minutes=1)
    for _ in range(3):
        token = obtain_pair()["refresh"]
        responses = at_once(*[lambda token=token: refresh(token)] * clients)
        assert statuses(responses) == {200: clients}
        children = {response.json()["refresh"] for response in responses}
        assert len(children) == 1
        assert {whoami("Bearer", response.json()["access"]) for response in responses} == {200}
        assert refresh(children.pop()).status_code == 200
    assert RefreshFamily.objects.filter(revoked_at=None).count() == 3


@CLIENTS
def test_of_many_rotations_one_wins_and_its_token_lives(user, clients):
    key = user.auth_token.key
    for _ in range(3):
        responses = at_once(*[lambda key=key: rotate(key)] * clients)
        assert statuses(responses) == {200: 1, 401: clients - 1}
        (key,) = [response.json()["token"] for response in responses if response.status_code == 200]
        assert whoami("Token", key) == 200
        assert Token.objects.count() == 1


@CLIENTS
def test_many_obtain_the_same_token_at_once(user, clients):
    Token.objects.all().delete()
    login = {"username": user.username, "password": PASSWORD}
    responses = at_once(*[lambda: new_client().post("/api-token-auth/", login)] * clients)
    assert statuses(responses) == {200: clients}
    assert {response.json()["token"] for response in responses} == {Token.objects.get().key}


@CLIENTS
def test_many_obtain_the_same_token_while_the_expired_one_is_replaced(user, settings, clients):
    settings.TOKEN_LIFETIME = timedelta(hours=1)
    Token.objects.update(created="2020-01-01T00:00:00Z")
    login = {"username": user.username, "password": PASSWORD}
    responses = at_once(*[lambda: new_client().post("/api-token-auth/", login)] * clients)
    assert statuses(responses) == {200: clients}
    assert {response.json()["token"] for response in responses} == {Token.objects.get().key}


def test_of_many_resets_by_the_command_none_fails_and_the_living_token_was_printed(user):
    def reset():
        out = StringIO()
        call_command("drf_create_token", "-r", "ada", stdout=out)
        return out.getvalue().split()[2]

    for _ in range(3):
        printed = at_once(*[reset] * 8)
        assert Token.objects.get().key in printed


def change_password():
    user = User.objects.get(username="ada")
    user.set_password(f"{PASSWORD}, changed")
    user.save()


def deactivate():
    user = User.objects.get(username="ada")
    user.is_active = False
    user.save()


def log_out_everywhere():
    revocation.revoke_all_credentials(User.objects.get(username="ada").pk, revocation.LOGOUT_EVERYWHERE)


def delete_user():
    User.objects.get(username="ada").delete()


def assert_dead(responses):
    """Check that the service refuses every credential in these responses."""
    for response in responses:
        if "token" in response.json():
            assert whoami("Token", response.json()["token"]) == 401
        elif "access" in response.json():
            assert whoami("Bearer", response.json()["access"]) == 401
            assert refresh(response.json()["refresh"]).status_code == 401


@pytest.mark.parametrize("end", [change_password, deactivate, log_out_everywhere, delete_user])
def test_no_rotation_and_no_refresh_saves_a_credential_from_its_end(obtain_pair, settings, end):
    """Whichever comes first, every credential that a racing client received is dead afterwards."""
    settings.JWT_REUSE_GRACE = timedelta(minutes=1)
    for _ in range(5):
        User.objects.filter(username="ada").delete()
        user = User.objects.create_user("ada", password=PASSWORD)
        key, pair = user.auth_token.key, models.log_in(user)
        racers = [lambda key=key: rotate(key), lambda token=str(pair.refresh): refresh(token)] * 3
        *responses, _ = at_once(*racers, end)
        assert set(statuses(responses)) <= {200, 401}
        assert_dead(responses)


@pytest.mark.parametrize("end", [change_password, deactivate, delete_user])
def test_no_login_with_the_old_password_outlives_the_change(end):
    login = {"username": "ada", "password": PASSWORD}
    for _ in range(5):
        User.objects.filter(username="ada").delete()
        User.objects.create_user("ada", password=PASSWORD)
        racers = [
            lambda: new_client().post("/api-token-auth/", login),
            lambda: new_client().post("/api/token/", login),
        ] * 3
        *responses, _ = at_once(*racers, end)
        assert set(statuses(responses)) <= {200, 400, 401}
        assert_dead(responses)


def track(user, title="Overture"):
    fields = {"title": title, "album": "2112", "artist": "Rush", "genre": "Rock", "duration_ms": 1000}
    return new_client().post("/tracks/", fields, headers={"Authorization": f"Token {user.auth_token.key}"})


def between_check_and_write(monkeypatch, step):
    """Run the step between the validation of a track and its write, on a connection of its own."""
    write = TrackViewSet.perform_create

    def perform_create(view, serializer):
        at_once(step)
        write(view, serializer)

    monkeypatch.setattr(TrackViewSet, "perform_create", perform_create)


def test_a_genre_deleted_while_a_track_of_it_is_created_is_a_conflict_and_then_unknown(user, monkeypatch):
    Genre.objects.create(name="Rock")
    with monkeypatch.context() as patched:
        between_check_and_write(patched, Genre.objects.all().delete)
        response = track(user)
    assert response.status_code == 409
    assert response["Content-Type"] == "application/json"
    assert "try again" in response.json()["detail"]
    assert not Track.objects.exists()
    assert track(user).status_code == 400


def test_a_user_deleted_while_they_create_a_track_is_nobody_and_leaves_none(user, monkeypatch):
    Genre.objects.create(name="Rock")
    between_check_and_write(monkeypatch, User.objects.all().delete)
    response = track(user)
    assert response.status_code == 401
    assert response["WWW-Authenticate"].startswith("Token")
    assert not Track.objects.exists()


@pytest.mark.parametrize("which", ["genre", "owner"])
def test_creating_tracks_while_the_admin_deletes_what_they_refer_to_never_fails(staff, which):
    """The later request gets an error: either the track or the deletion is refused."""
    admin = Client(raise_request_exception=False)
    admin.force_login(staff)
    for number in range(15):
        user = User.objects.create_user(f"user{number}", password=PASSWORD)
        genre = Genre.objects.create(name="Rock")
        page = f"/admin/tracks/genre/{genre.pk}" if which == "genre" else f"/admin/auth/user/{user.pk}"
        racers = [lambda user=user, title=f"{title}": track(user, title) for title in range(4)]
        *created, deleted = at_once(*racers, lambda page=page: admin.post(f"{page}/delete/", {"post": "yes"}))
        assert set(statuses(created)) <= {201, 400, 401, 409}
        assert deleted.status_code in (302, 200, 403, 409)  # 200: a page with the reason
        Track.objects.all().delete()
        Genre.objects.all().delete()


def test_of_two_genres_of_one_name_added_in_the_admin_at_once_one_is_refused(staff):
    def add():
        admin = Client(raise_request_exception=False)
        admin.force_login(staff)
        return admin.post("/admin/tracks/genre/add/", {"name": "Rock"})

    for _ in range(5):
        responses = at_once(*[add] * 4)
        # 200 is the form with its errors.
        assert statuses(responses)[302] == 1
        assert set(statuses(responses)) <= {302, 200, 409}
        Genre.objects.all().delete()
