"""Pictures of curves: the cost of a request by the number of requests, and what grows."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from django.utils.safestring import SafeString
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy.optimize import isotonic_regression

from benchmarks.reporting.pictures.drawing import FAINT, SERIES, TEXT, WIDTH, inline, plain_numbers, series, style
from benchmarks.reporting.wording import number, short
from benchmarks.results.records.flows import Costs, Curve
from benchmarks.stats.intervals import Interval

_LETTER = 6.6  # width of a letter; most are narrower
_LINE = 12.5  # height of a line of text
_PANEL, _GAP = 84, 26  # height of one of several axes, and what is between two


def curves(name: str, costs: Curve, alt: str) -> SafeString:
    """Draw cost per request against requests per access lifetime, each curve named at its end."""
    labels = [short(scheme, 20) for scheme in costs.schemes]
    height = max(300, _LINE * len(labels) + 70)
    room = 24 + _LETTER * max(map(len, labels))
    grid = {"left": 44 / WIDTH, "right": 1 - room / WIDTH, "top": 1 - 8 / height, "bottom": 40 / height}
    with style():
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        axes = figure.subplots(gridspec_kw=grid)
        _scales(axes, costs, room=1.1)
        for index, each in enumerate(costs.schemes.values()):
            colour = SERIES[index % len(SERIES)]
            axes.fill_between(costs.requests, each.low, each.high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(costs.requests, each.cost_us, **series(index))
        plain_numbers(axes)
        axes.set_xlabel("requests per access lifetime")
        axes.text(0, 1, " µs per request", transform=axes.transAxes, va="top")
        _name_ends(axes, labels, [(costs.requests[-1], each.cost_us[-1]) for each in costs.schemes.values()])
        return inline(figure, name, alt)


def panels(name: str, costs: Curve, alt: str) -> SafeString:
    """Draw each curve in a panel of its own, with its first and last figure, among the others."""
    rows = math.ceil(len(costs.schemes) / 2)
    height = rows * (_PANEL + _GAP) + 42
    grid = {"left": 44 / WIDTH, "right": 1 - 14 / WIDTH, "top": 1 - 20 / height, "bottom": 42 / height}
    grid |= {"hspace": _GAP / _PANEL, "wspace": 0.12}
    with style():
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        every = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False, gridspec_kw=grid)
        _scales(every[0, 0], costs, room=2.5)
        for axes, (scheme, each) in zip(every.flat, costs.schemes.items(), strict=False):
            axes.set_title(short(scheme, 21), loc="left", fontsize=TEXT, weight="bold", pad=4)
            axes.grid(axis="both")
            for other in costs.schemes.values():
                axes.plot(costs.requests, other.cost_us, color=FAINT, linewidth=0.5, alpha=0.6)
            axes.fill_between(costs.requests, each.low, each.high, color=SERIES[0], alpha=0.25, linewidth=0)
            axes.plot(costs.requests, each.cost_us, color=SERIES[0], linewidth=2.4)
            for place, align in ((0, "left"), (-1, "right")):
                at = (costs.requests[place], each.cost_us[place])
                axes.annotate(number(each.cost_us[place]), at, (0, 5), textcoords="offset points", ha=align)
        plain_numbers(every[0, 0], is_narrow=True)
        every[0, 0].minorticks_off()
        if len(costs.schemes) % 2:
            every[-1, 1].set_visible(False)
            if rows > 1:
                every[-2, 1].tick_params(labelbottom=True)
        figure.supxlabel("requests per access lifetime", y=8 / height, va="bottom", fontsize=TEXT)
        figure.text(4 / WIDTH, 1 - 6 / height, "µs", va="top")
        return inline(figure, name, alt)


def growth(
    name: str, lines: Mapping[str, Sequence[tuple[float, Interval]]], xlabel: str, ylabel: str, alt: str
) -> SafeString:
    """Draw lines of (x, y) with intervals, on logarithmic scales if all y are above zero."""
    points = [point for line in lines.values() for point in line]
    columns = 1 if max(map(len, lines)) > 20 else 2
    legend = 15 * math.ceil(len(lines) / columns)
    with style():
        figure = Figure(figsize=(WIDTH / 72, (220 + legend) / 72), layout="constrained")
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
            axes.plot(at, [y.estimate for _, y in line], label=" " + short(label, 40), **series(index))
        plain_numbers(axes)
        axes.set_xlabel(xlabel)
        axes.set_ylabel(ylabel)
        figure.legend(loc="outside lower left", ncols=columns, handlelength=2.5, columnspacing=1.2)
        return inline(figure, name, alt)


def _scales(axes: Axes, costs: Curve, room: float):
    """Set logarithmic scales; costs need one above zero each. `room`: factor above the highest."""
    axes.grid(axis="both")
    axes.set_xscale("log")
    axes.set_xlim(costs.requests[0], costs.requests[-1])
    lows, highs = _ends(costs.schemes.values())
    if lows > 0:
        axes.set_yscale("log")
        axes.set_ylim(lows / 1.1, highs * room)


def _ends(all: Sequence[Costs]) -> tuple[float, float]:
    return min(low for each in all for low in each.low), max(high for each in all for high in each.high)


def _name_ends(axes: Axes, labels: Sequence[str], ends: Sequence[tuple[float, float]]):
    """Write a label at each line's end, the labels apart from each other, with a leader."""
    heights = [axes.transAxes.inverted().transform(axes.transData.transform(end))[1] for end in ends]
    points = 72 * axes.get_position().height * axes.figure.get_figheight()
    for index, (label, height, place) in enumerate(zip(labels, heights, spread(heights, _LINE / points), strict=True)):
        axes.annotate(
            label,
            (1, height),
            (1 + 16 / (72 * axes.get_position().width * axes.figure.get_figwidth()), place),
            xycoords="axes fraction",
            textcoords="axes fraction",
            va="center",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": SERIES[index % len(SERIES)],
                "linewidth": 1.2,
                "shrinkA": 1,
                "shrinkB": 0,
                "relpos": (0, 0.5),
            },
        )


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Return heights from 0 to 1 in the same order, `gap` apart or more, each as near as it can."""
    order = np.argsort(heights, kind="stable")
    steps = gap * np.arange(len(order))
    most = max(0.0, 1 - steps[-1])
    apart = np.clip(isotonic_regression(np.asarray(heights)[order] - steps).x, 0, most) + steps
    found = np.empty(len(order))
    found[order] = apart
    return [float(each) for each in found]
