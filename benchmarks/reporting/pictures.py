"""The report's pictures: inline SVG made by matplotlib, the same bytes for the same figures.

A picture is as wide as a phone, so that its text is never smaller than the page's; the page
enlarges it if there is room. Text stays text. Colours are the page's custom properties, so that
they follow light and dark: matplotlib draws in the keys of COLOURS, which stand for nothing else.
"""

import io
import math
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

import matplotlib.style
import numpy as np
from django.utils.safestring import SafeString, mark_safe
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator

from benchmarks.reporting.frontier import Standing
from benchmarks.reporting.wording import interval, number, short
from benchmarks.results.records.flows import Crossing, Curve
from benchmarks.results.records.ladder import OneLadder
from benchmarks.results.records.load import Loaded, Step
from benchmarks.stats.intervals import Interval
from benchmarks.stats.overhead import Table

INK, FAINT, RULE, BAND = "#010101", "#020202", "#030303", "#040404"
SERIES = tuple(f"#0500{index:02x}" for index in range(6))
COLOURS = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    RULE: "var(--rule)",
    BAND: "var(--band)",
    **{colour: f"var(--series-{index})" for index, colour in enumerate(SERIES)},
}

_WIDTH = 360  # SVG units, as all sizes here
_ROW = 33
_TITLE = 0.9  # rows
_TEXT = 11
_PANEL, _GAP = 92, 30  # height of one of several axes, and what is between two
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "token or jwt",  # names of clip paths are drawn at random without
    "text.parse_math": False,  # a name with two $ in it is a name
    "font.family": "DejaVu Sans",  # comes with matplotlib; wider than what a browser is likely to take instead
    "font.size": _TEXT,
    "axes.labelsize": _TEXT,
    "xtick.labelsize": _TEXT,
    "ytick.labelsize": _TEXT,
    "legend.fontsize": _TEXT,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": RULE,
    "xtick.color": RULE,
    "xtick.labelcolor": INK,
    "ytick.color": RULE,
    "ytick.labelcolor": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.5,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "axes.axisbelow": True,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "legend.frameon": False,
    "lines.solid_capstyle": "butt",
}
_MARKERS = "osD^vP"
_DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)))


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


def curve(name: str, costs: Curve, crossings: Sequence[Crossing], alt: str) -> SafeString:
    """Draw cost per request against requests per access lifetime, with numbered crossings."""
    columns = 1 if max(map(len, costs.schemes)) > 20 else 2
    legend = 15 * math.ceil(len(costs.schemes) / columns)
    with _style():
        figure = Figure(figsize=(_WIDTH / 72, (240 + legend) / 72), layout="constrained")
        axes = figure.subplots()
        axes.grid(axis="y")
        axes.set_xscale("log")
        lows = [low for each in costs.schemes.values() for low in each.low]
        highs = [high for each in costs.schemes.values() for high in each.high]
        if is_log := min(lows) > 0 and max(highs) > 20 * min(lows):
            axes.set_yscale("log")
        for index, (scheme, each) in enumerate(costs.schemes.items()):
            colour = SERIES[index % len(SERIES)]
            axes.fill_between(costs.requests, each.low, each.high, color=colour, alpha=0.2, linewidth=0)
            axes.plot(
                costs.requests,
                each.cost_us,
                label=" " + short(scheme, 40),  # matplotlib hides a label that begins with _
                **_series(index),
            )
        top = axes.get_ylim()[1]
        axes.set_ylim(top=top)
        for index, crossing in enumerate(crossings):
            height = _height(costs, crossing, is_log)
            axes.plot([crossing.requests] * 2, [height, top], ":", color=INK, linewidth=0.8)
            axes.plot(crossing.requests, height, "o", markersize=8, markerfacecolor="none", markeredgecolor=INK)
            # Neighbours are often close: their numbers stand at three heights.
            axes.annotate(
                str(index + 1),
                (crossing.requests, top),
                (0, 2 + 11 * (index % 3)),
                textcoords="offset points",
                ha="center",
                weight="bold",
            )
        _plain_numbers(axes)
        axes.set_xlabel("requests per access lifetime")
        axes.set_ylabel("µs per request")
        figure.legend(loc="outside lower left", ncols=columns, handlelength=2.5, columnspacing=1.2)
        return _inline(figure, name, alt)


