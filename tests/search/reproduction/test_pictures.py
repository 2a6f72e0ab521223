"""What stands where in the pictures: each network at its own numbers, ours told from the paper's."""

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection
from matplotlib.colors import to_hex

from search.reproduction.pictures import COLOURS, Bubble, Curve, bubbles, curves, heat_map

THEIRS = [Bubble("ElemNet", 2036, 0.083, 4_000_000), Bubble("BRNet", 4467, 0.070, 1_000_000)]
OURS = [Bubble("ElemNet", 30, 0.2, 4_000_000, 0.01), Bubble("BRNet", 50, 0.1, 1_000_000)]
FAR = [Bubble("ElemNet", 30, 3.0, 4_000_000)]


def circles(axes: Axes) -> list[PathCollection]:
    """Those of networks: what is in the legend alone has no place."""
    found = [each for each in axes.collections if isinstance(each, PathCollection)]
    return [each for each in found if len(np.asarray(each.get_offsets()))]


def words_of(axes: Axes) -> list[str]:
    """Of its legend."""
    legend = axes.get_legend()
    return [text.get_text() for text in legend.get_texts()] if legend else []


def points_of(axes: Axes) -> list[tuple[list[float], list[float]]]:
    """Of each line."""
    return [(np.asarray(line.get_xdata()).tolist(), np.asarray(line.get_ydata()).tolist()) for line in axes.lines]


def test_a_bubble_stands_at_its_seconds_and_error_as_large_as_its_parameters() -> None:
    near, far = bubbles({"jarvis": (THEIRS, OURS), "mp": (THEIRS, FAR)}, "eV/atom").axes
    drawn = circles(near)
    places = [tuple(np.asarray(each.get_offsets())[0]) for each in drawn]
    assert set(places) == {(bubble.seconds, bubble.error) for bubble in (*THEIRS, *OURS)}
    areas = {place: float(each.get_sizes()[0]) for place, each in zip(places, drawn, strict=True)}
    assert areas[2036, 0.083] == areas[30, 0.2] == pytest.approx(4 * areas[4467, 0.070])
    assert 100 < areas[4467, 0.070] < 200, "square points for a million"
    for place, each in zip(places, drawn, strict=True):
        filled = len(each.get_facecolor()) > 0
        assert filled == (place in {(30, 0.2), (50, 0.1)}), "ours are filled, the paper's are rings"
        name = next(bubble.name for bubble in (*THEIRS, *OURS) if (bubble.seconds, bubble.error) == place)
        assert to_hex(tuple(np.asarray(each.get_edgecolor())[0])) == COLOURS[name]
    assert words_of(near) == ["published", "ours"]
    assert len(near.containers) == 1, "of one seed there is no spread"
    assert (near.get_title(), near.get_xlabel(), near.get_ylabel()) == (
        "jarvis",
        "training time, s",
        "test MAE, eV/atom",
    )
    assert (far.get_title(), far.get_ylabel()) == ("mp", "")
    assert (near.get_yscale(), far.get_yscale()) == ("linear", "log"), "a wide range is drawn in the logarithm"
    assert near.get_xscale() == "log"


def test_a_curve_runs_over_epochs_from_1_and_over_the_seconds_until_their_ends() -> None:
    found = [
        Curve("BRNet", [0.5, 0.2], [1.0, 2.5]), Curve("BRNet", [0.6, 0.3], [1.5, 3.0]), Curve("IRNet", [0.4], [1.5]),
    ]  # fmt: skip
    left, right = curves(found, "eV/atom").axes
    assert points_of(left) == [
        ([1, 2], [0.5, 0.2]), ([1, 2], [0.6, 0.3]), ([1], [0.4]),
    ]  # fmt: skip
    assert points_of(right) == [
        ([1.0, 2.5], [0.5, 0.2]), ([1.5, 3.0], [0.6, 0.3]), ([1.5], [0.4]),
    ]  # fmt: skip
    assert words_of(left) == ["BRNet", "IRNet"], "each network once"
    for axes in (left, right):
        assert [line.get_marker() for line in axes.lines] == ["", "", "o"], "a line of one point cannot be seen"
        assert [line.get_color() for line in axes.lines] == [COLOURS[curve.name] for curve in found]
    assert (left.get_xlabel(), right.get_xlabel()) == ("epochs", "training time, s")
    assert left.get_yscale() == "log"


def test_a_heat_map_has_each_error_in_its_row_and_column() -> None:
    errors = {("Top", "2,2"): 0.07, ("Top", "2,1"): 0.09, ("Middle 1", "2,1"): 0.0612}
    axes, colours = heat_map(errors, "eV/atom").axes
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["Top", "Middle 1"]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["[2,2]", "[2,1]"]
    np.testing.assert_array_equal(
        np.ma.filled(np.ma.asarray(axes.images[0].get_array()), np.nan), [[0.07, 0.09], [np.nan, 0.0612]]
    )
    texts = {text.get_text(): (text.get_position(), text.get_color()) for text in axes.texts}
    assert texts == {"0.0700": ((0, 0), "black"), "0.0900": ((1, 0), "white"), "0.0612": ((1, 1), "black")}
    background = axes.images[0].cmap(axes.images[0].norm(np.array(0.09)))
    assert sum(background[:3]) < 1.2, "white is on what is dark"
    assert colours.get_ylabel() == "test MAE, eV/atom"
