"""The cost of a request with its share of logins and refreshes, by the number of requests.

Over one access lifetime a client makes N requests. A login gives the first access token of a
session and a refresh each later one. So of the session's `session / access` lifetimes one begins
with a login and the others with a refresh:

    cost(N) = request + fixed / N
    fixed   = login * access / session + refresh * (1 - access / session)

`request` is what authentication adds to one request (the request minus anonymous's). `login` and
`refresh` are whole flows; `refresh` is 0 for a scheme without one, whose credential lasts for the
session. `access` and `session` are lifetimes in seconds, the same for all schemes. Logouts do not
count, because no client has to log out.

All costs are in microseconds. Each process has a curve of its own. Intervals are Student's at 95 %
over the processes, separately at each N.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from benchmarks.stats.intervals import Figures, Interval, ratio_interval, t_interval

REQUESTS = (*(digit * 10**power for power in range(5) for digit in (1, 2, 5)), 10**5)


@dataclass(frozen=True, slots=True)
class Costs:
    """What one process found for one scheme."""

    request: float
    login: float
    refresh: float


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Two lifetimes in seconds; `access` is at most `session`."""

    access: float
    session: float


@dataclass(frozen=True, slots=True)
class Crossing:
    """Which of two schemes is cheaper, and where that changes. Two curves cross once at most.

    `requests`       the N at which both cost the same; None: at no N above 1
    `cheaper_below`  the cheaper one at N = 1; None: no difference is shown
    `cheaper_above`  the cheaper one as N grows, where only `request` counts; None: no difference is
                     shown
    """

    first: str
    second: str
    requests: Interval | None
    cheaper_below: str | None
    cheaper_above: str | None


def fixed(costs: Costs, lifetimes: Lifetimes) -> float:
    """Return what one access lifetime costs before its first request."""
    part = lifetimes.access / lifetimes.session
    return costs.login * part + costs.refresh * (1 - part)


def cost(costs: Costs, lifetimes: Lifetimes, requests: float) -> float:
    """Return the cost of each of `requests` requests in an access lifetime."""
    return costs.request + fixed(costs, lifetimes) / requests


def curve(processes: Sequence[Costs], lifetimes: Lifetimes) -> list[Interval]:
    """Return one scheme's cost at each of REQUESTS."""
    return [t_interval([cost(each, lifetimes, requests) for each in processes]) for requests in REQUESTS]


def crossings(schemes: Mapping[str, Sequence[Costs]], lifetimes: Lifetimes) -> list[Crossing]:
    """Return a crossing for every pair of schemes.

    `schemes` has one figure for each process, in the same order for all schemes.
    """
    return [
        _crossing((first, second), schemes[first], schemes[second], lifetimes)
        for first, second in combinations(schemes, 2)
    ]


def _crossing(pair: tuple[str, str], first: Sequence[Costs], second: Sequence[Costs], lifetimes: Lifetimes) -> Crossing:
    # first's cost(N) minus second's is more_request + more_fixed / N, which changes its sign once
    # or never.
    more_request = np.array([a.request - b.request for a, b in zip(first, second, strict=True)])
    more_fixed = np.array([fixed(a, lifetimes) - fixed(b, lifetimes) for a, b in zip(first, second, strict=True)])
    below, above = _cheaper(pair, more_request + more_fixed), _cheaper(pair, more_request)
    crosses = None not in (below, above) and below != above
    return Crossing(*pair, ratio_interval(more_fixed, -more_request) if crosses else None, below, above)


def _cheaper(pair: tuple[str, str], more: Figures) -> str | None:
    difference = t_interval(more)
    if not difference.excludes(0):
        return None
    return pair[difference.estimate > 0]
