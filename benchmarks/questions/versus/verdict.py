"""The verdict of `versus` in a word, and the exit code that follows from it."""

from benchmarks import terminal
from benchmarks.results.records.versus import Versus
from benchmarks.stats import overhead
from benchmarks.stats.intervals import Interval
from benchmarks.stats.verdicts import EQUIVALENT, FASTER, INCONCLUSIVE, SLOWER, Verdict

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
    return most_us is not None and word(record) == SLOWER and difference(record).low > most_us


def difference(record: Versus) -> Interval | None:
    """Return the difference that the verdict is on; None: only the head was measured."""
    return record.adds.difference if record.adds else record.difference


def judged(record: Versus, most_us: float | None) -> Verdict:
    """Return whether the run answers what was asked.

    A comparison of revisions does so whatever it finds. A gate must not open unproven: a difference
    that may be anything is no answer to `most_us`, and none about the class of another repository.
    """
    gated = record.of is not None or most_us is not None
    if not (record.verdict.conclusive and gated and word(record) == CANNOT_TELL):
        return record.verdict
    reach, margin = difference(record).half_width, record.margin_us
    reason = (
        f"the difference is neither shown nor proven to be below {margin:g} µs; its interval reaches {reach:.1f} µs "
        "either way"
    )
    narrower = overhead.longer(record.seconds, reach / margin, f"the interval would reach {margin:g} µs")
    return Verdict.of([reason], [*narrower, *record.verdict.remarks])


def exit_code(record: Versus, most_us: float | None) -> int:
    if is_too_slow(record, most_us):
        return TOO_SLOW
    found = judged(record, most_us)
    return found.exit_code or (0 if found.conclusive else terminal.INCONCLUSIVE)
