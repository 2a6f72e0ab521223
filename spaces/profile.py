"""Width profiles: which ones the paper's grids apply to, and how one is fitted to a parameter budget."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from models.architecture import PAPER_GROUPS, Architecture

BUDGET_TOLERANCE = 0.005
"""How far from its budget a network's parameter count may lie, as a fraction of the budget."""

GROUP_FACTOR = 4
"""How many times narrower or wider than in the base one group alone may become to meet a budget."""

PROFILE_FACTOR = 8
"""How many times narrower or wider than in the base all groups together may become to meet a budget."""

FACTOR_STEPS = 4096
"""Steps of the common factor per unit: finer than one unit of width up to a group of this width."""


def check_paper_layers(space: str, base: Architecture) -> None:
    """Raises ValueError where the groups of `base` do not hold the number of layers that the paper's grids deal out."""
    if not base.has_paper_layers:
        layers = [group.layers for group in base.groups]
        paper = [group.layers for group in PAPER_GROUPS]
        raise ValueError(f"space={space} is defined on groups of {paper} layers, not {layers}")


def resized(architecture: Architecture, group: int, width: int) -> Architecture:
    """The architecture with another width in one group."""
    groups = list(architecture.groups)
    groups[group] = replace(groups[group], width=width)
    return replace(architecture, groups=tuple(groups))


def scaled(architecture: Architecture, factor: Fraction) -> Architecture:
    """The architecture with every width multiplied by one factor, rounded, at least 1."""
    groups = tuple(replace(group, width=max(1, round(group.width * factor))) for group in architecture.groups)
    return replace(architecture, groups=groups)


def fit_to_budget(architecture: Architecture, group: int, budget: int) -> Architecture:
    """The architecture with widths chosen such that its parameter count is within 0.5 % of the budget.

    The width of `group` alone is changed where that suffices within a factor of four. Beyond that the group would be a
    bottleneck or a bulge, and the comparison one of width profiles instead of branchings; and often no width
    does: the paper's two widest groups alone hold 4.9 million parameters, so nothing in the narrower ones reaches
    BRNet's 4,548,385. Then all groups are scaled by one factor, within eight, and adjusted by a unit each.
    Raises ValueError where that fails, too.
    """
    best = _nearest(_group_fits(architecture, group, budget), budget)
    if not _meets(best, budget):
        best = _nearest(_profile_fits(architecture, budget), budget)
        for number in range(len(best.groups)):
            width = best.groups[number].width
            best = _nearest((resized(best, number, max(1, width + step)) for step in (0, -1, 1)), budget)
    if not _meets(best, budget):
        raise ValueError(
            f"budget={budget} cannot be met within {BUDGET_TOLERANCE:.1%} by the network {architecture}: "
            f"the nearest has {best.parameter_count()} parameters"
        )
    return best


def budget_range(architecture: Architecture) -> tuple[int, int]:
    """The least and the most parameters that `fit_to_budget` can give the architecture."""
    low, high = (scaled(architecture, factor) for factor in (Fraction(1, PROFILE_FACTOR), Fraction(PROFILE_FACTOR)))
    return low.parameter_count(), high.parameter_count()


def _meets(architecture: Architecture, budget: int) -> bool:
    return abs(architecture.parameter_count() - budget) <= BUDGET_TOLERANCE * budget


def _nearest(architectures: Iterator[Architecture], budget: int) -> Architecture:
    return min(architectures, key=lambda architecture: abs(architecture.parameter_count() - budget))


def _group_fits(architecture: Architecture, group: int, budget: int) -> Iterator[Architecture]:
    """The networks among which the one nearest to the budget is, when only the width of `group` changes.

    The count grows with the width but where the width equals a neighbour's: there a projection falls away. These widths
    are left out of the bisection and looked at beside it.
    """
    width = architecture.groups[group].width
    widths = (architecture.input_width, *(group.width for group in architecture.groups))
    neighbours = {*widths[group : group + 1], *widths[group + 2 : group + 3]}
    reach = range(max(1, width // GROUP_FACTOR), width * GROUP_FACTOR + 1)
    regular = [candidate for candidate in reach if candidate not in neighbours]
    at = bisect_left(regular, budget, key=lambda width: resized(architecture, group, width).parameter_count())
    for candidate in (*regular[max(0, at - 1) : at + 1], *sorted(neighbours.intersection(reach))):
        yield resized(architecture, group, candidate)


def _profile_fits(architecture: Architecture, budget: int) -> Iterator[Architecture]:
    """The networks on either side of the budget, when all widths change by one factor."""
    factors = range(FACTOR_STEPS // PROFILE_FACTOR, FACTOR_STEPS * PROFILE_FACTOR + 1)
    at = bisect_left(
        factors, budget, key=lambda step: scaled(architecture, Fraction(step, FACTOR_STEPS)).parameter_count()
    )
    for step in factors[max(0, at - 1) : at + 1]:
        yield scaled(architecture, Fraction(step, FACTOR_STEPS))
