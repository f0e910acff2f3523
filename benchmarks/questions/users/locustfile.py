"""Users for locust who act as clients do: log in, read, sometimes write, refresh in time, log out.

There is a class for each row of the scheme table. Those in AUTH_SCHEMES (default: the service's
own) take part, or those that the command line names. Each user has an account, `load-0`, `load-1`,
…: an opaque token may be one for each user, and then one client's logout would log out every
client. Workers have separate accounts, as many as --users for each.

A user acts once every --pace seconds, and catches up on actions that a slow answer delayed.
Response times count from when an action was due, in HdrHistograms; locust's own count from the
sending. The master, or the only process, prints both at the end.

The users send requests with locust's own client, because it is cheap: httpx works under gevent's
patched sockets too, but takes five times the processor time for a request (0.5 ms, not 0.1), which
all users of a process share.
"""

import itertools
import os
import time
from random import Random

import jwt
from hdrh.histogram import HdrHistogram
from locust import FastHttpUser, events, task
from rich import box
from rich.table import Table

from benchmarks.questions.users.accounts import PASSWORD, PREFIX
from benchmarks.servers.generator import LONGEST, new_histogram
from benchmarks.servers.service import OBTAIN
from benchmarks.terminal import console
from config.schemes import SCHEMES, Scheme, choose
from config.switches import SWITCHES

REFRESH = "/api/token/refresh/"
LOGOUT = {"Token": "/api-token-auth/revoke/", "Bearer": "/api/token/logout/"}  # stock rows have none
TRACKS = 3503  # in the catalogue, whose ids begin at 1
EARLY = 2.0  # seconds before its end in which an access token is refreshed

LEVELS = (50, 90, 99)  # printed percentiles

FILTERS = (
    "genre=Jazz&duration_ms__gte=600000",
    "genre=Rock&page=3",
    "search=love&ordering=-duration_ms",
    "artist=Iron+Maiden",
    "ordering=title&page_size=50",
    "",
)

_numbers = itertools.count()


class Client(FastHttpUser):
    """One account. `ask` sends its requests with the credential, which it refreshes in time."""

    abstract = True
    scheme: Scheme

    def on_start(self):
        options, runner = self.environment.parsed_options, self.environment.runner
        number = max(0, runner.worker_index) * (options.num_users or 1) + next(_numbers)
        self._username, self._password = f"{PREFIX}{number}", PASSWORD
        self._random = Random(number)
        self._own: list[int] = []  # ids of tracks that this user created
        self._pace = options.pace
        self._due = time.perf_counter()
        self._intended = self._due
        self._log_in()

    def on_stop(self):
        self._intended = None
        self._log_out()

    def wait_time(self) -> float:
        """Return the seconds until the next action is due; 0 for a user who is late."""
        self._due += self._pace
        self._intended = self._due
        return max(0.0, self._due - time.perf_counter())

    def context(self) -> dict:
        """Return when the request was due: with its action if it is the first one, else now."""
        intended, self._intended = self._intended, None
        return {"intended": intended or time.perf_counter()}

    @task(10)
    def read_a_page(self):
        self.ask("GET", f"/tracks/?{self._random.choice(FILTERS)}", "/tracks/?…")

    @task(3)
    def read_a_track(self):
        self.ask("GET", f"/tracks/{self._random.randint(1, TRACKS)}/", "/tracks/{id}/")

    @task(3)
    def ask_who_am_i(self):
        self.ask("GET", "/whoami/", "/whoami/")

    @task(1)
    def write(self):
        """Create a track, change one, or delete one."""
        if len(self._own) < 3:
            title = f"By {self._username}, {time.time()}"
            body = {"title": title, "album": "Load", "artist": "Load", "genre": "Rock", "duration_ms": 1000}
            made = self.ask("POST", "/tracks/", "/tracks/", body)
            if made:
                self._own.append(made["id"])
        elif self._random.random() < 0.7:
            path = f"/tracks/{self._random.choice(self._own)}/"
            self.ask("PATCH", path, "/tracks/{id}/", {"duration_ms": self._random.randint(1000, 900_000)})
        else:
            self.ask("DELETE", f"/tracks/{self._own.pop()}/", "/tracks/{id}/")

    @task(1)
    def log_out_and_in(self):
        self._log_out()
        self._log_in()

    def ask(self, method: str, path: str, name: str, body: dict | None = None) -> dict | None:
        """Return the answer; None if it is empty, or an error, which locust has counted."""
        if self._ends is not None and time.time() > self._ends - EARLY:
            self._renew()
        return self._send(method, path, name, body)

    def _send(self, method: str, path: str, name: str, body: dict | None, authorized: bool = True) -> dict | None:
        headers = {"Authorization": f"{self.scheme.keyword} {self._credential}"} if authorized else {}
        response = self.client.request(
            method, path, name=f"{self.scheme.name} {name}", headers=headers, json=body, catch_response=False
        )
        return response.json() if response.status_code < 300 and response.content else None

    def _log_in(self):
        path, _ = OBTAIN[self.scheme.keyword]
        self._take(self._send("POST", path, path, {"username": self._username, "password": self._password}, False))

    def _renew(self):
        answer = self._send("POST", REFRESH, REFRESH, {"refresh": self._refresh}, False)
        if answer:
            self._take(answer)
        else:
            self._log_in()

    def _take(self, answer: dict | None):
        _, name = OBTAIN[self.scheme.keyword]
        answer = answer or {}
        self._credential = answer.get(name, "")
        self._refresh = answer.get("refresh")
        # A client may read its own token without verifying it.
        claims = jwt.decode(self._credential, options={"verify_signature": False}) if self._refresh else {}
        self._ends = claims.get("exp")

    def _log_out(self):
        if not self.scheme.is_stock:
            path = LOGOUT[self.scheme.keyword]
            self._send("POST", path, path, None)
        self._credential, self._refresh, self._ends = "", None, None


