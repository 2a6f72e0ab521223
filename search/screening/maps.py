"""The figure that shows all candidates at once: along a line for two elements, in a triangle for three, and by
chemical system for more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from search.data import ELEMENTS
from search.report.figures import BLUE, GREY, INK, ORANGE, Figure, axis, text_only
from search.report.wording import count, heading, number
from search.screening.hull import Entry
from search.screening.outcome import Screening
from search.screening.ranking import Ranked

NAME = "map"

MOST_POINTS = 5_000
"""Candidates in a figure, the first of the ranking; more would make a page that no browser opens."""

MOST_SYSTEMS = 40

SHADED = (0.1, 0.9)
"""Between these quantiles candidates differ in colour; a few far ones would else leave one colour to all others."""

COLOURS = [[0.0, "#0b3f7f"], [0.25, "#2676b8"], [0.5, "#9fc8e4"], [1.0, "#e9e4da"]]
"""Dark for what ranks first; of one hue, so that the order is kept in grey."""


def map_figure(screening: Screening) -> Figure:
    """The figure for as many elements as there are."""
    elements = len(screening.scope.elements)
    if elements == 2:
        return binary_figure(screening)
    return ternary_figure(screening) if elements == 3 else systems_figure(screening)


def score_of(screening: Screening, row: Ranked) -> float:
    """What the ranking goes by."""
    return row.value if row.above_hull is None else row.above_hull


def score_name(screening: Screening) -> str:
    """Its name with its unit."""
    return heading("energy above the hull" if screening.by_stability else screening.target, screening.unit)


def hover(screening: Screening, row: Ranked) -> str:
    """What a point says of its candidate."""
    unit = f" {text_only(screening.unit)}" if screening.unit else ""
    lines = [
        f"<b>{row.formula}</b>",
        f"{text_only(screening.target)} {number(row.value)}{unit}, 90 % {number(row.lower)} to {number(row.upper)}",
    ]
    if row.above_hull is not None:
        lines.append(f"{number(row.above_hull, signed=True)}{unit} above the hull of {' + '.join(row.competitors)}")
    return "<br>".join([*lines, *filter(None, [text_only(row.warning)])])


def known_names(screening: Screening, entries: Sequence[Entry]) -> list[str]:
    """What a point says of a known compound."""
    unit = f" {text_only(screening.unit)}" if screening.unit else ""
    return [f"<b>{screening.known.formulas[-1 - e.key]}</b>, known: {number(e.energy)}{unit}" for e in entries]


def share_of(row: Ranked | Entry, element: int) -> float:
    """The share of an element's atoms, 0 where it has none."""
    return dict(zip(row.system, row.shares, strict=True)).get(element, 0.0)


def shown_of(screening: Screening, rows: Sequence[Ranked]) -> str:
    """How many candidates a figure has, and of how many where these are not all."""
    total = len(screening.candidates)
    return count(total, "candidate") if len(rows) == total else f"The first {len(rows):,} of {total:,} candidates"


def binary_figure(screening: Screening) -> Figure:
    """Value against composition, with the hull of known and screened compounds where there is one."""
    first, second = screening.scope.elements
    rows, known = screening.ranked(MOST_POINTS), screening.landscape.known
    data: list[dict[str, Any]] = []
    if screening.by_stability:
        stable = [r for r in rows if r.above_hull is not None and r.above_hull <= 0]
        data.append(hull_line(screening, second, stable))
    data += [
        {
            "type": "scatter",
            "mode": "markers",
            "name": "known",
            "x": [share_of(entry, second) for entry in known],
            "y": [entry.energy for entry in known],
            "text": known_names(screening, known),
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": GREY, "symbol": "square", "size": 8},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "name": "predicted, with 90 % interval",
            "x": [share_of(row, second) for row in rows],
            "y": [row.value for row in rows],
            "error_y": error_bars(rows, BLUE),
            "text": [hover(screening, row) for row in rows],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": BLUE, "size": 9},
        },
    ]
    layout = {
        "xaxis": axis(f"share of {ELEMENTS[second]} in {ELEMENTS[first]}-{ELEMENTS[second]}", range=[-0.03, 1.03]),
        "yaxis": axis(heading(screening.target, screening.unit)),
        "height": 460,
    }
    finding = f"{shown_of(screening, rows)} and {count(len(known), 'known compound')} by composition."
    return Figure(NAME, finding, data, layout)


def hull_line(screening: Screening, element: int, stable: Sequence[Ranked]) -> dict[str, Any]:
    """The lower hull over the shares of one element, from element to element."""
    points = {0.0: 0.0, 1.0: 0.0}
    for share, energy in [
        *((share_of(row, element), row.value) for row in stable),
        *((share_of(entry, element), entry.energy) for entry in screening.landscape.known),
    ]:
        points[share] = min(energy, points.get(share, 0.0))
    corners: list[tuple[float, float]] = []
    for x, y in sorted(points.items()):
        while len(corners) > 1 and _above(corners[-2], corners[-1], (x, y)):
            corners.pop()
        corners.append((x, y))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "hull",
        "x": [x for x, _ in corners],
        "y": [y for _, y in corners],
        "line": {"color": ORANGE, "width": 2},
        "hoverinfo": "skip",
    }


