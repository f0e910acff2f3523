"""The rungs of a scheme's ladder: its own class, stopped before one step after another.

All rungs are subclasses that differ in the steps they leave out. They return a user loaded before
where they stop, so that the view always has the same to do. They have the name of the class they
are made of, so the body of every rung is that of the untouched class.

The function `authenticate` that a class has or inherits decides which steps there are: those of the
libraries call `authenticate_credentials`, or `get_header` to `get_user`. A class that overrides
`authenticate` has no ladder, unless _STEPS names its steps.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from time import perf_counter_ns

import jwt.algorithms
from django.contrib.auth import get_user_model
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.utils.module_loading import import_string
from rest_framework.authentication import TokenAuthentication
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication

import jwt_auth.authentication
import tokens.authentication
from auth_core.credentials import credential
from auth_core.schemes import scheme_of
from benchmarks.contenders import proof, wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.lineup import find_scheme
from benchmarks.contenders.urlconf import urlconf_of
from benchmarks.contenders.user import USERNAME
from benchmarks.contenders.wsgi import Handler
from benchmarks.messages import ANONYMOUS, Assignment, RefusedError
from benchmarks.processes import timing
from benchmarks.questions.ladder.run import ASKED, LOADED, PARSED, PERMITTED, VERIFIED, WHOLE
from benchmarks.results.records.ladder import Climb, Counts
from benchmarks.stats.design import rounds
from config.schemes import Scheme

SQL_REQUESTS = 30  # requests whose statements are timed, off the main clock

Entered = tuple  # what authenticate() returns: (user, auth)
Overrides = dict[str, Callable]  # method -> what replaces it in a rung


def _of_drf(entered: Entered) -> dict[str, Overrides]:
    """Return the steps of DRF's opaque token, which checks nothing about a key before the query."""
    return {
        PARSED: {"authenticate_credentials": lambda self, key: entered},
        LOADED: {},
    }


def _of_simplejwt(entered: Entered) -> dict[str, Overrides]:
    user, token = entered
    return {
        PARSED: {"get_validated_token": lambda self, raw: token, "get_user": lambda self, validated: user},
        VERIFIED: {"get_user": lambda self, validated: user},
        LOADED: {},
    }


def _of_token(entered: Entered) -> dict[str, Overrides]:
    """Return the steps of this service's token, which checks a key's shape before the query."""

    return {
        PARSED: {"authenticate": _parsed(entered)},
        VERIFIED: {"authenticate_credentials": lambda self, key: entered},
        LOADED: {},
    }


def _of_jwt(entered: Entered) -> dict[str, Overrides]:
    """Return the steps of this service's JWT, which mostly finds the text in its memo."""
    user, _ = entered
    return {
        PARSED: {"authenticate": _parsed(entered)},
        VERIFIED: {"get_user": lambda self, validated: user},
        LOADED: {},
    }


def _parsed(entered: Entered) -> Callable:
    def authenticate(self, request):
        return None if credential(request, self.keyword) is None else entered

    return authenticate


_STEPS: dict[Callable, Callable[[Entered], dict[str, Overrides]]] = {
    TokenAuthentication.authenticate: _of_drf,
    JWTAuthentication.authenticate: _of_simplejwt,
    tokens.authentication.TokenAuthentication.authenticate: _of_token,
    jwt_auth.authentication.JWTAuthentication.authenticate: _of_jwt,
}


@dataclass(frozen=True, slots=True)
class Built:
    """A scheme's ladder: anonymous, the rungs from the lowest up, and the untouched class."""

    anonymous: Contender
    rungs: dict[str, Contender]
    whole: Contender

    @property
    def all(self) -> dict[str, Contender]:
        return {ANONYMOUS: self.anonymous, **self.rungs, WHOLE: self.whole}


def run(assignment: Assignment, done: Callable[[str], None]) -> dict[str, Climb]:
    """Do the assignment, which has one URL, and return scheme -> climb.

    Raises RefusedError, before anything is timed, if a rung does not do what it says.
    """
    (url,) = assignment.rounds
    random = Random(assignment.seed)
    handler = Handler()
    user = get_user_model().objects.get(username=USERNAME)
    schemes = assignment.schemes
    built = {}
    for scheme in random.sample(schemes, len(schemes)):  # no scheme always has the best place in memory
        built[scheme] = build(find_scheme(scheme), user, url)
    faults = [fault for scheme in schemes for fault in prove(handler, built[scheme], url)]
    if faults:
        raise RefusedError("\n".join(faults))
    proof.hear(handler, (each.whole for each in built.values()))
    climbs = {}
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for scheme in random.sample(schemes, len(schemes)):
            climbs[scheme] = _climb(handler, built[scheme], url, assignment, random)
            done(url)
    finally:
        gc.enable()
        gc.unfreeze()
    return {scheme: climbs[scheme] for scheme in schemes}


