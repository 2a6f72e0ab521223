"""Widths by a number of parameters: the nearest there are, whatever projections come and go between them."""

from dataclasses import replace
from typing import get_args

import pytest

from models.architecture import Architecture, Group, Join, Skip
from models.branching import Branching
from models.inputs import Inputs
from models.published import BRNET
from models.recipe import FAST
from spaces.joint import Joint
from spaces.joint_parts import RATIOS
from spaces.width_fit import STEEPEST, fit, with_widths

SIDE_BY_SIDE = Architecture(
    groups=(Group(1, 4),),
    branchings=(Branching(0, (2, 1, 1)),),
    join="concatenation",
    skip="group",
    inputs=Inputs(True, "periodic", 16, embedding=16),
    output_width=100,
)
"""1440 numbers of the input are as many as three ends of width 480: the skip around the group has no projection."""


@pytest.mark.parametrize("size", [0.5, 0.8, 0.9, 0.952, 1.0])
def test_the_dip_at_the_inputs_own_width_leads_no_fit_astray(size: float) -> None:
    """There a skip has no projection, and the count falls: 688 numbers of eight pieces for each of 86 fractions."""
    groups, ratios = (Group(1, 2), Group(1, 4), Group(1, 2)), (1.0, 0.739)
    inputs = Inputs(True, "piecewise", 8)
    shape = Architecture(groups=groups, branchings=(Branching(2, (1, 1)),), skip="layer", inputs=inputs)
    low, high = 4_300_000, 4_548_385
    target = low * (high / low) ** size
    assert low <= fit(shape, ratios, target, low, high).parameter_count() <= high


def test_the_nearest_network_is_found_beyond_the_dip() -> None:
    inputs = Inputs(fractions=False, embedding=32)
    shape = Architecture(groups=(Group(1, 4),), branchings=(Branching(0, (3, 1)),), skip="layer", inputs=inputs)
    counts = {width: with_widths(shape, (), width).parameter_count() for width in range(2, 200)}
    for target in (70_000, 80_000, 95_000):
        nearest = min(counts.values(), key=lambda count: abs(count - target))
        assert fit(shape, (), target, 1, 10**9).parameter_count() == nearest


def test_the_dip_of_branches_side_by_side_leads_no_fit_astray() -> None:
    counts = [with_widths(SIDE_BY_SIDE, (), width).parameter_count() for width in range(2, 600)]
    nearest = min(counts, key=lambda count: abs(count - 4_400_000))
    assert fit(SIDE_BY_SIDE, (), 4_400_000, 1, 10**9).parameter_count() == nearest


def test_a_narrow_band_beside_that_dip_has_a_network() -> None:
    shape = replace(SIDE_BY_SIDE, normalisation="layer", activation="relu", task="classification")
    low, high = 4_079_861, 4_223_917
    assert low <= fit(shape, (), 4_220_861, low, high).parameter_count() <= high


def test_no_network_is_steeper_than_the_bound() -> None:
    """Parameters over the first group's width squared, of the shapes that have most."""
    space = Joint(FAST, BRNET)
    for join in get_args(Join):
        for skip in get_args(Skip):
            shape = space._largest(join, skip)
            counts = [with_widths(shape, (max(RATIOS),) * 5, width).parameter_count() for width in (1000, 2000)]
            assert (counts[1] - 2 * counts[0]) / (2 * 1000**2) <= STEEPEST, (join, skip)


def test_widths_are_equal_where_the_ratio_is_one_and_nowhere_else() -> None:
    shape = Architecture(groups=(Group(1, 1),) * 4)
    for first in range(1, 60):
        widths = [group.width for group in with_widths(shape, (1.0, 0.99, 1.01), first).groups]
        assert widths[0] == widths[1] != widths[2] != widths[3], widths
