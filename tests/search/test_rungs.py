"""Rungs by hand: rank correlation, who goes on, what is lost, and what is told of it."""

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.tune.schedulers.async_hyperband import _Bracket

from search.rungs import Measurement, Rung, measure, rung_epochs

# errors after 1, 2 and 4 epochs; the eventual winner starts last
CURVES = [
    [0.9, 0.8, 0.8, 0.10],
    [0.5, 0.4, 0.3, 0.20],
    [0.6, 0.5, 0.4, 0.30],
    [0.4, 0.6, 0.5, 0.40],
    [0.7, 0.7, 0.6, 0.5],
    [0.8, 0.75, 0.7, 0.6],
]


def test_rungs_are_ashas() -> None:
    assert list(rung_epochs(5, 3, 60)) == [5, 15, 45]
    assert list(rung_epochs(5, 3, 5)) == []


def test_a_winner_that_starts_last_is_lost() -> None:
    first, second = measure(CURVES, 1, 2, 4)
    # ranks at epoch 1: 6 2 3 1 4 5, at the end: 1 2 3 4 5 6; sum of squared differences 36
    assert first.rho == pytest.approx(1 - 6 * (25 + 0 + 0 + 9 + 1 + 1) / (6 * 35))
    assert (first.epoch, first.going_on, first.top_going_on) == (1, 3, 2)
    assert first.lost == pytest.approx(0.1)
    assert second.epoch == 2
    assert second.top_going_on == 2


def test_the_best_so_far_counts_as_it_does_for_asha() -> None:
    """The fourth is worse in epoch 2 than in epoch 1: its best stays 0.4, and ties at the cut go on."""
    _, second = measure(CURVES, 1, 2, 4)
    assert second.going_on == 3
    perfect = measure([[k, k / 2, k / 3] for k in range(1, 8)], 1, 2, 3)
    assert all(rung.rho == pytest.approx(1) and rung.lost == 0 and rung.top_going_on == 3 for rung in perfect)


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_as_many_go_on_as_in_rays_full_rung(factor: int) -> None:
    errors = np.random.default_rng(factor).random(23)
    bracket = _Bracket(1, 100, factor, 0)
    for place, error in enumerate(errors):
        trial: Any = SimpleNamespace(trial_id=str(place))
        bracket.on_result(trial, 1, -error)
    cutoff: Any = bracket.cutoff(bracket._rungs[-1][1])
    rung = measure([[error, error / 2] for error in errors], 1, factor, 2)[0]
    assert rung.going_on == sum(-errors >= cutoff)


def test_too_few_candidates_or_none_that_differ() -> None:
    assert measure(CURVES[:4], 1, 2, 4) == ()
    same = measure([[0.5, 0.4]] * 6, 1, 3, 2)[0]
    assert math.isnan(same.rho)
    assert "rho unknown" in same.in_words("eV")


def test_words_and_json() -> None:
    measured = Measurement(
        (Rung(5, 11, 0.834, 4, 2, 0.0012), Rung(15, 11, math.nan, 4, 3, 0.0)), "branching", "one_cycle", 60, 5, 3, "eV"
    )
    assert Measurement.from_dict(json.loads(json.dumps(measured.to_dict()))).to_dict() == measured.to_dict()
    lines = measured.in_words()
    assert (
        lines[1]
        == "  epoch 5: rho 0.83 (95 % from 0.38 to 0.96); 4 of 11 go on, with 2 of the final best 3; 0.0012 eV lost"
    )
    assert "the learning rate is not yet what it is at the end" in lines[-1]
