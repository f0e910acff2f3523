"""How the lab writes figures: the same on the console, in a picture and in the table behind it."""

from collections.abc import Iterable

from benchmarks.stats.intervals import Interval

MINUS = "\N{MINUS SIGN}"


def number(value: float, *, signed: bool = False) -> str:
    """Return three digits or more, or one decimal; `signed`: with a plus if it is above zero."""
    text = f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"
    if not float(text.replace(",", "")):
        return text.lstrip("-")
    return ("+" if signed and value > 0 else "") + text.replace("-", MINUS)


def whole(value: float) -> str:
    """Return a signed number for a narrow cell: whole from 10 on, with one decimal below."""
    text = f"{value:+,.0f}" if abs(value) >= 9.95 else f"{value:+.1f}"
    return text.replace("-", MINUS)


def interval(value: Interval, *, signed: bool = False) -> str:
    """Return the estimate, and in parentheses the ends of its interval."""
    estimate, low, high = (number(each, signed=signed) for each in (value.estimate, value.low, value.high))
    return f"{estimate} ({low} to {high})"


def ratio(value: Interval) -> str:
    """Return a ratio with two decimals, or three below a tenth."""
    return decimals(value, 2 if value.estimate >= 0.1 else 3)


def decimals(value: Interval, places: int = 2) -> str:
    """Return an interval of what has no unit, with so many decimals."""
    estimate, low, high = (f"{each:.{places}f}" for each in (value.estimate, value.low, value.high))
    return f"{estimate} ({low} to {high})".replace("-", MINUS)


def figure(value: Interval) -> str:
    """Return the interval, or the estimate alone if it was counted and has none."""
    return number(value.estimate) if value.low == value.high else interval(value)


def count(value: int | None) -> str:
    """Return a whole number; a dash if it was not counted."""
    return "–" if value is None else f"{value:,}"


def duration(seconds: float) -> str:
    """Return a time in the largest unit of which it is a whole number: 90 s, 5 min, 1 h, 30 d.

    Less than a second is in milliseconds.
    """
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s" if seconds >= 1 or not seconds else f"{1000 * seconds:g} ms"


def listed(words: Iterable[str], last: str = "and") -> str:
    """Return the words as one phrase: a, b and c."""
    *first, end = list(words) or [""]
    return f"{', '.join(first)} {last} {end}" if first else end


def short(text: str, most: int = 36) -> str:
    """Return one line for a picture, which cannot wrap; the table has the whole text."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return line if len(line) <= most else line[: most - 1] + "…"
