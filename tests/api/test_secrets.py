"""No log line and no table contains an issued secret, from log-in to revocation of both kinds.

Each line is checked as both values of LOG_FORMAT write it, and events with all their fields.
"""

import logging
import re
from io import StringIO

import pytest
from django.core.management import call_command
from django.urls import reverse
from rest_framework.authtoken.models import Token

from auth_core import events
from jwt_auth.models import RefreshFamily
from telemetry.logs import JsonFormatter, TextFormatter
from tests.support.accounts import PASSWORD
from tests.support.tables import dump
from tokens import wire

pytestmark = pytest.mark.django_db(transaction=True)  # events wait for a commit

NEW_PASSWORD = "another one entirely"
TYPED_AS_NAME = "a password typed where the name goes"


@pytest.fixture
def logged():
    """Return a stream of everything that any logger logs at any level, as text."""
    stream = StringIO()
    handlers = []
    for formatter in (TextFormatter(), JsonFormatter()):
        handler = logging.StreamHandler(stream)
        handler.setFormatter(formatter)
        handlers.append(handler)
    loggers = [logging.getLogger(), *map(logging.getLogger, logging.root.manager.loggerDict)]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    for handler in handlers:
        logging.root.addHandler(handler)
    yield stream
    for handler in handlers:
        logging.root.removeHandler(handler)
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


EVENTS_OF_A_LIFE = (
    events.LOGIN_SUCCEEDED,
    events.LOGIN_FAILED,
    events.LOGIN_ENDED,
    events.CREDENTIALS_ENDED,
    events.CREDENTIAL_REFUSED,
    events.TOKEN_ROTATED,
    events.TOKEN_REVOKED,
    events.REFRESH_ROTATED,
    events.REFRESH_REUSED,
)


def test_a_whole_life_leaves_no_secret_in_log_or_database(api, client, user, staff, logged):
    secrets = {"password": PASSWORD, "new password": NEW_PASSWORD, "typed as a name": TYPED_AS_NAME}

    def keep(name, text):
        secrets[name] = text
        return text

    def bearer(token):
        return {"Authorization": f"Bearer {token}"}

    login = {"username": "ada", "password": PASSWORD}

    # The opaque token: created, obtained, used, rotated, refused, reset by command, and rotated and
    # deleted in the admin.
    keep("first key", user.auth_token.key)
    key = api.post("/api-token-auth/", login).json()["token"]
    for _ in range(2):
        old, header = key, {"Authorization": f"Token {key}"}
        assert api.get("/whoami/", headers=header).status_code == 200
        key = keep(f"key after {key[:8]}", api.post("/api-token-auth/new/", headers=header).json()["token"])
        assert api.get("/whoami/", headers={"Authorization": f"Token {old}"}).status_code == 401
    out = StringIO()
    call_command("drf_create_token", "-r", "ada", stdout=out)
    keep("key by command", out.getvalue().split()[2])
    client.force_login(staff)
    tokens = reverse("admin:tokens_opaquetoken_changelist")
    client.post(tokens, {"action": "rotate", "_selected_action": [str(user.pk)]})
    keep("key by admin", Token.objects.get(user=user).key)
    client.post(reverse("admin:tokens_opaquetoken_delete", args=[user.pk]), {"post": "yes"})
    client.post(reverse("admin:tokens_opaquetoken_add"), {"user": user.pk})
    keep("key added in the admin", Token.objects.get(user=user).key)

    # Pairs: obtained, used, refreshed, verified, reused until the login ends, logged out, and ended
    # in the admin.
    for logout in (True, False):
        pair = api.post("/api/token/", login).json()
        for turn in range(3):
            for kind in ("refresh", "access"):
                keep(f"{kind} {logout} {turn}", pair[kind])
            assert api.get("/whoami/", headers=bearer(pair["access"])).status_code == 200
            assert api.post("/api/token/verify/", {"token": pair["refresh"]}).status_code == 200
            pair = api.post("/api/token/refresh/", {"refresh": pair["refresh"]}).json()
        if logout:
            assert api.post("/api/token/logout/", {"refresh": pair["refresh"]}).status_code == 204
        else:
            spent = secrets["refresh False 0"]
            assert api.post("/api/token/refresh/", {"refresh": spent}).status_code == 401
        assert api.get("/whoami/", headers=bearer(pair["access"])).status_code == 401
    pair = api.post("/api/token/", login | {"label": "phone"}).json()
    keep("last refresh", pair["refresh"])
    other = api.post("/api/token/", login).json()
    keep("refresh ended by its id", other["refresh"])
    (listed,) = [
        each for each in api.get("/api/token/sessions/", headers=bearer(pair["access"])).json() if not each["current"]
    ]
    assert api.delete(f"/api/token/sessions/{listed['id']}/", headers=bearer(pair["access"])).status_code == 204
    ended = {"action": "end", "_selected_action": [str(family.pk) for family in RefreshFamily.objects.all()]}
    client.post(reverse("admin:jwt_auth_refreshfamily_changelist"), ended)

    # Failures: a wrong password, a wrong content type, broken JSON around a real secret.
    api.post("/api-token-auth/", {**login, "password": NEW_PASSWORD})
    for path in ("/api-token-auth/", "/api/token/"):
        api.post(path, {"username": TYPED_AS_NAME, "password": PASSWORD})
    client.post("/admin/login/", {"username": TYPED_AS_NAME, "password": PASSWORD})
    api.get("/whoami/", headers=bearer(f"{pair['access'][:-2]}xx"))
    api.get("/whoami/", headers={"Authorization": f"Token {key} {pair['refresh']}"})
    api.post("/api/token/refresh/", f'{{"refresh": "{pair["refresh"]}"', content_type="application/json")
    api.post("/api/token/refresh/", pair["refresh"], content_type="text/plain")
    api.get("/nowhere/", headers=bearer(pair["access"]))
    user.set_password(NEW_PASSWORD)
    user.save()

    # Valid tokens are stored in DRF's own table, by its design, and nowhere else. Rotated ones are
    # stored nowhere.
    tables = dump()
    living = set(Token.objects.values_list("key", flat=True))
    assert "ada" in tables["auth_user"], "the dump holds what the tables hold"
    assert "Unauthorized" in logged.getvalue(), "the log holds what was logged"
    for event in EVENTS_OF_A_LIFE:
        assert f" auth {event}" in logged.getvalue(), "and every event, as text"
        assert f'"message": "{event}"' in logged.getvalue(), "and as JSON"
    ids = [jti for row in RefreshFamily.objects.values_list("current_jti", "previous_jti") for jti in row if jti]
    assert ids
    assert not [jti for jti in ids if jti in logged.getvalue()]
    for name, secret in secrets.items():
        for part in (secret, secret.rpartition(".")[2]):  # the signature is enough to find a JWT
            assert part not in logged.getvalue(), name
            for table, rows in tables.items():
                if not (table == "authtoken_token" and secret in living):
                    assert part not in rows, f"{name} in {table}"


