"""The estimated seconds of a training, by hand and backwards."""

from dataclasses import replace

import pytest

from models.cost import MUON_PRODUCTS, PASSES, StepCost
from models.recipe import FAST, Recipe


def test_the_cost_of_training_by_hand() -> None:
    recipe, rows = Recipe(epochs=3, batch_size=32, train_part=0.5), (130, 40)
    assert StepCost(fixed=2.0, per_operation=0.0).seconds(10, recipe, rows) == 3 * 3 * 2.0
    operations = StepCost(fixed=0.0, per_operation=1.0)
    # validation is the forward third of a training pass
    assert operations.seconds(10, recipe, rows) == pytest.approx(3 * PASSES * 10 * (65 + 40 / 3))
    muon, adam = (operations.seconds(16, replace(recipe, optimiser=kind), rows) for kind in ("muon", "adam"))
    assert muon - adam == pytest.approx(3 * 3 * 2 * MUON_PRODUCTS * 4**3)


def test_the_cost_of_training_is_what_its_inverse_says() -> None:
    cost, rows = StepCost(fixed=1e-3, per_operation=3e-11), (40_000, 5_000)
    for recipe in (FAST, replace(FAST, optimiser="muon"), replace(FAST, train_part=0.3)):
        most = cost.most_parameters(300.0, recipe, rows)
        assert cost.seconds(most, recipe, rows) <= 300.0 < cost.seconds(most + 1, recipe, rows)
