"""A key is rotated as the guide says, in a twentieth of the time, while other services verify.

Each wait of the guide, and each time for which a consumer keeps keys, is divided by SCALE.
"""

import os
import re
import signal
import subprocess
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event, Lock, Thread

import httpx
import jwt
import pytest

from tests.support import consumers, servers
from tests.support.accounts import PASSWORD
from tests.support.consumers import AUDIENCE, ISSUER, Question
from tests.support.keys import a_key
from tests.support.transcripts import blocks, commands, page

pytestmark = [pytest.mark.consumers, pytest.mark.once]

GUIDE = page("docs/how-to/rotate-a-signing-key.md")
SCALE = 20
REFRESH_LIFETIME = 24  # seconds: how long the guide waits before the old key goes
PLACE = "/etc/tracks"


class Service:
    """A service with two workers, the file of switches that they read, and the guide's commands."""

    def __init__(self, folder: Path, base: str):
        self.folder, self.base = folder, base

    def run(self, command: str):
        """Run a command of the guide here."""
        if command == "systemctl reload tracks":
            self._reload()
        elif wait := re.fullmatch(r"sleep (\d+)", command):
            time.sleep(int(wait[1]) / SCALE)
        else:
            subprocess.run(["bash", "-c", command.replace(PLACE, str(self.folder))], check=True, timeout=60)

    def _reload(self):
        # A worker takes as long to start as ever, so the reload ends when all are replaced: the
        # guide's wait, which covers that, is a twentieth.
        before = self._workers()
        os.kill(self._pid, signal.SIGHUP)
        end = time.monotonic() + 120
        while before & self._workers() or len(self._workers()) != len(before):
            assert time.monotonic() < end, (before, self._workers())
            time.sleep(0.05)

    @property
    def _pid(self) -> int:
        return int((self.folder / "pid").read_text())

    def _workers(self) -> set[str]:
        return set(Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text().split())


@pytest.fixture
def service(switches, tmp_path):
    key = tmp_path / "jwt-1.key"
    key.write_text(a_key("ES256"))
    lines = switches(
        JWT_ALGORITHM="ES256",
        JWT_SIGNING_KEY=a_key("ES256"),
        JWT_ACCESS_LIFETIME="12s",
        JWT_REFRESH_LIFETIME=f"{REFRESH_LIFETIME}s",
    )
    settings = lines.pop("DJANGO_SETTINGS_MODULE")
    lines |= {"JWT_SIGNING_KEY": f"file:{key}", "JWT_VERIFYING_KEYS": ""}
    (tmp_path / "tracks.env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    with servers.granian(
        2,
        ENV_FILE=str(tmp_path / "tracks.env"),
        DJANGO_SETTINGS_MODULE=settings,
        GRANIAN_RESPAWN_INTERVAL="3",
        GRANIAN_PID_FILE=str(tmp_path / "pid"),
    ) as base:
        yield Service(tmp_path, base)


def decode(token: str, key) -> str:
    """Return "" if PyJWT accepts the token with this key, or why it does not."""
    try:
        jwt.decode(token, key, algorithms=["ES256"], audience=AUDIENCE, issuer=ISSUER, leeway=10)
    except jwt.PyJWTError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def with_pyjwt(keys: str) -> Callable[[str], str]:
    """Return a consumer with PyJWKClient's own times."""
    client = jwt.PyJWKClient(keys, lifespan=300 / SCALE, cooldown_duration=30 / SCALE)

    def check(token: str) -> str:
        try:
            key = again(lambda: client.get_signing_key_from_jwt(token))
        except jwt.PyJWKClientError as error:
            return str(error)
        return decode(token, key)

    return check


def with_kept_keys(keys: str) -> Callable[[str], str]:
    """Return a consumer that keeps the set for as long as `max-age` allows, whatever it meets."""
    kept: dict = {"until": 0.0}

    def check(token: str) -> str:
        if time.monotonic() >= kept["until"]:
            answer = again(lambda: httpx.get(keys))
            kept["until"] = (
                time.monotonic() + int(re.search(r"max-age=(\d+)", answer.headers["Cache-Control"])[1]) / SCALE
            )
            kept["keys"] = {key["kid"]: jwt.PyJWK(key) for key in answer.json()["keys"]}
        key = kept["keys"].get(jwt.get_unverified_header(token)["kid"])
        return decode(token, key) if key else "no such key is kept"

    return check