def test_a_whole_life_of_hashed_tokens_leaves_none_in_log_or_database(door_to, client, user, staff, settings, logged):
    moved = user.auth_token.key
    call_command("move_drf_tokens", "--force", stdout=StringIO())
    served = settings.ROOT_URLCONF
    api = door_to("token-hashed").client
    first = api.post("/api-token-auth/", {"username": "ada", "password": PASSWORD, "label": "phone"}).json()["token"]
    second = api.post("/api-token-auth/new/", headers={"Authorization": f"Token {first}"}).json()["token"]
    third = api.post("/api-token-auth/new/", headers={"Authorization": f"Token {moved}"}).json()["token"]
    for key in (first, second, third, moved, wire.new(), first[:-1]):
        api.get("/whoami/", headers={"Authorization": f"Token {key}"})
        api.get("/nowhere/", headers={"Authorization": f"Token {key}"})
    assert api.get("/api-token-auth/tokens/", headers={"Authorization": f"Token {second}"}).status_code == 200
    api.post("/api-token-auth/revoke/", headers={"Authorization": f"Token {third}"})
    out = StringIO()
    call_command("issue_token", "ada", stdout=out)
    settings.ROOT_URLCONF = served
    client.force_login(staff)
    page = client.post(reverse("admin:tokens_hashedtoken_add"), {"user": user.pk, "label": "by hand", "scope": "read"})
    by_admin = re.search(wire.PATTERN, page.content.decode())[0]

    tables = dump()
    assert "by hand" in tables["tokens_hashedtoken"], "the dump holds what the tables hold"
    assert "Unauthorized" in logged.getvalue(), "the log holds what was logged"
    for event in (events.LOGIN_SUCCEEDED, events.TOKEN_ROTATED, events.TOKEN_REVOKED, events.CREDENTIAL_REFUSED):
        assert f" auth {event}" in logged.getvalue()
    for secret in (moved, first, second, third, out.getvalue().strip(), by_admin):
        assert secret[:-4] not in logged.getvalue()
        for table, rows in tables.items():
            assert secret[:-4] not in rows, table
