"""What the measurement of DPoP times: `jwt`, then the same with a proof and each replay store."""

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from django.contrib.auth import get_user_model
from rest_framework.permissions import IsAuthenticated

from benchmarks.contenders import proof, wsgi
from benchmarks.contenders.contender import Contender
from benchmarks.contenders.urlconf import WHOAMI, urlconf_of
from benchmarks.contenders.user import USERNAME
from benchmarks.messages import ANONYMOUS, CONTROL, RefusedError
from benchmarks.processes import timing
from benchmarks.questions.proposals.dpop.authentication import DPoPAuthentication, issue_bound
from benchmarks.questions.proposals.dpop.proofs import SECONDS, Client, Nonces
from benchmarks.questions.proposals.dpop.stores import InDatabase, InMemory, InValkey
from benchmarks.questions.proposals.messages import (
    IN_DATABASE,
    IN_MEMORY,
    IN_VALKEY,
    JWT,
    PROOF,
    WITH_NONCE,
    Task,
)
from benchmarks.questions.proposals.timed import Field, requests
from config.schemes import SCHEMES

TARGET = wsgi.ORIGIN + WHOAMI


@dataclass(frozen=True, slots=True)
class Bound:
    """A client, its access token, and the class that is asked with fresh proofs."""

    contender: Contender
    client: Client
    token: str
    authentication: type[DPoPAuthentication]

    def headers(self, **others: Any) -> dict[str, str]:
        """Return the headers of a request with a new proof, which has `others` set otherwise."""
        nonces = self.authentication.nonces
        nonce = {"nonce": nonces.current(time.time())} if nonces else {}
        client, htu = others.pop("client", self.client), others.pop("htu", TARGET)
        method = others.pop("htm", "GET")
        return {
            "HTTP_AUTHORIZATION": f"DPoP {self.token}",
            "HTTP_DPOP": client.proof(method, htu, self.token, **{**nonce, **others}),
        }

    def environ(self) -> dict:
        return self.contender.environ(WHOAMI, self.headers())

    def refused(self) -> dict[str, dict[str, str]]:
        """Return what must be answered 401: description -> headers."""
        good, now = self.headers(), int(time.time())
        token, text = good["HTTP_AUTHORIZATION"], good["HTTP_DPOP"]
        forged = text[:-10] + ("b" if text[-10] == "a" else "a") + text[-9:]
        wrong = {
            "without a proof": {"HTTP_AUTHORIZATION": token},
            "without the access token": {"HTTP_DPOP": text},
            "with the access token as Bearer": {**good, "HTTP_AUTHORIZATION": f"Bearer {self.token}"},
            "with garbage for a proof": {**good, "HTTP_DPOP": "garbage"},
            "with a forged proof": {**good, "HTTP_DPOP": forged},
            "with two proofs": {**good, "HTTP_DPOP": f"{text}, {self.headers()['HTTP_DPOP']}"},
            "with a proof of another client": self.headers(client=Client()),
            "with a proof for another URL": self.headers(htu=f"{TARGET}another/"),
            "with a proof for another method": self.headers(htm="POST"),
            "with a proof that is too old": self.headers(iat=now - SECONDS - 2),
            "with a proof from the future": self.headers(iat=now + SECONDS + 2),
            "with a proof for another access token": self.headers(ath="A" * 43),
            "with a proof of another type": self.headers(typ="JWT"),
            "with a proof without jti": self.headers(jti=""),
        }
        if self.authentication.nonces:
            wrong["with a proof with another nonce"] = self.headers(nonce="A" * 43)
        return wrong


def bound(name: str, user, **attributes: Any) -> Bound:
    """Return a client of a class with this store and these nonces."""
    authentication = type("DPoPAuthentication", (DPoPAuthentication,), {"scheme": "jwt", **attributes})
    client = Client()
    token = issue_bound(user, client)
    like = Contender.of_scheme(SCHEMES[JWT], user, [WHOAMI])
    urlconf = urlconf_of(name, [WHOAMI], [authentication], IsAuthenticated)
    found = Bound(replace(like, entry=replace(like.entry, name=name), urlconf=urlconf), client, token, authentication)
    return replace(found, contender=replace(found.contender, headers=found.headers(), refused={}))


def faults(handler, each: Bound, body: bytes) -> list[str]:
    """Return what is wrong with a class, a sentence each; nothing: it may be timed.

    `body` is the answer to the access token of `jwt` itself.
    """
    found = []
    environ = each.environ()
    answer = wsgi.ask(handler, environ.copy())
    if answer.status != 200 or answer.body != body:
        found.append(f"answers {answer.status} with a proof, or another body than {JWT}")
    for description, headers in each.refused().items():
        status = wsgi.ask(handler, each.contender.environ(WHOAMI, headers)).status
        if status != 401:
            found.append(f"answers {status} {description}, not 401")
    again = wsgi.ask(handler, environ.copy()).status
    if again != (200 if each.authentication.store is None else 401):
        found.append(f"answers {again} to a proof that was used before")
    return [f"{each.contender.name}: {fault}" for fault in found]


def build(task: Task, random: Random, stack: ExitStack) -> Field:
    """Build and prove the contenders. Raises RefusedError."""
    user = get_user_model().objects.get(username=USERNAME)
    handler = wsgi.Handler()
    classes: dict[str, dict[str, Any]] = {
        PROOF: {},
        IN_MEMORY: {"store": InMemory()},
        IN_DATABASE: {"store": InDatabase()},
        WITH_NONCE: {"store": InMemory(), "nonces": Nonces(b"n" * 32)},
    }
    if task.valkey:
        classes[IN_VALKEY] = {"store": InValkey(task.valkey)}
        stack.callback(classes[IN_VALKEY]["store"].close)
    plain = {name: Contender.anonymous(name, [WHOAMI]) for name in (ANONYMOUS, CONTROL)}
    plain[JWT] = Contender.of_scheme(SCHEMES[JWT], user, [WHOAMI])
    timing.prove(handler, plain, [WHOAMI])
    body = wsgi.ask(handler, plain[JWT].environ(WHOAMI)).body
    made = {name: bound(name, user, **attributes) for name, attributes in classes.items()}
    wrong = [fault for each in made.values() for fault in faults(handler, each, body)]
    if wrong:
        raise RefusedError("\n".join(wrong))
    contenders = {name: requests(handler, lambda each=each: each.environ(WHOAMI)) for name, each in plain.items()}
    contenders |= {name: requests(handler, each.environ) for name, each in made.items()}
    facts = {name: proof.count(handler, each, WHOAMI) for name, each in plain.items()}
    for name, each in made.items():
        facts[name] = proof.count(handler, replace(each.contender, headers=each.headers()), WHOAMI)
    return Field(contenders, facts)