def with_jose(keys: str, node: consumers.Node, name: str, lock: Lock) -> Callable[[str], str]:
    """Return a consumer with the times of jose's createRemoteJWKSet."""
    times = {"cacheMaxAge": 600_000 / SCALE, "cooldownDuration": 30_000 / SCALE}

    def check(token: str) -> str:
        for _ in range(3):
            with lock:
                reason = node.ask("jose", Question(keys, token, leeway=10), shared=name, **times)
            if "fetch failed" not in reason and "ERR_JWKS_TIMEOUT" not in reason:
                break
        return reason

    return check


def again(send: Callable):
    """Return what `send` returns. Retry what was in flight on a stopped worker, at most twice."""
    for _ in range(2):
        with suppress(httpx.TransportError, jwt.PyJWKClientConnectionError):
            return send()
        time.sleep(0.05)
    return send()


def live(base: str, check: Callable[[str], str], stop: Event, seen: list[tuple[str, str]]):
    """Log in, let a consumer verify each access token and the service answer, and refresh."""
    pair = again(lambda: consumers.log_in(base, password=PASSWORD))
    turn = 0
    while not stop.is_set():
        turn += 1
        if turn % 10 == 0:
            answer = again(partial(httpx.post, f"{base}/api/token/refresh/", json={"refresh": pair["refresh"]}))
            pair = answer.json() if answer.status_code == 200 else pair
        else:
            header = {"Authorization": f"Bearer {pair['access']}"}
            answer = again(partial(httpx.get, f"{base}/whoami/", headers=header))
        reason = "" if answer.status_code == 200 else f"the service: {answer.status_code} {answer.text}"
        seen.append((jwt.get_unverified_header(pair["access"])["kid"], reason or check(pair["access"])))
        stop.wait(0.2)


@contextmanager
def living(base: str, checks: dict[str, Callable[[str], str]], seen: dict[str, list[tuple[str, str]]]):
    """Run a client for each consumer until the block ends, each begun a little later."""
    stop = Event()
    threads = [Thread(target=live, args=(base, check, stop, seen[name])) for name, check in checks.items()]
    try:
        for thread in threads:
            thread.start()
            time.sleep(1)
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=60)


def rotate(service: Service):
    """Run the guide's commands in their order, with the key that it makes for ES256."""
    (make_key,) = blocks("sh", GUIDE)
    for number, (command, _) in enumerate(commands(GUIDE)):
        if command.startswith("sed") and command.count("JWT_VERIFYING_KEYS=|") == 1:
            time.sleep(REFRESH_LIFETIME)
        service.run(make_key.strip() if number == 0 else command)


def test_no_request_is_refused_while_a_key_is_rotated_as_documented(service):
    keys = consumers.keys_of(service.base)
    seen: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with consumers.running_node() as node:
        lock = Lock()
        checks = {}
        for number in range(2):
            checks[f"PyJWT {number}"] = with_pyjwt(keys)
            checks[f"kept {number}"] = with_kept_keys(keys)
            checks[f"jose {number}"] = with_jose(keys, node, f"jose {number}", lock)
        with living(service.base, checks, seen):
            before = httpx.get(keys)
            rotate(service)
            after = httpx.get(keys)
            time.sleep(2)
    refused = {name: sorted({reason for _, reason in found if reason}) for name, found in seen.items()}
    assert refused == {name: [] for name in checks}
    kids = [{key["kid"] for key in answer.json()["keys"]} for answer in (before, after)]
    assert [len(each) for each in kids] == [1, 1]
    for found in seen.values():
        assert len(found) > 50
        assert {kid for kid, _ in found} == kids[0] | kids[1]
    assert sorted(path.name for path in service.folder.glob("*.key")) == ["jwt-2.key"]
    known = {"If-None-Match": before.headers["ETag"]}
    assert httpx.get(keys, headers=known).status_code == 200
