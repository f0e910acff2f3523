"""What the measurement of ML-DSA times: signing and verifying an access token, by algorithm."""

from contextlib import ExitStack
from random import Random

import jwt

from benchmarks.messages import RefusedError
from benchmarks.questions.proposals.messages import Task
from benchmarks.questions.proposals.ml_dsa import tokens
from benchmarks.questions.proposals.ml_dsa.tokens import Signer
from benchmarks.questions.proposals.timed import Contender, Field, calls

SIGN, VERIFY = "signs", "verifies"
AGAIN = "again"
CONTROLLED = "ES256"  # its verification is timed twice: the A/A control


def name_of(algorithm: str, what: str) -> str:
    return f"{algorithm} {what}"


def build(task: Task, random: Random, stack: ExitStack) -> Field:
    """Build and prove the contenders. Raises RefusedError."""
    contenders: dict[str, Contender] = {}
    for algorithm in tokens.algorithms():
        signer = Signer.new(algorithm)
        if faults := prove(signer):
            raise RefusedError("\n".join(faults))
        contenders[name_of(algorithm, SIGN)] = calls(tokens.claims, signer.sign, _verified(signer))
        contenders[name_of(algorithm, VERIFY)] = _verifying(signer)
        if algorithm == CONTROLLED:
            contenders[f"{name_of(algorithm, VERIFY)} {AGAIN}"] = _verifying(signer)
    return Field(contenders)


def prove(signer: Signer) -> list[str]:
    """Return what is wrong with an algorithm, a sentence each; nothing: it may be timed."""
    claims = tokens.claims()
    token = signer.sign(claims)
    faults = []
    if signer.verify(token) != claims:
        faults.append("verifies other claims than it signed")
    head, body, signature = token.split(".")
    other = Signer.new(signer.algorithm).sign(claims)
    changed = signature[:-10] + ("b" if signature[-10] == "a" else "a") + signature[-9:]
    for what, forged in {
        "a changed signature": f"{head}.{body}.{changed}",
        "another token's claims": f"{head}.{signer.sign(tokens.claims()).split('.')[1]}.{signature}",
        "another key's signature": f"{head}.{body}.{other.rpartition('.')[2]}",
        "no signature": f"{head}.{body}.",
    }.items():
        try:
            signer.verify(forged)
        except jwt.InvalidTokenError:
            continue
        faults.append(f"accepts {what}")
    return [f"{signer.algorithm} {fault}" for fault in faults]


def _verified(signer: Signer):
    def check(claims: dict, token: str):
        if signer.verify(token) != claims:
            raise RefusedError(f"{signer.algorithm} signed other claims under the clock")

    return check


def _verifying(signer: Signer) -> Contender:
    def check(token: str, claims: dict):
        if claims.keys() != tokens.claims().keys():
            raise RefusedError(f"{signer.algorithm} read other claims under the clock")

    return calls(lambda: signer.sign(tokens.claims()), signer.verify, check)
