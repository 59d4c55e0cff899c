"""Numbers as text, for the terminal and the page alike; viewer/reading/format.js writes them the same way.

A number that is not zero never reads as zero, and a probability that is not one never as 100 %.
"""

from __future__ import annotations

import math


def percent(p: float) -> str:
    """Per cent with one decimal; never zero for what is possible, never 100 for what is not certain."""
    if p in (0, 1):
        return f"{100 * p:.0f} %"
    if p < 0.0005:
        return "<0.1 %"
    if p >= 0.9995:
        return ">99.9 %"
    return f"{100 * p:.1f} %"


def decimal(value: float, unit: str = "") -> str:
    """Two decimals with the unit; a dash where nothing was measured."""
    if math.isnan(value):
        return "–"
    number = "infinite" if math.isinf(value) else "<0.01" if 0 < value < 0.005 else f"{value:,.2f}"
    return f"{number} {unit}".strip()


def file_size(count: int) -> str:
    """Bytes, kB or MB, as operating systems count them: in powers of ten."""
    if count < 10_000:
        return f"{count:,} bytes"
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def duration(seconds: float) -> str:
    """Whole seconds, or minutes or hours with one decimal, of a time that is only roughly known."""
    if seconds < 100:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.1f} minutes" if seconds < 6000 else f"{seconds / 3600:.1f} hours"
