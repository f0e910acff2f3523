"""The service itself behind a real server, as it is deployed: open to one row of the scheme table."""

import http.client
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks.contenders.user import PASSWORD, USERNAME
from benchmarks.databases.scratch import Database
from benchmarks.processes import start
from benchmarks.processes.start import WorkerRefusedError
from benchmarks.servers import server as servers
from benchmarks.servers.server import Running
from config.schemes import SCHEMES

APPLICATION = "config.wsgi:application"
HOST = "127.0.0.1"

# By keyword: where a password is exchanged for a credential, and its name in the answer.
OBTAIN = {"Token": ("/api-token-auth/", "token"), "Bearer": ("/api/token/", "access")}


@contextmanager
def serving(
    server: str,
    database: Database,
    schemes: str,
    core: int | None = None,
    switches: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """With a server (a key of servers.SERVERS) that answers, on a database that has been filled.

    `schemes` is what AUTH_SCHEMES is; `core` the processor it runs on, None: any; `switches` are pinned for it besides.
    Raises servers.ServerError when it does not come up.
    """
    pinned = {"AUTH_SCHEMES": schemes, "SECRET_KEY": secrets.token_urlsafe(50), **(switches or {})}
    environment = start.environment_for(database, schemes.split(","), secrets.randbelow(2**32), pinned) | {
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    }
    with servers.started(server, APPLICATION, environment, core) as running:
        running.first_answer("/health/")
        yield running


def log_in(server: Running, scheme: str, username: str = USERNAME, password: str = PASSWORD) -> str:
    """The value of the Authorization header that lets this user in, obtained through the scheme's own endpoint.

    Proved: with it 200 at `/whoami/`, by this scheme, and without it 401. Raises WorkerRefusedError.
    """
    keyword = SCHEMES[scheme].keyword
    path, name = OBTAIN[keyword]
    status, answer = ask(server, "POST", path, {"username": username, "password": password})
    if status != 200:
        raise WorkerRefusedError(f"{scheme}: {path} answers {status} to a login, not 200")
    header = f"{keyword} {answer[name]}"
    status, answer = ask(server, "GET", "/whoami/", authorization=header)
    if status != 200 or answer.get("scheme") != scheme:
        raise WorkerRefusedError(f"{scheme}: /whoami/ answers {status} {answer} with its credential")
    status, _ = ask(server, "GET", "/whoami/")
    if status != 401:
        raise WorkerRefusedError(f"{scheme}: /whoami/ answers {status} without a credential, not 401")
    return header


def ask(
    server: Running, method: str, path: str, body: dict | None = None, authorization: str | None = None
) -> tuple[int, dict]:
    """Status and JSON of one request on a connection of its own."""
    headers = {"Content-Type": "application/json"} if body else {}
    if authorization:
        headers["Authorization"] = authorization
    connection = http.client.HTTPConnection(HOST, server.port, timeout=10)  # seconds
    try:
        connection.request(method, path, json.dumps(body) if body else None, headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    return response.status, json.loads(text) if text else {}
