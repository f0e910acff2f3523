"""The order of blocks: random, with every contender after every other equally often."""

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random


def williams(count: int) -> list[tuple[int, ...]]:
    """Return sequences of 0 … count-1 in which each follows each other equally often.

    An even `count` gives `count` sequences, with every ordered pair adjacent once. An odd one gives
    twice as many, with every ordered pair adjacent twice. (E. J. Williams, Experimental designs
    balanced for the estimation of residual effects of treatments, Australian Journal of Scientific
    Research A 2, 1949.)
    """
    # 0, 1, n-1, 2, n-2, …: the steps between neighbours are all different modulo n.
    first = [(step + 1) // 2 if step % 2 else -(step // 2) for step in range(count)]
    rows = [tuple((item + shift) % count for item in first) for shift in range(count)]
    if count % 2:
        rows += [row[::-1] for row in rows]
    return rows


def design_length(count: int) -> int:
    """Return the number of rounds in a whole design for `count` contenders."""
    return 2 * count if count % 2 else count


def rounds(names: Sequence[str], count: int, random: Random) -> list[tuple[str, ...]]:
    """Return `count` rounds, each a sequence of all names.

    They are Williams designs one after another, the last cut short. Each design deals the names and
    shuffles its sequences afresh. Balance holds within rounds: what the first of a round follows is
    random.
    """
    return list(islice(endless(names, random), count))


def endless(names: Sequence[str], random: Random) -> Iterator[tuple[str, ...]]:
    """Yield such rounds without end."""
    while True:
        dealt = random.sample(names, len(names))
        design = williams(len(names))
        random.shuffle(design)
        for sequence in design:
            yield tuple(dealt[index] for index in sequence)
