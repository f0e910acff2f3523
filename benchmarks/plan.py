"""How many rounds fit: as many as the budget allows, the same for every process."""

from collections.abc import Mapping
from math import sqrt

LEAST_ROUNDS = 2


def rounds_for(
    budget: float, processes: int, process_seconds: float, round_seconds: Mapping[str, float]
) -> dict[str, int]:
    """Rounds for each URL, so that all processes together take about `budget` seconds.

    `process_seconds` is what a process takes besides its rounds, `round_seconds` how long a round takes at
    each URL. URLs share the time by the square root of their round's length: a slow one gets more of it, but
    fewer rounds; none gets fewer than LEAST_ROUNDS.
    """
    seconds = max(0.0, budget / processes - process_seconds)
    weights = {url: sqrt(length) for url, length in round_seconds.items()}
    return {
        url: max(LEAST_ROUNDS, int(seconds * weights[url] / sum(weights.values()) / length))
        for url, length in round_seconds.items()
    }
