"""The refresh token's cookie as a door: no forgery, page, spelling or method comes through it."""

import time

import pytest
from jwt import PyJWTError

from config.schemes import SCHEMES
from jwt_auth import models
from jwt_auth.models import RefreshFamily
from tests.support import attacks, attacks_forged
from tests.support.cookies import FRIEND, LOGOUT, NAME, OWN, REFRESH, carry, is_deleted, log_in, post
from tests.support.keys import a_key
from tests.support.logins import claims

pytestmark = pytest.mark.attack

DOORS = pytest.mark.parametrize("path", [REFRESH, LOGOUT])
BODIES = [
    ("application/json", "{}"),
    ("application/json", ""),
    ("application/json", '{"everywhere": true}'),
    ("application/x-www-form-urlencoded", ""),
    ("application/x-www-form-urlencoded", "csrfmiddlewaretoken=x"),
    ("application/x-www-form-urlencoded", "everywhere=true"),
    ("multipart/form-data; boundary=b", "--b--\r\n"),
    ("text/plain", '{"everywhere": true}'),
    ("", ""),
]
# Pages whose requests a browser sends along with the cookie, or would if SameSite did not hold.
PAGES = {
    "another site": "https://evil.example",
    "another port of this host": "http://testserver:8001",
    "https in place of http": "https://testserver",
    "a name below this host": "http://a.testserver",
    "this host as the beginning of another": "http://testserver.evil.example",
    "this host as the end of another": "http://eviltestserver",
    "this host as a user name": "http://testserver@evil.example",
    "this origin as a path": "https://evil.example/http://testserver",
    "in capitals": "HTTP://TESTSERVER",
    "with its scheme's port": "http://testserver:80",
    "with a slash": "http://testserver/",
    "with a blank": "http:// testserver",
    "twice": f"{OWN}, {OWN}",
    "in a list with another": f"{OWN} https://evil.example",
    "a sandboxed frame": "null",
    "a file": "file://",
    "an extension": "chrome-extension://abcdefghijklmnop",
    "a friend's other port": "http://localhost:5174",
    "a friend over https": "https://localhost:5173",
    "a friend without its port": "http://localhost",
    "a wildcard": "*",
    "a long text": "http://" + "a" * 5000,
    "no page at all": "",
}


@pytest.fixture
def api(settings, user, door_to):
    settings.JWT_REFRESH_COOKIE, settings.CORS_ORIGINS = True, (FRIEND,)
    return door_to("jwt").client


@pytest.fixture
def token(api, user) -> str:
    """Return the refresh token of a living login, which the client holds in its cookie."""
    refresh = str(models.log_in(user).refresh)
    carry(api, refresh)
    return refresh


def state() -> list[tuple]:
    return list(RefreshFamily.objects.values_list("pk", "current_jti", "revoked_at"))


def send(api, path: str, cookie: str, **headers):
    return api.post(path, {}, headers={"Origin": OWN} | headers, HTTP_COOKIE=cookie)


def refuse(api, path: str, text: str):
    """Check that this text in the cookie is refused for good, and that no login noticed."""
    before = state()
    response = send(api, path, f"{NAME}={text}")
    assert response.status_code == 401, (response.status_code, response.content[:200])
    assert response["Content-Type"] == "application/json"
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'
    # A token of the future may be one of a machine whose clock is ahead, and is kept.
    assert is_deleted(response) or is_of_the_future(text)
    assert state() == before


def is_of_the_future(text: str) -> bool:
    try:
        made = claims(text)
    except PyJWTError:
        return False
    times = [made.get(name) for name in ("iat", "nbf")] if isinstance(made, dict) else []
    return any(type(each) in (int, float) and each > time.time() + 60 for each in times)


def cases(catalogue):
    return pytest.mark.parametrize("make", catalogue.values(), ids=[ascii(name) for name in catalogue])


@pytest.mark.once
@cases(attacks_forged.FORGED | attacks.WELL_SIGNED)
def test_a_forged_or_hostile_token_in_the_cookie_opens_no_door(api, token, make):
    for path in (REFRESH, LOGOUT):
        refuse(api, path, make(token))
    carry(api, token)  # the client has deleted it
    assert post(api, REFRESH).status_code == 200


@pytest.mark.once
@cases(attacks_forged.CONFUSED)
def test_what_the_public_key_can_make_opens_no_door_in_the_cookie(settings, api, user, make):
    settings.JWT_ALGORITHM, settings.JWT_SIGNING_KEY = "RS256", a_key("RS256")
    pair = models.log_in(user)
    for path in (REFRESH, LOGOUT):
        refuse(api, path, make(str(pair.refresh)))


@pytest.mark.parametrize("kind", [name for name in attacks.KINDS if name != "nothing"])
def test_no_credential_of_another_kind_is_taken_from_the_cookie(api, token, user, kind):
    make, _ = attacks.KINDS[kind]
    if kind in ("refresh token", "a NUL", "a NUL in a key", "no UTF-8"):
        pytest.skip("that is what belongs there" if kind == "refresh token" else "no server lets it through")
    text = make(user)
    for path in (REFRESH, LOGOUT):
        assert send(api, path, f"{NAME}={text}").status_code == 401


