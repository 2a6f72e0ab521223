"""Tables that sort by a click on a heading, read well aloud and print whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from search.report.markup import Html, element

SHORT_CHARACTERS = 32
"""Text up to this length stays on one line; longer text gets room."""


@dataclass(frozen=True)
class Cell:
    """What a cell shows, and the number it sorts by (by its text where there is none)."""

    text: Html | str
    value: float | None = None


def table(
    caption: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], name: str, numbered: Sequence[int] = ()
) -> Html:
    """A table of `name` (its id). The first column heads its row; columns in `numbered` hold numbers, set right."""
    heads = [
        element(
            "th",
            element("button", column, type="button"),
            scope="col",
            aria_sort="none",
            class_="number" if place in numbered else None,
        )
        for place, column in enumerate(columns)
    ]
    body = [element("tr", *(_cell(cell, place, numbered) for place, cell in enumerate(row))) for row in rows]
    written = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *heads)),
        element("tbody", *body),
        id=name,
        class_="sortable",
    )
    # Focusable, so that a wide table can be scrolled with the keyboard.
    return element("div", written, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _cell(cell: Cell, place: int, numbered: Sequence[int]) -> Html:
    # What has no finite value sorts last, as text does behind numbers.
    value = None if cell.value is None else f"{cell.value:.12g}" if math.isfinite(cell.value) else "1e300"
    kind = "number" if place in numbered else "short" if len(cell.text) <= SHORT_CHARACTERS else "long"
    if place == 0:
        return element("th", cell.text, scope="row", class_=kind, data_value=value)
    return element("td", cell.text, class_=kind, data_value=value)


def facts(pairs: Sequence[tuple[str, Html | str]]) -> Html:
    """Names and values, one a line."""
    entries = [element("div", element("dt", name), element("dd", value)) for name, value in pairs]
    return element("dl", *entries)
