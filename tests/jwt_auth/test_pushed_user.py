"""The user of a remembered login: the key is known, the rest is read once, as it is now."""

import copy
import pickle

import pytest
from django.contrib.auth import get_user_model
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework_simplejwt.exceptions import InvalidToken

from jwt_auth.authentication import JWTPushedAuthentication
from jwt_auth.pushed import LoginUser, logins
from jwt_auth.tokens import AccessToken
from tests.support.pushed import HIT, asked, begin, log_in, remember
from tracks.models import Album, Artist, Genre, Track

User = get_user_model()
pytestmark = pytest.mark.usefixtures("heard")


def create_track(owner=None) -> Track:
    artist, _ = Artist.objects.get_or_create(name="Rush")
    album, _ = Album.objects.get_or_create(title="2112", artist=artist)
    genre, _ = Genre.objects.get_or_create(name="Rock")
    return Track.objects.create(title="Overture", album=album, genre=genre, duration_ms=1000, owner=owner)


@pytest.fixture
def remembered(pair) -> LoginUser:
    remember(logins, pair["access"])
    return logins.user_of(AccessToken(pair["access"]))


def test_the_key_and_that_there_is_a_user_are_known(remembered, user, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert type(remembered) is LoginUser
        assert (remembered.pk, remembered.id) == (user.pk, user.pk)
        assert type(remembered.pk) is int
        assert remembered
        assert remembered.is_authenticated is True
        assert remembered.is_anonymous is False
        assert "'ada'" not in repr(remembered)


@pytest.mark.parametrize("field", ["username", "is_staff", "is_active", "email", "password", "last_login"])
def test_any_other_field_is_read_once_as_it_is_now(remembered, user, django_assert_num_queries, field):
    User.objects.update(email="new@example.org", is_staff=True)
    user.refresh_from_db()
    with django_assert_num_queries(1):
        for _ in range(2):
            assert getattr(remembered, field) == getattr(user, field)
        assert (remembered.pk, remembered.is_authenticated) == (user.pk, True)


def test_it_is_a_user_like_any_other(remembered, user, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert isinstance(remembered, User)
        assert remembered == user
        assert hash(remembered) == hash(user)
        assert str(remembered) == "ada"
        assert not hasattr(remembered, "no such field")
    for copied in (copy.copy(remembered), copy.deepcopy(remembered), pickle.loads(pickle.dumps(remembered))):
        assert copied == user
    remembered.email = "mine@example.org"
    remembered.save()
    assert User.objects.get().email == "mine@example.org"


def test_copies_made_before_it_is_read_are_users_too(remembered, user):
    assert [each.pk for each in (copy.copy(remembered), copy.deepcopy(remembered))] == [user.pk] * 2
    assert User.objects.filter(pk=remembered.pk).get() == user
    assert create_track(owner=remembered).owner_id == user.pk


def deactivated(user):
    User.objects.update(is_active=False)  # sends no signal


def deleted(user):
    user.delete()


@pytest.mark.parametrize("ending", [deactivated, deleted])
def test_a_view_that_reads_a_user_who_is_gone_answers_401(pushed_door, user, pair, ending):
    @api_view()
    @authentication_classes([JWTPushedAuthentication])
    def name_of(request):
        return Response(request.user.username)

    request = APIRequestFactory().get("/", headers={"Authorization": f"Bearer {pair['access']}"})
    remember(logins, pair["access"])
    assert name_of(request).data == "ada"
    logins.entries.drop = lambda sids: None  # as if the end had not been heard
    try:
        ending(user)
        answer = name_of(request)
    finally:
        del logins.entries.drop
    assert (answer.status_code, answer.data["code"]) == (401, "token_not_valid")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_reading_a_user_who_is_gone_drops_the_login(remembered, user):
    deactivated(user)
    with pytest.raises(InvalidToken, match="inactive"):
        _ = remembered.username
    assert len(logins) == 0


def test_a_page_reads_its_user_before_the_view(pushed_door, user, pair):
    page = {"Authorization": f"Bearer {pair['access']}", "Accept": "text/html"}
    remember(logins, pair["access"])
    answer = pushed_door.client.get("/tracks/", headers=page)
    assert answer.status_code == 200
    assert "ada" in answer.content.decode()
    deactivated(user)
    assert pushed_door.client.get("/tracks/", headers=page).status_code == 401


def test_whoami_names_no_user_on_a_hit_and_on_a_miss(pushed_door, user, pair):
    answers = [pushed_door.get("/whoami/", pair["access"]).json() for _ in range(2)]
    assert answers == [{"id": user.pk, "username": "", "scheme": "jwt-pushed"}] * 2


def test_its_owner_changes_a_track_and_nobody_else_does(pushed_door, user, pair):
    mine, other = create_track(owner=user), create_track()
    remember(logins, pair["access"])
    header = {"Authorization": f"Bearer {pair['access']}"}
    statuses = [
        pushed_door.client.patch(f"/tracks/{track.pk}/", {"title": "New"}, headers=header).status_code
        for track in (mine, other)
    ]
    assert statuses == [200, 403]


def test_a_token_may_name_its_user_by_another_field(pushed_door, user, settings):
    settings.SIMPLE_JWT = {**settings.SIMPLE_JWT, "USER_ID_FIELD": "username"}
    begin(settings)
    access = log_in(user)["access"]
    assert AccessToken(access).user_id == "ada"
    remember(logins, access)
    assert asked(pushed_door, access) == HIT
    assert logins.user_of(AccessToken(access)).pk == user.pk
