"""Pictures of rows from top to bottom: a name, its figures, and below them the interval."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.safestring import SafeString
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from benchmarks.reporting.frontier import Standing
from benchmarks.reporting.pictures.drawing import BAND, FAINT, INK, SERIES, WIDTH, inline, style
from benchmarks.reporting.wording import interval, number, short
from benchmarks.results.records.ladder import OneLadder
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Table

_ROW = 33
_TITLE = 0.9  # rows


@dataclass(frozen=True, slots=True)
class _Line:
    """A row of a picture: name and figures, and below them the interval, or a bar from `start`."""

    name: str
    value: Interval
    colour: str
    filled: bool = True
    start: float | None = None


def forest(name: str, table: Table, stock: frozenset[str], alt: str) -> SafeString:
    """Draw what each row adds, cheapest first, and the noise: the A/A control's interval."""
    rows = sorted(table.rows, key=lambda row: row.overhead.estimate)
    lines = [
        _Line(
            row.name,
            row.overhead,
            SERIES[1] if row.name in stock else SERIES[0],
            filled=row.name not in stock,
        )
        for row in rows
    ]
    return _lines(name, lines, "µs on top of anonymous", alt, noise=table.control)


def frontier(name: str, standings: Sequence[Standing], alt: str) -> SafeString:
    """Draw overhead against time to revoke; hollow: another scheme is better."""
    delays = sorted({(standing.seconds, standing.delay) for standing in standings}, reverse=True)
    groups = [
        (
            label,
            [
                _Line(
                    standing.name,
                    standing.overhead,
                    FAINT if standing.dominated_by else SERIES[0],
                    filled=not standing.dominated_by,
                )
                for standing in standings
                if (standing.seconds, standing.delay) == (seconds, label)
            ],
        )
        for seconds, label in delays
    ]
    return _grouped(name, groups, "µs on top of anonymous", alt)


def waterfall(name: str, ladder: OneLadder, alt: str) -> SafeString:
    """Draw a ladder; each rung begins at the end of the one before."""
    lines, reached = [], 0.0
    for rung in ladder.rungs:
        lines.append(_Line(rung.name, rung.adds, SERIES[0], start=reached))
        reached += rung.adds.estimate
    lines.append(_Line("rest", ladder.rest, SERIES[1], start=reached))
    lines.append(_Line("whole", ladder.whole, FAINT, start=0.0))
    return _lines(name, lines, "µs", alt)


def _lines(name: str, lines: Sequence[_Line], label: str, alt: str, noise: Interval | None = None) -> SafeString:
    return _grouped(name, [("", lines)], label, alt, noise)


def _grouped(
    name: str, groups: Sequence[tuple[str, Sequence[_Line]]], label: str, alt: str, noise: Interval | None = None
) -> SafeString:
    """Draw groups from top to bottom, each below its title and a rule."""
    rows = sum(len(lines) + (_TITLE if title else 0) for title, lines in groups)
    with style():
        figure = Figure(figsize=(WIDTH / 72, (rows * _ROW + 46) / 72), layout="constrained")
        axes = figure.subplots()
        axes.set_ylim(rows, 0)
        axes.set_yticks([])
        axes.set_xlim(*_reach([line for _, lines in groups for line in lines], noise))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: number(value).removesuffix(".0")))
        axes.set_xlabel(label)
        axes.axvline(0, color=INK, linewidth=0.8)
        if noise is not None:
            axes.axvspan(noise.low, noise.high, color=BAND, linewidth=0)
        y = 0.0
        for title, lines in groups:
            if title:
                _text(axes, y + 0.5, title)
                axes.axhline(y + 0.8, color=FAINT, linewidth=0.8)
                y += _TITLE
            for line in lines:
                figures = interval(line.value)
                _text(axes, y + 0.28, short(line.name, 46 - len(figures)), weight="bold")
                _text(axes, y + 0.28, figures, 1)
                _draw(axes, y + 0.72, line)
                y += 1
        return inline(figure, name, alt)


def _reach(lines: Iterable[_Line], noise: Interval | None) -> tuple[float, float]:
    ends = [0.0] if noise is None else [0.0, noise.low, noise.high]
    for line in lines:
        start = line.start or 0.0
        ends += [start, start + line.value.low, start + line.value.high]
    room = 0.03 * ((max(ends) - min(ends)) or 1.0)
    return min(ends) - room, max(ends) + room


def _text(axes: Axes, y: float, text: str, x: int = 0, **style):
    """Write at the left end (`x` 0) or at the right one (1)."""
    align = "right" if x else "left"
    axes.text(x, y, text, transform=axes.get_yaxis_transform(), ha=align, va="center", **style)


def _draw(axes: Axes, y: float, line: _Line):
    start = line.start or 0.0
    if line.start is not None:
        axes.barh(y, line.value.estimate, 0.36, left=start, color=line.colour, alpha=0.55, linewidth=0)
    axes.plot([start + line.value.low, start + line.value.high], [y, y], color=line.colour, linewidth=2)
    if line.start is None:
        fill = line.colour if line.filled else "none"
        marker = "o" if line.filled else "s"
        axes.plot(line.value.estimate, y, marker, markersize=6, markerfacecolor=fill, markeredgecolor=line.colour)