def _above(one: tuple[float, float], middle: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether the middle point lies on or above the line through the two others."""
    return (middle[1] - one[1]) * (other[0] - one[0]) >= (other[1] - one[1]) * (middle[0] - one[0])


def ternary_figure(screening: Screening) -> Figure:
    """The triangle of three elements: candidates by colour, known compounds as squares, stable ones as stars."""
    corners = dict(zip("abc", screening.scope.elements, strict=True))
    rows, known = screening.ranked(MOST_POINTS), screening.landscape.known
    rows = rows[::-1]  # what ranks first is drawn last, on top

    def places(entries: Sequence[Ranked | Entry]) -> dict[str, list[float]]:
        return {name: [round(share_of(entry, element), 4) for entry in entries] for name, element in corners.items()}

    data: list[dict[str, Any]] = [
        {
            "type": "scatterternary",
            "mode": "markers",
            "name": "known",
            **places(known),
            "text": known_names(screening, known),
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"color": GREY, "symbol": "square-open", "size": 8, "line": {"width": 1.5}},
            "cliponaxis": False,
        },
        {
            "type": "scatterternary",
            "mode": "markers",
            "name": "predicted" + (" (star: stable)" if screening.by_stability else ""),
            **places(rows),
            "text": [hover(screening, row) for row in rows],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": _predicted_markers(screening, rows),
            "cliponaxis": False,
        },
    ]
    side = {"gridcolor": "#e3e7ec", "linecolor": GREY, "tickfont": {"size": 11}, "min": 0}
    sides = {f"{name}axis": {**side, "title": {"text": ELEMENTS[element]}} for name, element in corners.items()}
    layout = {"ternary": {"sum": 1, "bgcolor": "rgba(0,0,0,0)", **sides}, "height": 620, "margin": {"t": 60, "b": 50}}
    finding = (
        f"{shown_of(screening, rows)} in the triangle of {', '.join(screening.order.elements)}, the darker the "
        f"better by {score_name(screening)}; squares are the {count(len(known), 'known compound')}."
    )
    return Figure(NAME, finding, data, layout)


def _predicted_markers(screening: Screening, rows: Sequence[Ranked]) -> dict[str, Any]:
    """Coloured by what ranks them, the stable ones as stars."""
    scores = np.array([score_of(screening, row) for row in rows])
    low, high = (float(bound) for bound in np.quantile(scores, SHADED))
    stable = [row.above_hull is not None and row.above_hull <= 0 for row in rows]
    return {
        "color": scores,
        "colorscale": COLOURS,
        "reversescale": screening.wants_high,
        "cmin": low,
        "cmax": high if high > low else low + 1,
        "colorbar": {"title": {"text": text_only(score_name(screening)), "side": "right"}, "thickness": 14},
        "symbol": ["star" if is_stable else "circle" for is_stable in stable],
        "size": [14 if is_stable else 10 for is_stable in stable],
        "line": {"color": INK, "width": 0.7},
    }


def systems_figure(screening: Screening) -> Figure:
    """The first candidate of every chemical system: four elements and more have no map on paper."""
    best: dict[str, Ranked] = {}
    for row in screening.ranked(MOST_POINTS):
        best.setdefault(row.elements, row)
    rows = list(best.values())[:MOST_SYSTEMS][::-1]
    data = [
        {
            "type": "scatter",
            "mode": "markers+text",
            "x": [score_of(screening, row) for row in rows],
            "y": [row.elements for row in rows],
            "text": [row.formula for row in rows],
            "textposition": "middle right",
            "customdata": [hover(screening, row) for row in rows],
            "hovertemplate": "%{customdata}<extra></extra>",
            "marker": {"color": BLUE, "size": 10},
            "cliponaxis": False,
        }
    ]
    layout = {
        "xaxis": axis(score_name(screening)),
        "yaxis": axis("", type="category"),
        "height": 120 + 24 * len(rows),
        "showlegend": False,
        "margin": {"r": 110, "t": 24},
    }
    total = len(screening.candidates.systems)  # beyond MOST_POINTS there may be systems that `best` lacks
    shown = f"the first {len(rows)} of {total}" if total > len(rows) else f"all {len(rows)}"
    finding = f"The first candidate of each chemical system, {shown}; the best is {rows[-1].formula}."
    return Figure(NAME, finding, data, layout)


def error_bars(rows: Sequence[Ranked], colour: str) -> dict[str, Any]:
    """The intervals of candidates, as a figure draws them."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [row.upper - row.value for row in rows],
        "arrayminus": [row.value - row.lower for row in rows],
        "color": colour,
        "thickness": 1.5,
        "width": 0,
    }
