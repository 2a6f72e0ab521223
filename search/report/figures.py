"""Figures for Plotly: what they hold, how they look alike, and how they stand in the page."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from search.report.markup import Html, element

BLUE, ORANGE, GREEN, PURPLE, SKY = "#0072b2", "#d55e00", "#009e73", "#aa4499", "#56b4e9"
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY)
"""After Okabe and Ito: told apart with any colour vision. Where order alone must tell, dashes and markers help."""
GREY, INK, LINES = "#8d96a1", "#1c2530", "#e3e7ec"
HEIGHT_PX = 400

FONT = 'system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif'


@dataclass(frozen=True)
class Figure:
    """A Plotly figure as JSON's types. `finding` is the sentence under it, also what a screen reader hears."""

    name: str
    finding: str
    data: Sequence[Mapping[str, Any]]
    layout: Mapping[str, Any]

    def to_json(self) -> str:
        """Data and layout as they can stand inside a script element."""
        text = json.dumps({"data": self.data, "layout": styled(self.layout)}, default=_plain, separators=(",", ":"))
        # No text of a user's may end the element or open a comment in it.
        return text.replace("<", "\\u003c")


def figure_block(figure: Figure) -> Html:
    """The figure in the page, drawn by the page's script from the JSON beside it."""
    height = figure.layout.get("height", HEIGHT_PX)
    plot = element(
        "div", id=figure.name, class_="plot", role="img", aria_label=figure.finding, style=f"height:{height}px"
    )
    values = element("script", Html(figure.to_json()), type="application/json", data_figure=figure.name)
    return element("figure", plot, values, element("figcaption", figure.finding))


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with the page's look."""
    return {
        "title": {"text": text_only(title), "standoff": 8},
        "gridcolor": LINES,
        "linecolor": GREY,
        "zeroline": False,
        "ticks": "outside",
        "tickcolor": GREY,
        "automargin": True,
        **more,
    }


def log_axis(title: str, values: Sequence[float], **more: Any) -> dict[str, Any]:
    """A logarithmic axis; over less than a decade Plotly labels only digits, so the ticks are set here."""
    positive = [value for value in values if value > 0 and math.isfinite(value)]
    ticks = log_ticks(min(positive), max(positive)) if positive else []
    return axis(title, type="log", tickvals=ticks, ticktext=[f"{tick:,.10g}" for tick in ticks], **more)


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers over a range: 1, 2, 5 of each decade, finer where fewer than three would show."""
    ticks: list[float] = []
    for steps in ((1,), (1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 8), tuple(step / 10 for step in range(10, 100, 2))):
        decades = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
        ticks = [float(f"{step * 10.0**decade:.6g}") for decade in decades for step in steps]
        ticks = [tick for tick in ticks if low * 0.93 <= tick <= high * 1.07]
        if len(ticks) >= 3:
            break
    return ticks


def text_only(text: str) -> str:
    """A user's text without what Plotly would take for markup of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def styled(layout: Mapping[str, Any]) -> dict[str, Any]:
    """A layout over the page's look."""
    common = {
        "font": {"family": FONT, "size": 13, "color": INK},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "margin": {"l": 64, "r": 16, "t": 24, "b": 56},
        "height": HEIGHT_PX,
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": GREY, "activecolor": INK},
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "bgcolor": "#ffffff", "bordercolor": GREY, "font": {"color": INK}},
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
    }
    return {**common, **layout}


def _plain(value: object) -> object:
    """Arrays and numbers of numpy as JSON's, in the seven figures that float32 has."""
    if isinstance(value, np.ndarray):
        return [float(f"{entry:.7g}") if np.issubdtype(value.dtype, np.floating) else entry for entry in value.tolist()]
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no value of a figure")
