"""The service behind a real server, as deployed, with one row of the scheme table enabled."""

import http.client
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from benchmarks.contenders.user import PASSWORD, USERNAME
from benchmarks.databases.scratch import Database
from benchmarks.processes import start
from benchmarks.processes.start import WorkerRefusedError
from benchmarks.servers.server import Running, started
from config.schemes import SCHEMES

APPLICATION = "config.wsgi:application"
HOST = "127.0.0.1"

# keyword -> the endpoint that exchanges a password for a credential, and its name in the answer
OBTAIN = {"Token": ("/api-token-auth/", "token"), "Bearer": ("/api/token/", "access")}


@contextmanager
def serving(
    server: str,
    database: Database,
    schemes: str,
    core: int | None = None,
    switches: Mapping[str, str] | None = None,
) -> Iterator[Running]:
    """Start a server (a key of SERVERS) on a filled database, and wait until it answers.

    `schemes`   the value of AUTH_SCHEMES
    `core`      the processor that it runs on; None: any
    `switches`  further switches to pin

    Raises ServerError if it does not start.
    """
    pinned = {"AUTH_SCHEMES": schemes, "SECRET_KEY": secrets.token_urlsafe(50), **(switches or {})}
    environment = start.environment_for(database, schemes.split(","), secrets.randbelow(2**32), pinned) | {
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
    }
    with started(server, APPLICATION, environment, core) as running:
        running.first_answer("/health/")
        yield running


def log_in(server: Running, scheme: str, username: str = USERNAME, password: str = PASSWORD) -> str:
    """Log in at the scheme's own endpoint and return the value of the Authorization header.

    It proves the value: `/whoami/` answers 200 by this scheme with it, and 401 without. Raises
    WorkerRefusedError.
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
    """Send one request on a connection of its own. Return the status and the JSON."""
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
