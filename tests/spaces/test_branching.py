from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.architecture import PAPER_GROUPS, Architecture
from models.branching import Branching
from models.published import BNET, BRNET, PUBLISHED
from models.recipe import PAPER
from spaces import build
from spaces.branching import GRID
from spaces.profile import BUDGET_TOLERANCE, fit_to_budget, resized

PUBLISHED_COUNTS = [
    ("Top[2,2]", 4_548_385),
    ("Top[3,1]", 4_548_385),
    ("Top[2,1,1]", 3_676_961),
    ("Top[1,1,1,1]", 2_805_537),
    ("Middle1[2,1]", 6_206_753),
    ("Middle1[1,1,1]", 6_993_697),
    ("Middle2[2,1]", 5_616_673),
    ("Middle2[1,1,1]", 5_813_537),
    ("Middle3[2,1]", 5_469_089),
    ("Middle3[1,1,1]", 5_518_369),
    ("Bottom[1,1]", 5_432_161),
]
"""Sci Rep 13, 9128 (2023), Table 6, in its order."""


def architectures(budget: int | None = None, base: Architecture = BRNET) -> list[Architecture]:
    return [candidate.architecture for candidate in build("branching", PAPER, base, budget).candidates()]


def partitions(layers: int, most: int) -> Iterator[tuple[int, ...]]:
    if layers == 0:
        yield ()
    for first in range(min(layers, most), 0, -1):
        for rest in partitions(layers - first, first):
            yield (first, *rest)


def test_is_the_published_grid_in_its_order() -> None:
    shown = [(str(a).removesuffix(" skip leaky"), a.parameter_count()) for a in architectures()]
    assert shown == PUBLISHED_COUNTS
    assert architectures()[0] == BRNET


def test_every_way_to_deal_out_a_groups_layers_is_there() -> None:
    for (location, distributions), group in zip(GRID.items(), PAPER_GROUPS, strict=False):
        every_way = set(partitions(group.layers, group.layers)) - {(group.layers,)}
        assert set(distributions) == every_way, location


def test_base_decides_no_component() -> None:
    for base in PUBLISHED.values():
        assert architectures(base=base) == architectures()


def test_at_brnets_size_all_eleven_are_within_half_a_percent() -> None:
    for architecture in architectures(4_548_385):
        assert abs(architecture.parameter_count() / 4_548_385 - 1) <= BUDGET_TOLERANCE, str(architecture)
        assert architecture.has_paper_layers
    assert architectures(4_548_385)[0] == BRNET, "the published network meets the budget as it is"


def test_the_branched_groups_width_alone_is_chosen_where_that_suffices() -> None:
    for architecture in architectures(5_450_000):
        (branching,) = architecture.branchings
        others = [pair for number, pair in enumerate(zip(architecture.groups, PAPER_GROUPS, strict=True))
                  if number != branching.group]  # fmt: skip
        if branching.group < 2:
            assert all(chosen == paper for chosen, paper in others), str(architecture)


def test_all_groups_are_scaled_where_the_branched_one_cannot_reach_the_budget() -> None:
    """The 1024 and 512 groups alone hold 4.9 million parameters, so no width below them reaches BRNet's 4.5."""
    bottom = architectures(4_548_385)[-1]
    factors = [chosen.width / paper.width for chosen, paper in zip(bottom.groups, PAPER_GROUPS, strict=True)]
    assert max(factors) < 1
    assert max(factors) / min(factors) < 1.05


@settings(max_examples=15, deadline=None)
@given(st.integers(130_000, 100_000_000))
def test_any_budget_between_the_limits_is_met(budget: int) -> None:
    for architecture in architectures(budget):
        assert abs(architecture.parameter_count() / budget - 1) <= BUDGET_TOLERANCE, str(architecture)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 4), st.booleans(), st.data())
def test_bisection_finds_the_nearest_of_all_widths(group: int, skip: bool, data: st.DataObject) -> None:
    """A trial of every width is the oracle. Where a width equals a neighbour's, the count falls: that is part of it."""
    base = replace(
        BNET,
        groups=tuple(replace(g, width=g.width // 16) for g in PAPER_GROUPS),
        branchings=(Branching(group, (1,) * PAPER_GROUPS[group].layers),),
        skip="layer" if skip else "none",
    )
    width = base.groups[group].width
    reach = [resized(base, group, w).parameter_count() for w in range(max(1, width // 4), 4 * width + 1)]
    budget = data.draw(st.integers(min(reach), max(reach)))
    best = min(abs(count - budget) for count in reach)
    if best <= BUDGET_TOLERANCE * budget:
        assert abs(fit_to_budget(base, group, budget).parameter_count() - budget) == best


@pytest.mark.parametrize("budget", [1000, 0, -5, 10**12])
def test_a_budget_out_of_reach_is_refused_in_one_sentence(budget: int) -> None:
    with pytest.raises(ValueError, match=rf"^budget={budget} cannot be met by all 11 networks of space=branching: .*"):
        build("branching", PAPER, BRNET, budget)