def growth(
    name: str, lines: Mapping[str, Sequence[tuple[float, Interval]]], xlabel: str, ylabel: str, alt: str
) -> SafeString:
    """Draw lines of (x, y) with intervals, on logarithmic scales if all y are above zero."""
    points = [point for line in lines.values() for point in line]
    columns = 1 if max(map(len, lines)) > 20 else 2
    legend = 15 * math.ceil(len(lines) / columns)
    with _style():
        figure = Figure(figsize=(_WIDTH / 72, (220 + legend) / 72), layout="constrained")
        axes = figure.subplots()
        axes.grid(axis="y")
        axes.set_xscale("log")
        least = min(value.estimate for _, value in points)
        if least > 0:
            axes.set_yscale("log", nonpositive="clip")
            axes.set_ylim(least / 2, 1.5 * max(value.high for _, value in points))
        for index, (label, line) in enumerate(lines.items()):
            colour = SERIES[index % len(SERIES)]
            at = [x for x, _ in line]
            axes.vlines(at, [y.low for _, y in line], [y.high for _, y in line], color=colour, linewidth=1)
            axes.plot(at, [y.estimate for _, y in line], label=" " + short(label, 40), **_series(index))
        _plain_numbers(axes)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        figure.legend(loc="outside lower left", ncols=columns, handlelength=2.5, columnspacing=1.2)
        return _inline(figure, name, alt)


def saturation(
    name: str, contenders: Sequence[Loaded], bound_us: float, everybody: Sequence[Loaded], alt: str
) -> SafeString:
    """Draw a panel for each contender: response times by the rate offered, a line for each turn.

    `everybody`  contenders for whom the axes have room, so that pictures can be compared
    """
    rows = math.ceil(len(contenders) / 2)
    with _style():
        # matplotlib's own layout takes half a second for each picture.
        height = rows * (_PANEL + _GAP) - _GAP + 62 + 42
        grid = {"left": 54 / _WIDTH, "right": 1 - 14 / _WIDTH, "top": 1 - 62 / height, "bottom": 42 / height}
        grid |= {"hspace": _GAP / _PANEL, "wspace": 0.2}
        figure = Figure(figsize=(_WIDTH / 72, height / 72))
        panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False, gridspec_kw=grid)
        panels[0, 0].set(xscale="log", yscale="log", **_room(everybody, bound_us))
        for axes, each in zip(panels.flat, contenders, strict=False):
            axes.set_title(short(each.scheme, 21), loc="left", fontsize=_TEXT, weight="bold")
            axes.grid(axis="both")
            axes.axhline(bound_us / 1000, color=INK, linewidth=0.8, linestyle=(0, (4, 3)))
            for series in each.turns:
                axes.axvline(series.saturation.per_second, color=FAINT, linewidth=0.8, linestyle=(0, (1, 1.5)))
                steps = sorted(series.steps, key=lambda step: step.offered_per_second)
                for of, colour in ((_median_ms, SERIES[0]), (_tail_ms, SERIES[1])):
                    axes.plot([step.offered_per_second for step in steps], list(map(of, steps)), color=colour)
                missed = [step for step in steps if step.unanswered or set(step.statuses) != {"200"}]
                axes.plot(
                    [step.offered_per_second for step in missed],
                    list(map(_tail_ms, missed)),
                    "x",
                    color=SERIES[1],
                    markersize=6,
                )
        _plain_numbers(panels[0, 0], is_narrow=True)
        panels[0, 0].minorticks_off()
        if len(contenders) % 2:
            panels[-1, 1].set_visible(False)
            if rows > 1:
                panels[-2, 1].tick_params(labelbottom=True)
        figure.supxlabel("requests per second that were offered", y=8 / height, va="bottom", fontsize=_TEXT)
        figure.supylabel("ms", x=4 / _WIDTH, ha="left", fontsize=_TEXT)
        keys = {
            "median": {"color": SERIES[0]},
            "99th percentile": {"color": SERIES[1]},
            "bound": {"color": INK, "linestyle": (0, (4, 3)), "linewidth": 0.8},
            "at saturation": {"color": FAINT, "linestyle": (0, (1, 1.5))},
        }
        handles = [Line2D([], [], label=label, **style) for label, style in keys.items()]
        figure.legend(handles=handles, loc="upper left", ncols=2, handlelength=2.5, columnspacing=1.2)
        return _inline(figure, name, alt)


def _room(contenders: Sequence[Loaded], bound_us: float) -> dict[str, tuple[float, float]]:
    every = [series for each in contenders for series in each.turns]
    steps = [step for series in every for step in series.steps]
    rates = [step.offered_per_second for step in steps] + [series.saturation.per_second for series in every]
    times = [of(step) for step in steps for of in (_median_ms, _tail_ms)] + [bound_us / 1000]
    return {
        axis: (min(found) / 1.2, max(found) * 1.2)
        for axis, values in (("xlim", rates), ("ylim", times))
        if (found := [value for value in values if value > 0])
    }


def _median_ms(step: Step) -> float:
    return step.p50_us / 1000


