"""Numbers and units as a person reads them."""

from __future__ import annotations

import math

SMALLEST_IN_DECIMALS = 0.001


def number(value: float, signed: bool = False) -> str:
    """Four decimals below 10, four figures above: `0.0312`, `12.34`, `1,234`; three figures of what is tiny."""
    if not math.isfinite(value):
        return "–"
    sign = "+" if signed else ""
    decimals = 4 if abs(value) < 10 else max(0, 3 - math.floor(math.log10(abs(value))))
    is_tiny = 0 < abs(value) < SMALLEST_IN_DECIMALS
    text = f"{value:{sign}.3g}" if is_tiny else f"{value:{sign},.{decimals}f}"
    return "−" + text[1:] if text.startswith("-") else text


def plain(value: float) -> str:
    """As `number`, with a minus sign that a spreadsheet reads and no commas."""
    return number(value).replace("−", "-").replace(",", "")


def with_unit(text: str, unit: str) -> str:
    """`0.0312 eV/atom`; the text alone for a table without a unit."""
    return f"{text} {unit}" if unit else text


def heading(text: str, unit: str) -> str:
    """A column or an axis with its unit: `MAE, eV/atom`."""
    return f"{text}, {unit}" if unit else text


def percent(part: float, whole: float) -> str:
    """`12.5 %` of the whole."""
    return f"{100 * part / whole:.1f} %" if whole else "–"


def count(items: int, singular: str, plural: str | None = None) -> str:
    """`1 trial`, `2,000 trials`."""
    return f"{items:,} {singular if items == 1 else plural or singular + 's'}"


def shortened(text: str, width: int) -> str:
    """The text, cut at `width` characters where it is longer."""
    return text if len(text) <= width else text[: width - 1] + "…"