def build(scheme: Scheme, user, url: str) -> Built:
    """Return a scheme's ladder. Raises RefusedError if the class refuses its own credential."""
    whole = Contender.of_scheme(scheme, user, [url])
    rungs = {}
    steps = _STEPS.get(import_string(scheme.authentication).authenticate) if scheme.authentication else None
    if steps:
        rungs = _rungs(scheme, whole, url, steps)
    return Built(Contender.anonymous(ANONYMOUS, [url]), rungs, whole)


def prove(handler: Handler, built: Built, url: str) -> list[str]:
    """Return what is wrong with a ladder, a sentence each; nothing: it may be timed.

    A rung that stops before it has verified anything accepts garbage, so the only proof is that its
    answer is that of the untouched class.
    """
    expected = wsgi.ask(handler, built.anonymous.environ(url)).body
    faults = proof.prove(handler, built.anonymous, url, expected)
    faults += proof.prove(handler, built.whole, url, expected)
    whole = wsgi.ask(handler, built.whole.environ(url))
    for contender in built.rungs.values():
        answer = wsgi.ask(handler, contender.environ(url))
        if answer.status != 200:
            faults.append(f"{contender.name} at {url}: answers {answer.status} with its credential, not 200")
        elif answer.body != whole.body:
            faults.append(f"{contender.name} at {url}: answers another body than {built.whole.name}")
    return faults


def count(handler: Handler, contender: Contender, url: str) -> Counts:
    """Return the counts of one request, made after the warm-up and off the main clock."""
    with _signature_checks() as checks:
        facts = proof.count(handler, contender, url)
    times = _sql_times(handler, contender.environ(url), SQL_REQUESTS)
    return Counts(
        sql_statements=facts.sql_statements,
        sql_us=timing.figures(times, drop=0)[0] / 1000,
        header_bytes=facts.header_bytes,
        signature_checks=len(checks),
    )


def _rungs(scheme: Scheme, whole: Contender, url: str, steps) -> dict[str, Contender]:
    cls = import_string(scheme.authentication)
    entered = cls().authenticate(Request(WSGIRequest(whole.environ(url))))
    if entered is None:
        raise RefusedError(f"{whole.name} does not take its own credential")
    overrides = {ASKED: {"authenticate": lambda self, request: entered}, **steps(entered)}
    overrides[PERMITTED] = overrides[LOADED]
    rungs = {}
    for rung, methods in overrides.items():
        name = f"{whole.name}: {rung}"
        subclass = type(cls.__name__, (cls,), {"scheme": scheme_of(cls), **methods})
        gate = IsAuthenticated if rung == PERMITTED else AllowAny
        rungs[rung] = replace(
            whole,
            entry=replace(whole.entry, name=name),
            urlconf=urlconf_of(name, [url], [subclass], gate),
            refused={},
        )
    return rungs


def _climb(handler, built: Built, url: str, assignment: Assignment, random: Random) -> Climb:
    environs = {rung: contender.environ(url) for rung, contender in built.all.items()}
    _, round_seconds = timing.warm_up(handler, environs, assignment, random)
    counts = {rung: count(handler, contender, url) for rung, contender in built.all.items()}
    p25_ns, collector = {rung: [] for rung in environs}, timing.Collector()
    before = None
    for order in rounds(list(environs), assignment.rounds[url], random):
        for rung in order:
            block = partial(timing.time_block, handler, environs[rung], assignment.block)
            with timing.named(f"{built.whole.name}, {rung}"):
                times = collector.time(url, block, before)
            before = block
            p25_ns[rung].append(timing.figures(times, assignment.drop)[0])
    return Climb(built.whole.name, list(built.rungs), counts, round_seconds, p25_ns, collector.waited)


@contextmanager
def _signature_checks() -> Iterator[list[str]]:
    """Yield a list that grows by the name of PyJWT's algorithm at each signature check."""
    checks = []

    def counted(cls: type, verify: Callable) -> Callable:
        def note(*args):
            checks.append(cls.__name__)
            return verify(*args)

        return note

    classes = {type(algorithm) for algorithm in jwt.algorithms.get_default_algorithms().values()}
    own = {cls: cls.verify for cls in classes}
    for cls, verify in own.items():
        cls.verify = counted(cls, verify)
    try:
        yield checks
    finally:
        for cls, verify in own.items():
            cls.verify = verify


def _sql_times(handler: Handler, environ: dict, requests: int) -> Sequence[int]:
    """Return the nanoseconds that each request spends in the cursor's execute()."""
    times = []

    def note(execute, sql, params, many, context):
        start = perf_counter_ns()
        try:
            return execute(sql, params, many, context)
        finally:
            times[-1] += perf_counter_ns() - start

    with connection.execute_wrapper(note):
        for _ in range(requests):
            times.append(0)
            wsgi.ask(handler, environ.copy())
    return times
