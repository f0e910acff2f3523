"""What a look into a status list adds to a request, compared with `jwt` and `jwt-pushed`."""

import time
from contextlib import ExitStack
from dataclasses import replace
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec
from django.contrib.auth import get_user_model
from rest_framework.permissions import IsAuthenticated

from benchmarks.contenders import proof, wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI, urlconf_of
from benchmarks.contenders.user import USERNAME
from benchmarks.messages import ANONYMOUS, CONTROL, RefusedError
from benchmarks.processes import timing
from benchmarks.questions.proposals.messages import JWT, PUSHED, STATELESS, WITH_LIST, Task
from benchmarks.questions.proposals.status_list import lists
from benchmarks.questions.proposals.status_list.authentication import StatusListAuthentication, issue_listed
from benchmarks.questions.proposals.status_list.work import LIFETIME, LOGINS, TIMED, URI
from benchmarks.questions.proposals.timed import Field, requests
from config.schemes import SCHEMES

OTHER = "https://api.example.org/statuslists/2"


def build(task: Task, random: Random, stack: ExitStack) -> Field:
    """Build and prove the contenders. Raises RefusedError."""
    user = get_user_model().objects.get(username=USERNAME)
    handler = wsgi.Handler()
    field = {name: Contender.anonymous(name, [WHOAMI]) for name in (ANONYMOUS, CONTROL)}
    field |= {name: Contender.of_scheme(SCHEMES[name], user, [WHOAMI]) for name in (JWT, PUSHED, STATELESS)}
    revoked = random.sample(range(LOGINS), int(LOGINS * TIMED))
    field[WITH_LIST] = listed(user, revoked, field[STATELESS], random)
    timing.prove(handler, field, [WHOAMI])
    channels = proof.hear(handler, field.values())
    if PUSHED not in channels:
        raise RefusedError(f"{PUSHED} hears of no end of a login")
    contenders = {name: requests(handler, lambda each=each: each.environ(WHOAMI)) for name, each in field.items()}
    for contender in contenders.values():
        contender(2)  # jwt-pushed remembers the login from its second request on
    facts = {name: proof.count(handler, each, WHOAMI) for name, each in field.items()}
    return Field(contenders, facts)


def listed(user, revoked: list[int], like: Contender, random: Random) -> Contender:
    """Return the contender with a list of LOGINS, which these are revoked in."""
    key = ec.generate_private_key(ec.SECP256R1())
    lst = lists.compress(lists.bits(LOGINS, revoked))

    def fetch() -> str:
        return lists.sign(lst, key, URI, ttl=LIFETIME, lifetime=LIFETIME, now=time.time())

    known = set(revoked)
    living = next(index for index in iter(lambda: random.randrange(LOGINS), None) if index not in known)
    statuses = lists.Remembered(fetch, key.public_key(), URI)
    own = {"statuses": statuses, "uri": URI, "scheme": STATELESS}
    authentication = type("StatusListAuthentication", (StatusListAuthentication,), own)

    def bearer(index: int, uri: str = URI) -> dict[str, str]:
        return {"HTTP_AUTHORIZATION": f"Bearer {issue_listed(user, index, uri)}"}

    return replace(
        like,
        entry=replace(like.entry, name=WITH_LIST),
        urlconf=urlconf_of(WITH_LIST, [WHOAMI], [authentication], IsAuthenticated),
        headers=bearer(living),
        refused={
            "without a credential": {},
            "with a token that is in no list": like.headers,
            "with a revoked token": bearer(revoked[0]),
            "with a place beyond the list's end": bearer(LOGINS + 7),
            "with a place below zero": bearer(-1),
            "with a place in another list": bearer(living, OTHER),
        },
    )
