"""Opaque tokens by clients/httpx_auth.py: obtained, rotated, refused and revoked."""

import pytest
from rest_framework.authtoken.models import Token

from clients.httpx_auth import CredentialError, FileStore, Store, TokenAuth
from tests.support.threads import at_once
from tests.support.wire import BASE, REVOKE, ROTATE, THREADS, Wire, who
from tokens import hashed


@pytest.mark.once
def test_an_opaque_token_is_obtained_once(wire, client_of, token):
    client = client_of(token())
    assert [who(client), who(client)] == ["token", "token"]
    assert wire.sent == [("/api-token-auth/", 200), *[("/whoami/", 200)] * 2]


@pytest.mark.once
def test_a_token_that_one_has_needs_no_password(wire, client_of, user):
    assert who(client_of(TokenAuth(BASE, store=Store(user.auth_token.key)))) == "token"
    assert wire.sent == [("/whoami/", 200)]


@pytest.mark.once
@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_rotation_is_taken_notice_of(client_of, token, user, method):
    store = Store()
    client = client_of(token(store=store))
    who(client)
    successor = client.request(method, ROTATE).json()["token"]
    assert store.load() == successor == Token.objects.get().key
    assert who(client) == "token"


@pytest.mark.once
def test_a_rotation_elsewhere_is_found_in_the_store(wire, client_of, token, tmp_path):
    one, two = (client_of(token(store=FileStore(tmp_path / "token"))) for _ in range(2))
    assert [who(one), who(two)] == ["token", "token"]
    assert one.post(ROTATE).status_code == 200
    assert who(two) == "token"
    assert wire.sent[-2:] == [("/whoami/", 401), ("/whoami/", 200)]
    assert two.post(ROTATE).status_code == 200
    assert one.post(ROTATE).status_code == 200
    assert [who(two), who(one)] == ["token", "token"]


@pytest.mark.once
def test_a_token_that_is_refused_is_one_clear_error_each_time(wire, client_of, token):
    client = client_of(token())
    who(client)
    Token.objects.all().delete()
    for path in ("/whoami/", ROTATE, REVOKE):
        with pytest.raises(CredentialError, match=r"the token was refused, log in again: .*Invalid token"):
            client.post(path)
    assert [status for _, status in wire.sent] == [200, 200, 401, 401, 401]


@pytest.mark.once
def test_a_token_of_too_little_scope_is_kept_and_sent_once(door_to, wire, client_of, token, user):
    door_to("token-hashed")
    reader = hashed.obtain(user, scope="read").key
    store = Store(reader)
    client = client_of(token(store=store))
    refused = client.post("/tracks/", json={})
    assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope")
    assert who(client) == "token-hashed"
    assert (store.load(), wire.sent) == (reader, [("/tracks/", 403), ("/whoami/", 200)])


@pytest.mark.once
def test_a_stored_token_that_is_refused_gives_way_to_the_password(wire, client_of, token, user):
    store = Store("0" * 40)
    assert who(client_of(token(store=store))) == "token"
    assert store.load() == user.auth_token.key
    assert [status for _, status in wire.sent] == [401, 200, 200]


@pytest.mark.once
def test_a_password_does_not_bring_back_a_stored_token_that_had_been_good(client_of, token, user):
    client = client_of(token(store=Store(user.auth_token.key)))
    who(client)
    Token.objects.all().delete()
    with pytest.raises(CredentialError, match="the token was refused"):
        client.get("/whoami/")


@pytest.mark.once
def test_a_revoked_token_is_gone_from_the_store(client_of, token):
    store = Store()
    client = client_of(token(store=store))
    who(client)
    assert client.post(REVOKE).status_code == 204
    assert store.load() is None
    for path in ("/whoami/", ROTATE):
        with pytest.raises(CredentialError, match="logged out"):
            client.get(path)


@pytest.mark.once
def test_a_revocation_leaves_the_token_that_another_process_has_stored_since(client_of, token, staff):
    store = Store()
    client = client_of(token(store=store))
    who(client)
    store.save(staff.auth_token.key)
    assert client.post(REVOKE).status_code == 204
    assert store.load() == staff.auth_token.key
    assert client.get("/whoami/").json()["username"] == staff.username


class RotatedOnTheWay(Wire):
    """A wire where `others` rotate the token during the first `times` requests to /whoami/."""

    def __init__(self, httpx, others, times: int):
        super().__init__(httpx)
        self._others, self._times = others, times

    def handle_request(self, request):
        if request.url.path == "/whoami/" and self._times:
            self._times -= 1
            assert self._others.post(ROTATE).status_code == 200
        return super().handle_request(request)


@pytest.mark.once
def test_a_request_goes_again_as_often_as_its_token_is_rotated_by_others_on_the_way(httpx, client_of, token):
    auth = token()
    wire = RotatedOnTheWay(httpx, client_of(auth), 3)
    who(httpx.Client(transport=wire, base_url=BASE, auth=auth))
    assert [status for path, status in wire.sent if path == "/whoami/"] == [401, 401, 401, 200]


@pytest.mark.once
def test_a_rotation_whose_answer_was_lost_costs_the_token(httpx, wire, client_of, token):
    client = client_of(token())
    who(client)
    wire.loses = ROTATE
    with pytest.raises(httpx.ReadError):
        client.post(ROTATE)
    with pytest.raises(CredentialError, match="the token was refused"):
        client.get("/whoami/")
    assert who(client_of(token())) == "token"


@pytest.mark.django_db(transaction=True)
def test_threads_go_on_while_others_rotate(client_of, token):
    client = client_of(token())

    def rotate():
        assert client.post(ROTATE).status_code == 200
        return who(client)

    steps = [rotate] * 4 + [lambda: [who(client) for _ in range(4)][-1]] * (THREADS - 4)
    assert at_once(*steps) == ["token"] * THREADS
    assert who(client) == "token"
