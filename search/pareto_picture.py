"""The Pareto front of a search as a picture, drawn by matplotlib to be read in grey as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from search.labels import ERROR_WORDS
from search.objectives import front, mean_values
from search.reproduction.pictures import GREY, INK, STYLE

if TYPE_CHECKING:
    from search.pareto import Place

WIDE = 3.0
"""A range of so many times its lowest value is drawn in the logarithm."""

NAMED = 12
"""Members of the front that are marked with their rank."""

UNITS = {"training_seconds": "training time, s", "parameters": "parameters"}


def picture_of(found: Sequence[Place], objectives: Sequence[str], unit: str) -> Figure:
    """The error against each cost, one panel a cost: the front as filled marks, all others as open circles."""
    costs = objectives[1:]
    word = ERROR_WORDS[objectives[0].removeprefix("validation_")]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(6.2 * len(costs), 4.4), layout="constrained")
        for number, cost in enumerate(costs):
            axes = figure.add_subplot(1, len(costs), number + 1)
            _panel(axes, found, (objectives[0], cost), several=len(costs) > 1)
            axes.set_xlabel(UNITS[cost])
            axes.set_ylabel(f"validation {word}" + (f", {unit}" if unit else ""))
            if number == 0:
                axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
        return figure


def _panel(axes: Axes, found: Sequence[Place], objectives: tuple[str, str], several: bool) -> None:
    points = [mean_values(objectives, place.standing) for place in found]
    members = [n for n, place in enumerate(found) if place.is_on_front]
    others = [n for n in range(len(found)) if n not in members]
    axes.scatter(
        [points[n][1] for n in others], [points[n][0] for n in others],
        s=26, facecolor="none", edgecolor=GREY, label=f"beaten by one of these ({len(others)})",
    )  # fmt: skip
    for n in members:
        spread = found[n].standing.spread
        if spread:
            axes.errorbar(points[n][1], points[n][0], spread, color=INK, linewidth=1, capsize=3)
    label = f"on the front ({len(members)}), with the rank"
    axes.scatter([points[n][1] for n in members], [points[n][0] for n in members], s=42, marker="D", color=INK,
                 label=label, zorder=3)  # fmt: skip
    # of three objectives, a panel's two draw their own line: the others of the front lie behind it
    edge = [points[n] for n in front(points)]
    axes.step([x for _, x in edge], [y for y, _ in edge], where="post", color=INK, linewidth=1,
              linestyle="--" if several else "-", zorder=1)  # fmt: skip
    for n in members[:NAMED]:
        axes.annotate(str(found[n].standing.rank), (points[n][1], points[n][0]), (5, 5), textcoords="offset points")
    _scale(axes.xaxis, axes.set_xscale, [x for _, x in points])
    _scale(axes.yaxis, axes.set_yscale, [y for y, _ in points])


def _scale(axis: Axis, set_scale: Callable[[str], None], values: Sequence[float]) -> None:
    """Logarithmic where the values are far apart; figures a person reads."""
    if min(values) > 0 and max(values) > WIDE * min(values):
        set_scale("log")
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(StrMethodFormatter("{x:,.3g}" if max(values) < 1000 else "{x:,.0f}"))