def _class_of(scheme: Scheme, takes_part: bool) -> type:
    name = "".join(part.capitalize() for part in scheme.name.split("-"))
    return type(f"{name}User", (Client,), {"scheme": scheme, "abstract": not takes_part, "__module__": __name__})


_chosen = choose(filter(None, os.environ.get("AUTH_SCHEMES", SWITCHES["AUTH_SCHEMES"].default).split(",")))
for _scheme in SCHEMES.values():
    _class = _class_of(_scheme, _scheme in _chosen)
    globals()[_class.__name__] = _class


# --- response times from when they were due -------------------------------------------------------

_noted: dict[str, tuple[HdrHistogram, HdrHistogram]] = {}  # name -> since due, since sent


def _of(name: str) -> tuple[HdrHistogram, HdrHistogram]:
    return _noted.setdefault(name, (new_histogram(), new_histogram()))


@events.init_command_line_parser.add_listener
def _options(parser):
    parser.add_argument("--pace", type=float, default=1.0, help="Seconds between the actions of a user.")


@events.request.add_listener
def _note(name, response_time, context, **kwargs):
    due, sent = _of(name)
    seconds = time.perf_counter() - context["intended"]
    due.record_value(min(LONGEST, max(1, round(seconds * 1e6))))
    sent.record_value(min(LONGEST, max(1, round(response_time * 1e3))))


@events.report_to_master.add_listener
def _report(client_id, data):
    data["from_due"] = {name: [each.encode().decode("ascii") for each in both] for name, both in _noted.items()}
    _noted.clear()


@events.worker_report.add_listener
def _merge(client_id, data):
    for name, encoded in data["from_due"].items():
        for histogram, each in zip(_of(name), encoded, strict=True):
            histogram.decode_and_add(each)


@events.quitting.add_listener
def _print(environment, **kwargs):
    if not _noted:  # a worker, which has reported to its master
        return
    shown = Table(
        title="ms from when a request was due, and \\[from when it was sent]",
        title_justify="left",
        box=box.SIMPLE,
        padding=(0, 1, 0, 0),
    )
    shown.add_column("request", no_wrap=True)
    shown.add_column("count", justify="right")
    for level in LEVELS:
        shown.add_column(f"p{level}", justify="right", no_wrap=True)
    for name, (due, sent) in sorted(_noted.items()):
        levels = [[each.get_value_at_percentile(level) / 1000 for each in (due, sent)] for level in LEVELS]
        shown.add_row(name, str(due.get_total_count()), *(f"{one:.1f} [{other:.1f}]" for one, other in levels))
    console().print(shown)
