"""Pictures of response times by the rate that was offered."""

import math
from collections.abc import Sequence

from django.utils.safestring import SafeString
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks.reporting.pictures.drawing import FAINT, INK, SERIES, TEXT, WIDTH, inline, plain_numbers, style
from benchmarks.reporting.wording import short
from benchmarks.results.records.load import Loaded, Step

_PANEL, _GAP = 92, 30  # height of one of several axes, and what is between two


def saturation(
    name: str, contenders: Sequence[Loaded], bound_us: float, everybody: Sequence[Loaded], alt: str
) -> SafeString:
    """Draw a panel for each contender: response times by the rate offered, a line for each turn.

    `everybody`  contenders for whom the axes have room, so that pictures can be compared
    """
    rows = math.ceil(len(contenders) / 2)
    with style():
        # matplotlib's own layout takes half a second for each picture.
        height = rows * (_PANEL + _GAP) - _GAP + 62 + 42
        grid = {"left": 54 / WIDTH, "right": 1 - 14 / WIDTH, "top": 1 - 62 / height, "bottom": 42 / height}
        grid |= {"hspace": _GAP / _PANEL, "wspace": 0.2}
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        panels = figure.subplots(rows, 2, sharex=True, sharey=True, squeeze=False, gridspec_kw=grid)
        panels[0, 0].set(xscale="log", yscale="log", **_room(everybody, bound_us))
        for axes, each in zip(panels.flat, contenders, strict=False):
            axes.set_title(short(each.scheme, 21), loc="left", fontsize=TEXT, weight="bold")
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
        plain_numbers(panels[0, 0], is_narrow=True)
        panels[0, 0].minorticks_off()
        if len(contenders) % 2:
            panels[-1, 1].set_visible(False)
            if rows > 1:
                panels[-2, 1].tick_params(labelbottom=True)
        figure.supxlabel("requests per second that were offered", y=8 / height, va="bottom", fontsize=TEXT)
        figure.supylabel("ms", x=4 / WIDTH, ha="left", fontsize=TEXT)
        keys = {
            "median": {"color": SERIES[0]},
            "99th percentile": {"color": SERIES[1]},
            "bound": {"color": INK, "linestyle": (0, (4, 3)), "linewidth": 0.8},
            "at saturation": {"color": FAINT, "linestyle": (0, (1, 1.5))},
        }
        handles = [Line2D([], [], label=label, **style) for label, style in keys.items()]
        figure.legend(handles=handles, loc="upper left", ncols=2, handlelength=2.5, columnspacing=1.2)
        return inline(figure, name, alt)


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
