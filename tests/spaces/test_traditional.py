"""The grid and the joint space of traditional models."""

from dataclasses import replace

import optuna
import pytest

from models.estimator import Estimator
from models.published import BRNET
from models.recipe import FAST
from search.estimators import FAMILIES as FITTED
from spaces import build
from spaces.traditional import FAMILIES, GRID, MOST_ROWS


def test_every_family_is_in_the_grid_and_can_be_fitted() -> None:
    assert set(GRID) == set(FAMILIES) == set(FITTED)
    families = {c.estimator.family for c in build("traditional", FAST, BRNET).candidates() if c.estimator}
    assert families == set(FAMILIES)


def test_automl_reaches_every_family_and_preprocessing() -> None:
    space = build("automl", FAST, replace(BRNET, floor=0.0))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [space.suggest(study.ask()) for _ in range(150)]
    pairs = {(c.estimator.family, c.estimator.preprocessing) for c in drawn if c.estimator}
    assert {family for family, _ in pairs} == set(FAMILIES)
    assert {preprocessing for _, preprocessing in pairs} == {"none", "standard", "pca"}
    assert all(c.architecture.floor == 0.0 and c.parameter_count() is None for c in drawn)


def test_text_is_short_and_says_all() -> None:
    estimator = Estimator.of("support_vector", {"C": 10.0, "epsilon": 0.123456}, "standard", 20_000)
    assert str(estimator) == "support vector C=10 epsilon=0.123 standard (20,000 rows)"


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"family":"ridge"}', '{"family":"r","settings":{},"preprocessing":"x","most_rows":1}']
)
def test_json_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not an estimator"):
        Estimator.from_json(text)


@pytest.mark.parametrize("space", ["traditional", "automl"])
def test_families_whose_cost_explodes_are_fitted_to_few_rows(space: str) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    drawn = [build(space, FAST, BRNET).suggest(study.ask()).estimator for _ in range(100)]
    assert {e.family: e.most_rows for e in drawn if e and e.most_rows} == MOST_ROWS


def test_the_grid_standardises_for_the_families_that_penalties_and_distances_are_of() -> None:
    estimators = [c.estimator for c in build("traditional", FAST, BRNET).candidates() if c.estimator]
    standardised = {e.family for e in estimators if e.preprocessing == "standard"}
    assert standardised == {"ridge", "lasso", "elastic_net", "support_vector", "mlp"}
    assert {e.preprocessing for e in estimators} == {"none", "standard"}