def _tail_ms(step: Step) -> float:
    return step.p99_us / 1000


def _series(index: int) -> dict:
    """Return how to draw the line with this index."""
    return {
        "color": SERIES[index % len(SERIES)],
        "linewidth": 1.6,
        "linestyle": _DASHES[index // len(SERIES) % len(_DASHES)],
        "marker": _MARKERS[index % len(_MARKERS)],
        "markersize": 4,
    }


def _plain_numbers(axes: Axes, is_narrow: bool = False):
    for axis, (low, high) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        # An axis may have one power of ten or none. A narrow picture has room for 1, 2 and 5 of
        # one decade only.
        if axis.get_scale() == "log" and high < 100 * low:
            is_close = is_narrow and axis is axes.xaxis and high > 10 * low
            axis.set_major_locator(LogLocator(subs=(1, 3) if is_close else (1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
        axis.set_minor_formatter(FuncFormatter(lambda value, _: ""))


def plain(value: float) -> str:
    """Return a number at an axis, which has no room for ten digits."""
    return f"{value:,g}" if value < 1_000_000 else f"{value / 1_000_000:,g} M"


def _height(costs: Curve, crossing: Crossing, is_log: bool) -> float:
    """Return the height of the first scheme's line at the crossing."""
    first = costs.schemes[crossing.first].cost_us
    heights = np.log(first) if is_log else first
    height = np.interp(math.log(crossing.requests), np.log(costs.requests), heights)
    return float(np.exp(height) if is_log else height)


def _lines(name: str, lines: Sequence[_Line], label: str, alt: str, noise: Interval | None = None) -> SafeString:
    return _grouped(name, [("", lines)], label, alt, noise)


def _grouped(
    name: str, groups: Sequence[tuple[str, Sequence[_Line]]], label: str, alt: str, noise: Interval | None = None
) -> SafeString:
    """Draw groups from top to bottom, each below its title and a rule."""
    rows = sum(len(lines) + (_TITLE if title else 0) for title, lines in groups)
    with _style():
        figure = Figure(figsize=(_WIDTH / 72, (rows * _ROW + 46) / 72), layout="constrained")
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
        return _inline(figure, name, alt)


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


def _style():
    return matplotlib.style.context(["default", _STYLE])


def _inline(figure: Figure, name: str, alt: str) -> SafeString:
    """Return the figure as an element of an HTML page. `name` makes its ids unique on the page."""
    written = io.StringIO()
    with warnings.catch_warnings():
        # The reader's browser has fonts for it; here only the width is guessed.
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font", UserWarning)
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    root = ElementTree.fromstring(written.getvalue())  # noqa: S314 (made by the line above)
    _tidy(root)
    referenced = {
        value.removeprefix("url(").removesuffix(")").removeprefix("#")
        for element in root.iter()
        for key, value in element.attrib.items()
        if key in ("href", "clip-path")
    }
    for element in root.iter():
        _rename(element, name, referenced)
    del root.attrib["width"], root.attrib["height"], root.attrib["version"]
    root.attrib.update({"role": "img", "aria-label": alt})
    return mark_safe(ElementTree.tostring(root, encoding="unicode"))  # noqa: S308 (a tree's texts come out escaped)


def _tidy(parent: ElementTree.Element):
    """Remove namespaces, which HTML does not need, and style sheets, of which the page has one."""
    parent.tag = _bare(parent.tag)
    parent.attrib = {_bare(key): value for key, value in parent.attrib.items()}
    for child in list(parent):
        if _bare(child.tag) in ("metadata", "style"):
            parent.remove(child)
        else:
            _tidy(child)


def _bare(name: str) -> str:
    return name.rpartition("}")[2]


def _rename(element: ElementTree.Element, name: str, referenced: set[str]):
    attributes = element.attrib
    if attributes.get("id") in referenced:
        attributes["id"] = f"{name}-{attributes['id']}"
    else:
        attributes.pop("id", None)
    if "href" in attributes:
        attributes["href"] = f"#{name}-{attributes['href'].removeprefix('#')}"
    if "clip-path" in attributes:
        attributes["clip-path"] = attributes["clip-path"].replace("url(#", f"url(#{name}-")
    if "style" in attributes:
        attributes["style"] = "; ".join(_styles(attributes["style"]))
    for key in ("d", "transform"):
        if key in attributes:
            attributes[key] = " ".join(attributes[key].split())


def _styles(text: str) -> Iterable[str]:
    """Yield declarations with the page's colours, and without a font: the page has its own."""
    for declaration in text.split("; "):
        key, _, value = declaration.partition(": ")
        if key != "font-family":
            yield f"{key}: {COLOURS.get(value, value)}"
