"""The verdict of `versus` in a word, and the exit code that follows from it."""

from benchmarks.results.records.versus import Versus
from benchmarks.stats.verdicts import EQUIVALENT, FASTER, INCONCLUSIVE, SLOWER
from benchmarks.terminal import INCONCLUSIVE as CANNOT_TELL_CODE

SAME, CANNOT_TELL = "same", "cannot-tell"
ONLY_HEAD = "only-head"  # --of: the base was not measured
REFUSED = "refused"  # nothing was measured
WORDS = (FASTER, SLOWER, SAME, CANNOT_TELL, ONLY_HEAD, REFUSED)

TOO_SLOW = 4  # exit code of a regression above --fail-above


def word(record: Versus) -> str:
    """Return what the run says about this checkout, or about the head of `--of`."""
    if not record.verdict.conclusive:
        return CANNOT_TELL
    if record.of and record.of.no_base:
        return ONLY_HEAD
    now = record.adds.now if record.adds else record.now
    return {EQUIVALENT: SAME, INCONCLUSIVE: CANNOT_TELL}.get(now, now)


def is_too_slow(record: Versus, most_us: float | None) -> bool:
    """Return True if the whole interval of a proven regression lies above `most_us`."""
    difference = record.adds.difference if record.adds else record.difference
    return most_us is not None and word(record) == SLOWER and difference.low > most_us


def exit_code(record: Versus, most_us: float | None) -> int:
    """Return the exit code; 0 leaves it to the verdict on the run itself."""
    if is_too_slow(record, most_us):
        return TOO_SLOW
    # A comparison of revisions is conclusive whatever it finds; a gate must not open unproven.
    undecided = word(record) == CANNOT_TELL and (record.of is not None or most_us is not None)
    return CANNOT_TELL_CODE if undecided else 0
