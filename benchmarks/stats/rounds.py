"""How many rounds a process does: what pays best beside the time it takes to start one."""

from collections.abc import Mapping

# Seconds under the clock at each URL for each second a process takes besides. Rounds beyond that narrow an
# interval less than another process does: from 20 to 40 rounds, what real schemes add scattered as much
# between processes as before (5 to 10 µs on `/whoami/`).
TIMED_SHARE = 1.0
LEAST_ROUNDS = 2


def rounds_for(
    available: float, process_seconds: float, round_seconds: Mapping[str, float], design: int
) -> dict[str, int]:
    """Rounds for each URL, in a process that may take `available` seconds.

    `process_seconds` is what a process takes besides its rounds, `round_seconds` how long a round takes at
    each URL: all have the same time. As many rounds as make whole designs (see order.py), where one fits;
    never fewer than LEAST_ROUNDS.
    """
    seconds = min(TIMED_SHARE * process_seconds, (available - process_seconds) / len(round_seconds))
    fitting = {url: int(seconds / length) for url, length in round_seconds.items()}
    return {
        url: max(LEAST_ROUNDS, count - count % design if count > design else count) for url, count in fitting.items()
    }
