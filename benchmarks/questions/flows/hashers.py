"""Time the service's own password hasher and those that Django ships, in each process.

A hash only computes, so its time is its processor time, which leaves out what other programs take.
Argon2 computes in several threads, whose processor times add up; there its wall time is less.

A login costs as much as its hash and little more. Django raises the rounds of its default hasher
with each release, so an upgrade makes every login more expensive, whatever the scheme.
"""

import hashlib
from dataclasses import dataclass, replace
from importlib.util import find_spec
from random import Random
from time import perf_counter_ns, process_time_ns

from django.conf import global_settings
from django.contrib.auth.hashers import (
    Argon2PasswordHasher,
    BasePasswordHasher,
    BCryptSHA256PasswordHasher,
    PBKDF2PasswordHasher,
    ScryptPasswordHasher,
)
from django.utils.module_loading import import_string

import config.settings
from benchmarks.contenders.user import PASSWORD
from benchmarks.messages import RefusedError
from benchmarks.questions.flows.messages import Hashed, PasswordHash

# Release of Django -> iterations of PBKDF2, its default hasher (django/contrib/auth/hashers.py).
ITERATIONS = {"5.2": 1_000_000, "6.0": 1_200_000, "6.1": 1_500_000}

Key = tuple[str, int | None]  # algorithm, iterations


@dataclass(frozen=True, slots=True)
class Shipped:
    """A hasher that Django ships. `default_of`: as in Hashed."""

    hasher: BasePasswordHasher
    default_of: str = ""


def own() -> BasePasswordHasher:
    """Return the service's own hasher; the lab's settings have a fast one in its place."""
    return import_string(getattr(config.settings, "PASSWORD_HASHERS", global_settings.PASSWORD_HASHERS)[0])()


def shipped() -> dict[Key, Shipped]:
    """Return PBKDF2 as each release of Django has it, and the other hashers that can run here.

    Scrypt needs an OpenSSL that has it; argon2 and bcrypt need packages of their own.
    """
    runs = {
        ScryptPasswordHasher: hasattr(hashlib, "scrypt"),
        Argon2PasswordHasher: find_spec("argon2") is not None,
        BCryptSHA256PasswordHasher: find_spec("bcrypt") is not None,
    }
    pbkdf2 = PBKDF2PasswordHasher()
    return {
        **{(pbkdf2.algorithm, count): Shipped(pbkdf2, f"Django {name}") for name, count in ITERATIONS.items()},
        **{(hasher.algorithm, None): Shipped(hasher()) for hasher, can in runs.items() if can},
    }


def time_all(encoded: str, random: Random, times: int) -> tuple[PasswordHash, list[Hashed]]:
    """Time the service's own hasher and those that Django ships, in random order.

    A hasher's figure is the lowest of so many `times`. `encoded` is as in Task. Raises RefusedError
    if the service's own does not verify its own hash.
    """
    hasher, known = own(), shipped()
    mine = hasher.algorithm, _iterations(hasher)
    if mine not in known:
        known = {mine: Shipped(hasher), **known}
    checked: list[PasswordHash] = []
    made: dict[Key, list[int]] = {key: [] for key in known}
    for _ in range(times):
        for key in random.sample(list(known), len(known)):
            if key == mine:
                checked.append(time_own(checked[0].encoded if checked else encoded))
                made[key].append(checked[-1].verify_ns)
            else:
                made[key].append(_time(known[key].hasher, key[1]))
    least = {key: min(each) for key, each in made.items()}
    return (
        replace(checked[0], verify_ns=least[mine]),
        [Hashed(*key, each.default_of, least[key], key == mine) for key, each in known.items()],
    )


def time_own(encoded: str) -> PasswordHash:
    """Time the service's own hasher; `encoded` is as in Task.

    Raises RefusedError if it does not verify its own hash.
    """
    hasher = own()
    begin = perf_counter_ns()
    hashed = encoded or hasher.encode(PASSWORD, hasher.salt())
    start, processor_start = perf_counter_ns(), process_time_ns()
    verified = hasher.verify(PASSWORD, hashed)
    ran, took = process_time_ns() - processor_start, perf_counter_ns() - start
    if not verified:
        raise RefusedError(f"{type(hasher).__name__} does not verify its own hash")
    return PasswordHash(
        algorithm=hasher.algorithm,
        iterations=_iterations(hasher),
        encoded=hashed,
        make_ns=0 if encoded else start - begin,
        verify_ns=min(ran, took),
    )


def _iterations(hasher: BasePasswordHasher) -> int | None:
    return getattr(hasher, "iterations", None)


def _time(hasher: BasePasswordHasher, iterations: int | None) -> int:
    """Return the nanoseconds to make one hash, which checking one takes too."""
    salt = hasher.salt()
    start, processor_start = perf_counter_ns(), process_time_ns()
    if iterations is None:
        hasher.encode(PASSWORD, salt)
    else:
        hasher.encode(PASSWORD, salt, iterations)
    return min(process_time_ns() - processor_start, perf_counter_ns() - start)
