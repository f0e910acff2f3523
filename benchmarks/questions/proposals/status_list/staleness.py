"""How long a revoked login goes on, for a list that is published and read at intervals.

The issuer and the reader are those of lists.py; their clock is moved by hand, to the second.
"""

from collections.abc import Iterator
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks.questions.proposals.status_list import lists
from benchmarks.results.records.proposals import Staleness

# (ttl, how often the issuer publishes a new list), in seconds
PLANS = ((60, 60), (300, 60), (300, 300), (900, 300))
TRIALS = 200
_LOGINS = 64
_URI = "https://api.example.org/statuslists/1"
_LIFETIME = 86_400


def run(random: Random) -> tuple[Staleness, ...]:
    """Return how long revoked logins were still accepted, for each plan."""
    return tuple(_plan(ttl, every, random) for ttl, every in PLANS)


def _plan(ttl: int, every: int, random: Random) -> Staleness:
    taken = list(delays(ttl, every, TRIALS, random))
    return Staleness(ttl, every, TRIALS, sum(taken) / len(taken), max(taken))


def delays(ttl: int, every: int, trials: int, random: Random) -> Iterator[int]:
    """Yield for each trial the seconds from a revocation to the first refusal."""
    for _ in range(trials):
        # The reader begins at a moment of its own, and the login ends at any moment after that.
        reading = random.randrange(every)
        yield _trial(ttl, every, reading, reading + random.randrange(max(ttl, every)))


def _trial(ttl: int, every: int, reading: int, ending: int) -> int:
    """Return how long a login goes on that is revoked at the second `ending`."""
    key = ec.generate_private_key(ec.SECP256R1())
    now, revoked, published = 0, set(), ""
    reader = lists.Remembered(lambda: published, key.public_key(), _URI, lambda: now)
    while True:
        if now % every == 0:
            published = _signed(key, revoked, ttl, now)
        if now == ending:
            revoked.add(0)
        if now >= reading and reader.is_revoked(0):
            return now - ending
        now += 1


def _signed(key, revoked: set[int], ttl: int, now: int) -> str:
    return lists.sign(lists.compress(lists.bits(_LOGINS, revoked)), key, _URI, ttl=ttl, lifetime=_LIFETIME, now=now)
