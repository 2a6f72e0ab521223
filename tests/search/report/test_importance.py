"""fANOVA finds the choice that was made to matter."""

from dataclasses import replace

import numpy as np
import pytest

from models.candidate import Candidate
from models.published import BNET
from models.recipe import FAST, Optimiser
from report.conftest import trial
from search.report.importance import importances, ranks
from search.results import Standing, rank

OPTIMISERS: tuple[Optimiser, ...] = ("adam", "sgd")


def sampled(count: int) -> list[Standing]:
    """Candidates whose error depends on the logarithm of the batch size, and on nothing else."""
    generator = np.random.default_rng(1)
    trials = []
    for place in range(count):
        batch_size = int(generator.choice([32, 64, 128, 256, 512]))
        rate, optimiser = 10 ** generator.uniform(-5, -2), OPTIMISERS[generator.integers(2)]
        recipe = replace(FAST, batch_size=batch_size, learning_rate=rate, optimiser=optimiser)
        error = 0.1 * np.log2(batch_size) + generator.normal(0, 0.01)
        trials.append(trial(str(place), Candidate(BNET, recipe), 0, float(error)))
    return rank(trials)


def test_what_decides_the_error_comes_first() -> None:
    shares = importances(sampled(40))
    assert next(iter(shares)) == "batch_size"
    assert shares["batch_size"] > 0.8
    assert sum(shares.values()) == pytest.approx(1)
    assert set(shares) == {"batch_size", "learning_rate", "optimiser"}


def test_one_candidate_that_diverged_is_not_all_the_variance() -> None:
    generator = np.random.default_rng(1)
    trials = []
    for place in range(40):
        power, rate = int(generator.integers(5)), 10 ** generator.uniform(-5, -2)
        recipe = replace(FAST, batch_size=32 * 2**power, learning_rate=rate)
        trials.append(trial(str(place), Candidate(BNET, recipe), 0, 0.01 * 2.0**power))
    wild = Candidate(BNET, replace(FAST, batch_size=128, learning_rate=0.05))
    assert next(iter(importances(rank([*trials, trial("wild", wild, 0, 10.0)])))) == "batch_size"


def test_a_few_candidates_are_too_few() -> None:
    assert importances(sampled(4)) == {}


def test_ranks_run_from_0_to_1() -> None:
    assert ranks([1e-5, 1e-2, 0.0, 1e-2]) == [0.5, 1.0, 0.0, 1.0]
