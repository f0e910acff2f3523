"""The report's pictures: inline SVG made by matplotlib, the same bytes for the same figures."""

from benchmarks.reporting.pictures.curves import curves, growth, panels
from benchmarks.reporting.pictures.rows import forest, frontier, waterfall
from benchmarks.reporting.pictures.saturation import saturation

__all__ = ["curves", "forest", "frontier", "growth", "panels", "saturation", "waterfall"]
