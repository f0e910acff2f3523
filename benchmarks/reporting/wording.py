"""How a report writes its figures: the same in a picture and in the table behind it."""

from benchmarks.stats.intervals import Interval

MINUS = "\N{MINUS SIGN}"


def number(value: float) -> str:
    """Three digits or more, or one decimal."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.lstrip("-")


def interval(value: Interval) -> str:
    return f"{number(value.estimate)} ({number(value.low)} to {number(value.high)})"


def duration(seconds: float) -> str:
    """In the largest unit of which it is a whole number: 90 s, 5 min, 1 h, 30 d."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def short(text: str, most: int = 36) -> str:
    """One line for a picture, which cannot wrap: the whole text stands in the table."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"
