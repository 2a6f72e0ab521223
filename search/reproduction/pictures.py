"""The paper's Figure 2 and what goes with it, drawn by matplotlib to be read in grey as well."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

BLUE, ORANGE, GREEN, PURPLE, INK, GREY = "#0072b2", "#d55e00", "#009e73", "#aa4499", "#1c2530", "#8d96a1"
COLOURS = {"ElemNet": ORANGE, "IRNet": PURPLE, "BNet": GREEN, "BRNet": BLUE}
DASHES = {"ElemNet": ":", "IRNet": "--", "BNet": "-.", "BRNet": "-"}
"""Colours are after Okabe and Ito; dashes and words beside the marks tell the networks apart without them."""

WIDE = 12.0
"""A range of so many times its lowest value is drawn in the logarithm."""

HORIZONTAL: dict[int, Any] = {-1: "right", 0: "center", 1: "left"}
VERTICAL: dict[int, Any] = {-1: "top", 0: "center", 1: "bottom"}

POINTS_A_MILLION = 130.0
"""Area of a bubble in square points for a million parameters."""

STYLE: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"], "font.size": 9, "axes.edgecolor": GREY, "axes.labelcolor": INK, "text.color": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": "#e3e7ec", "grid.linewidth": 0.8, "axes.axisbelow": True, "svg.fonttype": "path",
    "svg.hashsalt": "branchsearch",
}  # fmt: skip


@dataclass(frozen=True)
class Bubble:
    """One network: training time in seconds, test error, its standard deviation over seeds (0: one seed)."""

    name: str
    seconds: float
    error: float
    parameters: int
    spread: float = 0.0


@dataclass(frozen=True)
class Curve:
    """One network from one seed: validation error by epoch, and the seconds of training until each epoch's end."""

    name: str
    errors: Sequence[float]
    seconds: Sequence[float]


def bubbles(panels: Mapping[str, tuple[Sequence[Bubble], Sequence[Bubble]]], unit: str) -> Figure:
    """Figure 2: one panel a data set, (theirs, ours); bubbles as large as the networks have parameters."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2 * len(panels), 4.3), layout="constrained")
        for number, (title, (theirs, ours)) in enumerate(panels.items()):
            axes = figure.add_subplot(1, len(panels), number + 1)
            _bubble_panel(axes, theirs, ours)
            axes.set(title=title, xlabel="training time, s", ylabel=f"test MAE, {unit}" if number == 0 else "")
        return figure


def _bubble_panel(axes: Axes, theirs: Sequence[Bubble], ours: Sequence[Bubble]) -> None:
    for found, label, fill in ((theirs, "published", "none"), (ours, "ours", None)):
        for bubble, side in sides(found):
            colour = COLOURS.get(bubble.name, INK)
            size = POINTS_A_MILLION * bubble.parameters / 1e6
            axes.scatter(
                bubble.seconds, bubble.error, s=size, facecolor=fill or colour, edgecolor=colour, linewidth=1.6,
                alpha=1.0 if fill else 0.55,
            )  # fmt: skip
            if bubble.spread:
                axes.errorbar(bubble.seconds, bubble.error, bubble.spread, color=INK, capsize=3, linewidth=1)
            reach = size**0.5 / 2 + 3
            axes.annotate(
                bubble.name, (bubble.seconds, bubble.error), xytext=(side[0] * reach, side[1] * reach),
                textcoords="offset points", ha=HORIZONTAL[side[0]], va=VERTICAL[side[1]], fontsize=8,
            )  # fmt: skip
        axes.scatter([], [], s=60, facecolor=fill or GREY, edgecolor=GREY, linewidth=1.6, label=label)
    seconds = [bubble.seconds for bubble in (*theirs, *ours)]
    errors = [bubble.error for bubble in (*theirs, *ours)]
    axes.set_xscale("log")
    if max(errors) > WIDE * min(errors):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.margins(0.25, 0.22)
    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if max(seconds) > WIDE**2 * min(seconds) else (1, 2, 5)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.legend(frameon=False, title="area: parameters", title_fontsize=8, fontsize=8)


def sides(found: Sequence[Bubble]) -> list[tuple[Bubble, tuple[int, int]]]:
    """On which side of each bubble its name goes: away from the others, left and right of the outermost."""
    ordered = sorted(found, key=lambda bubble: bubble.seconds)
    inner = sorted(ordered[1:-1], key=lambda bubble: bubble.error)
    placed = [(bubble, (0, 1) if number >= len(inner) / 2 else (0, -1)) for number, bubble in enumerate(inner)]
    placed += [(bubble, (-1, 0)) for bubble in ordered[:1]]
    return placed + [(bubble, (1, 0)) for bubble in ordered[1:][-1:]]


def curves(found: Sequence[Curve], unit: str) -> Figure:
    """Validation error against epochs and against seconds, every seed a line."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10, 4), layout="constrained")
        left, right = figure.subplots(1, 2, sharey=True)
        named: set[str] = set()
        for curve in found:
            line = {"color": COLOURS.get(curve.name, INK), "linestyle": DASHES.get(curve.name, "-"), "linewidth": 1.4}
            label = None if curve.name in named else curve.name
            named.add(curve.name)
            mark = "o" if len(curve.errors) == 1 else ""
            left.plot(range(1, len(curve.errors) + 1), curve.errors, label=label, marker=mark, **line)
            right.plot(curve.seconds, curve.errors, marker=mark, **line)
        left.set(xlabel="epochs", ylabel=f"validation MAE, {unit}", yscale="log")
        right.set(xlabel="training time, s")
        left.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
        left.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        left.yaxis.set_minor_formatter(NullFormatter())
        left.xaxis.get_major_locator().set_params(integer=True)
        left.legend(frameon=False)
        return figure


def heat_map(errors: Mapping[tuple[str, str], float], unit: str) -> Figure:
    """Test error by location and distribution of the branching; empty where the grid has no such network."""
    locations = list(dict.fromkeys(location for location, _ in errors))
    distributions = list(dict.fromkeys(distribution for _, distribution in errors))
    with mpl.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(1.1 * len(distributions) + 2.6, 0.62 * len(locations) + 1.2), layout="constrained")
        axes = figure.add_subplot()
        grid = [[errors.get((place, kind), float("nan")) for kind in distributions] for place in locations]
        image = axes.imshow(grid, cmap="cividis_r", aspect="auto")
        low, high = min(errors.values()), max(errors.values())
        for y, place in enumerate(locations):
            for x, kind in enumerate(distributions):
                if (value := errors.get((place, kind))) is not None:
                    dark = high > low and (value - low) / (high - low) > 0.5
                    axes.text(x, y, f"{value:.4f}", ha="center", va="center", color="white" if dark else "black")
        axes.set_xticks(range(len(distributions)), [f"[{kind}]" for kind in distributions])
        axes.set_yticks(range(len(locations)), locations)
        axes.set(xlabel="layers in each branch", ylabel="location of the branching")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        figure.colorbar(image, ax=axes, label=f"test MAE, {unit}")
        return figure


def written(figure: Figure) -> dict[str, bytes]:
    """The picture by file name suffix: svg and png."""
    files = {}
    for suffix in ("svg", "png"):
        buffer = io.BytesIO()
        with mpl.rc_context(STYLE):
            figure.savefig(buffer, format=suffix, dpi=160, metadata={"Date": None} if suffix == "svg" else None)
        files[suffix] = buffer.getvalue()
    return files
