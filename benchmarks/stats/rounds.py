"""How many rounds a process does, given the time that it takes to start one."""

from collections.abc import Mapping

# Seconds under the clock at each URL for each second of a process's other work. Beyond that,
# another process narrows an interval more than further rounds do: between 20 and 40 rounds, the
# scatter of real schemes between processes stayed the same (5 to 10 µs on `/whoami/`).
TIMED_SHARE = 1.0
LEAST_ROUNDS = 2
SETTLED_ROUNDS = 4  # from here on the figure of a process leaves out the outermost rounds


def rounds_for(
    available: float, process_seconds: float, round_seconds: Mapping[str, float], design: int, least: int = LEAST_ROUNDS
) -> dict[str, int]:
    """Return the rounds for each URL in a process that may take `available` seconds.

    `process_seconds` is what a process takes besides its rounds, `round_seconds` what a round takes
    at each URL. All URLs get the same time. The rounds make whole designs (design.py) where one
    fits, and are never fewer than `least`.
    """
    seconds = min(TIMED_SHARE * process_seconds, (available - process_seconds) / len(round_seconds))
    fitting = {url: int(seconds / length) for url, length in round_seconds.items()}
    return {url: max(least, count - count % design if count > design else count) for url, count in fitting.items()}
