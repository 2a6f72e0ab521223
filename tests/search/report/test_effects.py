"""Main effects are the effects that were put in, and intervals hold what they promise."""

import numpy as np
import pytest

from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from report.conftest import trial
from search.report.effects import _design, factors_of, main_effects
from search.results import Standing, rank
from search.spread import quantile
from spaces import build

COMPONENTS = list(build("components", FAST, BRNET).candidates())
BRANCHING = list(build("branching", FAST, BRNET).candidates())


def standings(candidates: list[Candidate], errors: np.ndarray) -> list[Standing]:
    """`errors` is (candidates, seeds)."""
    return rank(
        trial(f"{place}-{seed}", candidate, seed, float(error))
        for place, (candidate, over_seeds) in enumerate(zip(candidates, errors, strict=True))
        for seed, error in enumerate(over_seeds)
    )


def with_skip_effect(effect: float, noise: float, generator: np.random.Generator) -> list[Standing]:
    skips = np.array([candidate.architecture.skip == "layer" for candidate in COMPONENTS])
    errors = 0.2 + effect * skips[:, None] + generator.normal(0, noise, (len(COMPONENTS), 2))
    return standings(COMPONENTS, errors)


def test_a_known_effect_is_found_and_the_others_are_not() -> None:
    result = main_effects(with_skip_effect(-0.05, 0.004, np.random.default_rng(3)))
    by_factor = {effect.factor: effect for effect in result.effects}
    assert set(by_factor) == {"branching", "skip", "activation", "normalisation", "dropout"}
    skip = by_factor["skip"]
    assert (skip.level, skip.reference, skip.candidates) == ("layer", "none", 12)
    assert skip.half_width is not None
    assert abs(skip.difference + 0.05) < skip.half_width < 0.005
    assert [effect.factor for effect in result.effects if effect.is_distinguishable] == ["skip"]


def test_on_a_balanced_grid_an_effect_is_the_difference_of_means() -> None:
    trained = with_skip_effect(-0.02, 0.01, np.random.default_rng(4))
    skip = next(effect for effect in main_effects(trained).effects if effect.factor == "skip")
    means = [
        np.mean([standing.mean_error for standing in trained if standing.candidate.architecture.skip == value])
        for value in ("layer", "none")
    ]
    assert skip.difference == pytest.approx(means[0] - means[1])


def test_intervals_hold_zero_as_often_as_they_say() -> None:
    generator = np.random.default_rng(5)
    held = [
        not effect.is_distinguishable
        for _ in range(150)
        for effect in main_effects(with_skip_effect(0.0, 0.01, generator)).effects
    ]
    assert len(held) == 750
    assert 0.92 < np.mean(held) < 0.98


def test_a_branching_of_ones_own_is_seen_as_place_and_number() -> None:
    factors = factors_of(BRANCHING)
    assert set(factors) == {"branched group", "branches"}
    assert factors["branches"][:4] == ["2", "2", "3", "4"]
    in_top = np.array([place == "Top" for place in factors["branched group"]])
    noise = np.random.default_rng(6).normal(0, 0.001, (len(BRANCHING), 3))
    result = main_effects(standings(BRANCHING, 0.2 + 0.03 * in_top[:, None] + noise))
    assert {effect.level for effect in result.effects if effect.is_distinguishable} == {
        "Middle1", "Middle2", "Middle3", "Bottom",
    }  # fmt: skip


PLAIN = [c for c in COMPONENTS if not (c.architecture.normalisation == "batch" or c.architecture.dropout)]
FOUR = [*PLAIN[:3], next(c for c in COMPONENTS if c.architecture.normalisation == "batch")]
"""That differ by as many choices as there are of them."""


def test_as_many_choices_as_candidates_leaves_the_seeds() -> None:
    noise = np.random.default_rng(7).normal(0, 0.001, (4, 3))
    many = main_effects(standings(FOUR, 0.2 + noise))
    one = main_effects(standings(FOUR, 0.2 + noise[:, :1]))
    assert all(effect.half_width is not None for effect in many.effects)
    assert len(many.effects) == len(one.effects)


def test_intervals_from_the_spread_over_seeds_are_those_of_means() -> None:
    errors = 0.2 + np.random.default_rng(7).normal(0, 0.001, (4, 3))
    trained = standings(FOUR, errors)
    design = _design(factors_of([standing.candidate for standing in trained]), 4)[0]
    assert design.shape == (4, 4), "nothing is left over"
    deviation = np.sqrt(errors.var(axis=1, ddof=1).mean())
    expected = quantile(8) * deviation / np.sqrt(3) * np.sqrt((np.linalg.inv(design) ** 2).sum(axis=1))[1:]
    assert [effect.half_width for effect in main_effects(trained).effects] == pytest.approx(list(expected))


def test_too_few_to_compare() -> None:
    assert main_effects(standings(COMPONENTS[:2], np.array([[0.1], [0.2]]))).effects == ()
