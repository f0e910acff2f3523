"""What all pictures share: colours, axes, and a figure as an element of the page.

A picture is as wide as a phone, so that its text is never smaller than the page's; the page
enlarges it if there is room. Text stays text. Colours are the page's custom properties, so that
they follow light and dark: matplotlib draws in the keys of COLOURS, which stand for nothing else.
"""

import io
import warnings
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree

import matplotlib.style
from django.utils.safestring import SafeString, mark_safe
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator

INK, FAINT, RULE, BAND = "#010101", "#020202", "#030303", "#040404"
SERIES = tuple(f"#0500{index:02x}" for index in range(6))
COLOURS = {
    INK: "var(--ink)",
    FAINT: "var(--faint)",
    RULE: "var(--rule)",
    BAND: "var(--band)",
    **{colour: f"var(--series-{index})" for index, colour in enumerate(SERIES)},
}

WIDTH = 360  # SVG units, as all sizes here
TEXT = 11
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "token or jwt",  # names of clip paths are drawn at random without
    "text.parse_math": False,  # a name with two $ in it is a name
    "font.family": "DejaVu Sans",  # comes with matplotlib; wider than what a browser is likely to take instead
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "legend.fontsize": TEXT,
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


def series(index: int) -> dict[str, Any]:
    """Return how to draw the line with this index."""
    return {
        "color": SERIES[index % len(SERIES)],
        "linewidth": 1.6,
        "linestyle": _DASHES[index // len(SERIES) % len(_DASHES)],
        "marker": _MARKERS[index % len(_MARKERS)],
        "markersize": 4,
    }


def plain_numbers(axes: Axes, is_narrow: bool = False):
    """Write numbers at the axes without exponents, and at enough places."""
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


def style():
    """Return the context in which a picture is drawn."""
    return matplotlib.style.context(["default", _STYLE])


def inline(figure: Figure, name: str, alt: str) -> SafeString:
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
