"""Logins before, during and after a fault, and a table of the outcomes."""

import os
import sqlite3
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from config.schemes import SCHEMES
from tests.support import servers
from tests.support.mortal import Answer, call

RUNS = int(os.environ.get("FAULT_RUNS", "1"))
PASSWORD = "correct horse battery"
USERS = 500 * RUNS
ON_POSTGRESQL = connection.vendor == "postgresql"
on_sqlite = pytest.mark.skipif(ON_POSTGRESQL, reason="concerns SQLite only")


# The project's rows, and which of them run together. The short run leaves out rows that write like
# another.
if RUNS > 1:
    OWN = [scheme for scheme in SCHEMES.values() if not scheme.is_stock]
    TOGETHER = ("token,jwt", "token-hashed,jwt-stateless", "token-cached,jwt-pushed")
else:
    OWN = [SCHEMES[name] for name in ("token-hashed", "token-cached", "jwt", "jwt-pushed")]
    TOGETHER = ("token-hashed,jwt", "token-cached,jwt-pushed")


NAME = attrgetter("name")


# --- the outcomes ---------------------------------------------------------------------------------


@dataclass
class Tally:
    outcomes: dict[tuple[str, str], Counter] = field(default_factory=dict)
    longest: dict[tuple[str, str], float] = field(default_factory=dict)  # seconds

    def count(self, fault: str, outcome: str, seconds: float | None = None):
        place = fault, connection.vendor
        self.outcomes.setdefault(place, Counter())[outcome] += 1
        if seconds is not None:
            self.longest[place] = max(seconds, self.longest.get(place, 0))

    def __str__(self):
        lines = [("fault", "database", "runs", "recovery", "outcome")]
        for (fault, database), outcomes in self.outcomes.items():
            seconds = self.longest.get((fault, database))
            what = "; ".join(f"{count} x {outcome}" for outcome, count in outcomes.most_common())
            shown = "-" if seconds is None else f"{seconds:.2f} s"
            lines.append((fault, database, str(outcomes.total()), shown, what))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def copy_of(name: str | Path, folder: Path) -> Path:
    """Copy a SQLite file that others may have open."""
    copy = folder / "copy.sqlite3"
    with closing(sqlite3.connect(name)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy


MAKE_USERS = f"""
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
User, password = get_user_model(), make_password({PASSWORD!r})
User.objects.bulk_create([User(username=f"user{{i}}", password=password) for i in range({USERS})])
"""


class Opaque:
    """The requests of a client with an opaque token."""

    def log_in(self, username: str) -> dict:
        return call("POST", "/api-token-auth/", {"username": username, "password": PASSWORD})

    def credential(self, login: Answer) -> str:
        return login.body["token"]

    def spend(self, token: str) -> dict:
        return call("POST", "/api-token-auth/new/", authorization=f"Token {token}")

    def end(self, token: str, everywhere: bool) -> dict:
        return call("POST", "/api-token-auth/revoke/", {"everywhere": everywhere}, f"Token {token}")

    def look(self, token: str) -> dict:
        return call("GET", "/whoami/", authorization=f"Token {token}")


class Pair:
    """The requests of a client with a refresh token."""

    def log_in(self, username: str) -> dict:
        return call("POST", "/api/token/", {"username": username, "password": PASSWORD})

    def credential(self, login: Answer) -> str:
        return login.body["refresh"]

    def spend(self, token: str) -> dict:
        return call("POST", "/api/token/refresh/", {"refresh": token})

    def end(self, token: str, everywhere: bool) -> dict:
        return call("POST", "/api/token/logout/", {"refresh": token, "everywhere": everywhere})

    def look(self, token: str) -> dict:
        return call("POST", "/api/token/verify/", {"token": token})


CLIENTS = {"Token": Opaque(), "Bearer": Pair()}


class Postgresql:
    """A PostgreSQL of this module's own, with the tests' tables and users."""

    def __init__(self, database_url: str):
        self._server = servers.postgresql_server()
        self.url = self._server.get_uri()
        dump = servers.postgresql_tool("pg_dump", database_url)
        servers.postgresql_tool("psql", "-q", "-v", "ON_ERROR_STOP=1", self.url, input=dump)

    def stop(self, mode: str):
        servers.stop_postgresql(self._server, mode)

    def start(self) -> float:
        """Start the server, and return the time.monotonic() at which it first answered."""
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(self._server.ensure_postgres_running)
            while True:
                try:
                    psycopg.connect(self.url).close()
                except psycopg.OperationalError:
                    time.sleep(0.01)
                else:
                    back = time.monotonic()
                    started.result()
                    return back
