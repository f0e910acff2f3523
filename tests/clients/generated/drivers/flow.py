"""Everything that a client of the service does, by both kinds, through one generated client.

A driver hands `run` a class with the calls of `Calls`. Each step prints one line of JSON.
"""

import json
import os
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

SERVICE, THROTTLED, AWAY = (os.environ[name] for name in ("SERVICE", "THROTTLED", "AWAY"))
USERNAME, PASSWORD = os.environ["USERNAME_OF_ADA"], os.environ["PASSWORD_OF_ADA"]

NEW = {
    "title": "Overture",
    "album": "2112",
    "artist": "Rush",
    "genre": "Rock",
    "composer": "Lee, Lifeson, Peart",
    "duration_ms": 272_000,
}


@dataclass
class Answer:
    """The status of an answer, the fields of its body as the client read them, and its headers."""

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def header(self, name: str) -> str:
        return {key.lower(): text for key, text in self.headers.items()}[name.lower()]


class Calls(Protocol):
    """What a driver can do at one address with one credential, or with none."""

    def __init__(self, base: str, kind: str, credential: str = ""): ...
    def log_in(self, username: str, password: str) -> Answer: ...
    def who_am_i(self) -> Answer: ...
    def find(self, **filters) -> Answer: ...
    def create(self, track: dict) -> Answer: ...
    def read(self, pk: int) -> Answer: ...
    def change(self, pk: int, fields: dict) -> Answer: ...
    def delete(self, pk: int) -> Answer: ...
    def refresh(self, refresh: str) -> Answer: ...
    def log_out(self) -> Answer: ...


def expect(answer: Answer, status: int, **fields) -> dict[str, Any]:
    """Return the body. Raise AssertionError unless the answer has this status and these fields."""
    found = {name: answer.body.get(name) for name in fields}
    assert (answer.status, found) == (status, fields), f"{answer.status} {answer.body}, expected {status} {fields}"
    return answer.body


class Flow:
    """One login of one kind, from its beginning to its end."""

    def __init__(self, calls: type[Calls], kind: str):
        self.calls, self.kind = calls, kind
        self.anonymous = calls(SERVICE, kind)
        self.login: dict[str, Any] = {}
        self.track: dict[str, Any] = {}

    @property
    def credential(self) -> str:
        return self.login["token" if self.kind == "Token" else "access"]

    @property
    def mine(self) -> Calls:
        return self.calls(SERVICE, self.kind, self.credential)

    def log_in(self):
        self.login = expect(self.anonymous.log_in(USERNAME, PASSWORD), 200)
        expect(self.mine.who_am_i(), 200, username=USERNAME, scheme="token" if self.kind == "Token" else "jwt")

    def wrong_password(self):
        answer = self.anonymous.log_in(USERNAME, "wrong")
        if self.kind == "Token":
            assert expect(answer, 400)["non_field_errors"], answer
        else:
            assert expect(answer, 401)["detail"], answer

    def filters(self):
        yesterday = datetime.now(UTC) - timedelta(days=1)
        found = expect(
            self.mine.find(title__icontains="SONG", duration_ms__gte=300_000, created__gte=yesterday, page_size=3),
            200,
            count=4,
        )
        assert [each["title"] for each in found["results"]] == ["Song 3", "Song 4", "Song 5"], found

    def lists(self):
        genres, ordering = ["Jazz", '"Folk, World"'], ["-duration_ms", "title"]
        found = expect(self.mine.find(genre__in=genres, ordering=ordering), 200, count=6)
        titles = [each["title"] for each in found["results"]]
        assert titles == ["Fiddle 2", "Fiddle 1", "Tune 1", "Tune 2", "Tune 3", "Tune 4"], titles

    def pages(self):
        found = expect(self.mine.find(page=2, page_size=5), 200, count=12)
        assert "page=3" in found["next"], found
        assert found["results"][0]["owner"] is None, found

    def create(self):
        self.track = expect(self.mine.create(NEW), 201, **NEW, owner=USERNAME)
        expect(self.mine.find(owner="me"), 200, count=1)

    def invalid(self):
        assert expect(self.mine.create({**NEW, "genre": "Skiffle"}), 400)["genre"]

    def patch(self):
        kept = {**NEW, "title": "Overture (live)"}
        expect(self.mine.change(self.track["id"], {"title": kept["title"]}), 200, **kept)
        expect(self.mine.read(self.track["id"]), 200, **kept)

    def forbidden(self):
        (catalogue,) = self.mine.find(title="Song 1").body["results"]
        assert expect(self.mine.delete(catalogue["id"]), 403)["detail"]

    def delete(self):
        assert self.mine.delete(self.track["id"]).status == 204

    def not_found(self):
        assert expect(self.mine.read(self.track["id"]), 404)["detail"]

    def unauthorized(self):
        for calls in (self.anonymous, self.calls(SERVICE, self.kind, "0" * 40)):
            answer = calls.find()
            assert expect(answer, 401)["detail"]
            assert answer.header("WWW-Authenticate").startswith("Token"), answer

    def throttled(self):
        calls = self.calls(THROTTLED, self.kind)
        answer = next(filter(lambda each: each.status == 429, (calls.log_in(USERNAME, "wrong") for _ in range(20))))
        assert expect(answer, 429)["detail"]
        assert int(answer.header("Retry-After")) > 0

    def unavailable(self):
        calls = self.calls(AWAY, self.kind, self.credential)
        for answer in (calls.find(), calls.log_in(USERNAME, PASSWORD)):
            assert expect(answer, 503)["detail"]
            assert int(answer.header("Retry-After")) > 0

    def refresh(self):
        before = self.mine
        self.login = expect(self.mine.refresh(self.login.get("refresh", "")), 200)
        expect(self.mine.who_am_i(), 200, username=USERNAME)
        if self.kind == "Token":  # a rotated token is replaced; an access token lasts until it expires
            expect(before.who_am_i(), 401)

    def log_out(self):
        assert self.mine.log_out().status == 204

    def after_logout(self):
        assert expect(self.mine.who_am_i(), 401)["detail"]


STEPS: tuple[Callable[[Flow], None], ...] = (
    Flow.log_in,
    Flow.wrong_password,
    Flow.filters,
    Flow.lists,
    Flow.pages,
    Flow.create,
    Flow.invalid,
    Flow.patch,
    Flow.forbidden,
    Flow.delete,
    Flow.not_found,
    Flow.unauthorized,
    Flow.throttled,
    Flow.unavailable,
    Flow.refresh,
    Flow.log_out,
    Flow.after_logout,
)


def run(calls: type[Calls]):
    """Run every step by both kinds, and print what came of it."""
    for kind in ("Token", "Bearer"):
        flow = Flow(calls, kind)
        for step in STEPS:
            error = ""
            try:
                step(flow)
            except Exception as problem:  # any failure of a generated client is a failed step
                where = traceback.extract_tb(problem.__traceback__)[-1]
                error = f"{type(problem).__name__}: {problem} ({where.filename}:{where.lineno})"
            print(json.dumps({"kind": kind, "step": step.__name__, "error": error}), flush=True)