@pytest.mark.parametrize("page", PAGES)
@DOORS
def test_no_page_of_another_origin_uses_the_cookie_with_any_body(api, token, path, page):
    before = state()
    for kind, body in BODIES:
        headers = {"Origin": PAGES[page]} if PAGES[page] else {}
        response = api.generic("POST", path, body, content_type=kind, headers=headers)
        is_read = kind != "text/plain" and "everywhere" not in body  # a name that the refresh does not know
        assert response.status_code in ((403,) if is_read else (400, 403, 415)), response.content
        assert not response.cookies
    assert state() == before
    assert post(api, path, origin=FRIEND).status_code in (200, 204)


@pytest.mark.parametrize("page", PAGES)
def test_no_page_of_another_origin_logs_somebody_in(api, user, page):
    for wish in (True, "true", 1, "on"):
        response = log_in(api, PAGES[page], cookie=wish)
        assert response.status_code == 403
        assert not response.cookies
    assert state() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"},
        {"X-Original-Host": "evil.example"},
        {"Referer": OWN + "/"},
        {"Sec-Fetch-Site": "same-origin"},
        {"X-Origin": OWN},
        {"Host": "evil.example"},
        {"Host": "testserver@evil.example"},
        {"Host": "testserver:80@evil.example"},
        {"Host": ""},
    ],
)
@DOORS
def test_no_other_header_makes_a_page_ours(api, token, path, headers):
    before = state()
    response = post(api, path, origin="https://evil.example", **headers)
    assert response.status_code in (400, 403)
    assert not response.cookies
    assert state() == before


# A cookie header -> whether the token in it is read.
SPELLINGS = {
    "{name}={token}": True,
    " {name} = {token} ": True,
    "a=b; {name}={token}; c": True,
    "{name}={token};": True,
    "REFRESH_TOKEN={token}": False,
    "Refresh_Token={token}": False,
    "__Secure-{name}={token}": False,
    "__Host-{name}={token}": False,
    "{name}[]={token}": False,
    "{name}%20={token}": False,
    "$Version=1; {name}2={token}": False,
    "x={name}={token}": False,
    "{name}:{token}": False,
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_cookie_has_one_name(api, token, spelling):
    before = state()
    response = send(api, REFRESH, spelling.format(name=NAME, token=token))
    assert response.status_code == (200 if SPELLINGS[spelling] else 401)
    assert (state() != before) == SPELLINGS[spelling]


@pytest.mark.parametrize(
    "header",
    [
        "{name}={token}; {name}={token}",
        "{name}={other}; {name}={token}",
        "{name}={token}; {name}={other}",
        "{name}=; {name}={token}",
        "{name}={token}; {name}",
        "{name}={token}" + "; {name}=x" * 50,
    ],
)
@DOORS
def test_a_second_cookie_that_another_host_planted_is_neither_chosen_nor_ignored(api, token, staff, path, header):
    other = str(models.log_in(staff).refresh)
    before = state()
    response = send(api, path, header.format(name=NAME, token=token, other=other))
    assert response.status_code == 400
    assert not response.cookies
    assert state() == before


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
@DOORS
def test_no_other_method_reads_the_cookie(api, token, path, method):
    before = state()
    for origin in (OWN, "https://evil.example"):
        response = getattr(api, method)(path, headers={"Origin": origin})
        assert response.status_code in (200, 401, 405)
        assert not response.cookies
    assert state() == before


@pytest.mark.parametrize("length", [4096, 4097, 8000, 15_000])
@DOORS
def test_a_cookie_that_is_too_long_is_refused_and_deleted(api, token, path, length):
    refuse(api, path, token + "x" * (length - len(token)))


def test_no_other_endpoint_of_any_kind_reads_the_cookie(api, token, settings):
    settings.ROOT_URLCONF = "config.urls"
    before = state()
    paths = [(method, path) for path, methods in api.get("/").json()["endpoints"].items() for method in methods]
    assert len(paths) > 10
    for method, path in paths:
        if path in (REFRESH, LOGOUT):
            continue
        path = path.replace("{id}", str(before[0][0]))
        response = api.generic(method, path, "{}", content_type="application/json", headers={"Origin": OWN})
        assert response.status_code < 500
        assert NAME not in response.cookies
    assert state() == before


def test_the_switch_off_reads_no_cookie_at_any_door(api, token, settings):
    settings.JWT_REFRESH_COOKIE = False
    before = state()
    for path in (REFRESH, LOGOUT):
        assert post(api, path).status_code in (400, 401)
    assert log_in(api).status_code == 400
    assert state() == before


@pytest.mark.parametrize("name", [row.name for row in SCHEMES.values() if row.is_stock and row.keyword == "Bearer"])
def test_the_stock_rows_read_no_cookie(settings, user, door_to, name):
    settings.JWT_REFRESH_COOKIE = True
    api = door_to(name).client
    carry(api, str(models.log_in(user).refresh))
    assert post(api, REFRESH).status_code == 400
