from dataclasses import replace

import optuna
import pytest

from models.candidate import Candidate
from models.published import BRNET, IRNET
from models.recipe import FAST
from spaces import build


def suggest(parameters: dict[str, object], space: str = "hyperparameters") -> Candidate:
    return build(space, FAST, IRNET).suggest(optuna.trial.FixedTrial(parameters))


COMMON = {"activation": "relu", "schedule": "cosine", "batch_size": 64, "loss": "huber", "one_minus_beta2": 1e-3}


def test_each_optimiser_has_its_own_learning_rate_and_decay() -> None:
    adam = suggest({**COMMON, "optimiser": "adam", "learning_rate": 1e-3}).recipe
    assert (adam.optimiser, adam.learning_rate, adam.weight_decay) == ("adam", 1e-3, 0.0)
    sgd = suggest({**COMMON, "optimiser": "sgd", "sgd_learning_rate": 0.5, "sgd_weight_decay": 1e-6}).recipe
    assert (sgd.optimiser, sgd.learning_rate, sgd.weight_decay) == ("sgd", 0.5, 1e-6)
    adamw = suggest({**COMMON, "optimiser": "adamw", "learning_rate": 1e-3, "weight_decay": 0.1}).recipe
    assert (adamw.optimiser, adamw.learning_rate, adamw.weight_decay) == ("adamw", 1e-3, 0.1)
    assert (adamw.schedule, adamw.batch_size, adamw.loss) == ("cosine", 64, "huber")


def test_beta2_is_drawn_for_adam_and_adamw_given_for_muon_and_none_for_sgd() -> None:
    space = build("hyperparameters", replace(FAST, beta2=0.98), IRNET)
    rates = {"learning_rate": 1e-3, "weight_decay": 0.1, "sgd_learning_rate": 1e-3, "sgd_weight_decay": 1e-6}
    point = {**COMMON, **rates, "one_minus_beta2": 0.01}
    recipes = {
        optimiser: space.suggest(optuna.trial.FixedTrial({**point, "optimiser": optimiser})).recipe
        for optimiser in ("adam", "adamw", "muon", "sgd")
    }
    assert {name: recipe.beta2 for name, recipe in recipes.items()} == {
        "adam": 0.99,
        "adamw": 0.99,
        "muon": 0.98,
        "sgd": 0.999,
    }


@pytest.mark.parametrize("beta2", [0.95, 0.98, 0.999])
def test_a_point_of_before_beta2_was_drawn_has_the_one_given(beta2: float) -> None:
    space = build("hyperparameters", replace(FAST, beta2=beta2), IRNET)
    point = {**COMMON, "optimiser": "adam", "learning_rate": 1e-3}
    del point["one_minus_beta2"]
    candidate = space.suggest(optuna.trial.FixedTrial(space.completed(point)))
    assert candidate.recipe.beta2 == beta2
    assert space.completed({**point, "one_minus_beta2": 0.03})["one_minus_beta2"] == 0.03


def test_only_leaky_relu_has_a_slope() -> None:
    rest = {**COMMON, "optimiser": "adam", "learning_rate": 1e-3}
    leaky = suggest({**rest, "activation": "leaky_relu", "slope": 0.2}).architecture
    assert (leaky.activation, leaky.slope) == ("leaky_relu", 0.2)
    assert suggest({**rest, "activation": "gelu"}).architecture.slope == 0.0


def test_the_rest_of_the_network_is_the_bases() -> None:
    architecture = suggest({**COMMON, "optimiser": "adam", "learning_rate": 1e-3}).architecture
    assert architecture == IRNET


def test_a_classification_draws_no_loss() -> None:
    space = build("hyperparameters", FAST, BRNET.with_output(2, "classification"))
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trials = [study.ask() for _ in range(10)]
    for trial in trials:
        assert space.suggest(trial).recipe.loss == FAST.loss
        assert "loss" not in trial.params


def test_the_published_rates_are_inside_the_ranges() -> None:
    for parameters in ({"learning_rate": 1e-4}, {"learning_rate": FAST.learning_rate}):
        suggest({**COMMON, "optimiser": "adam", **parameters})
    with pytest.raises(ValueError, match="learning_rate"):
        suggest({**COMMON, "optimiser": "adam"})


def test_the_huber_delta_given_goes_with_the_huber_loss_alone() -> None:
    space = build("hyperparameters", replace(FAST, loss="huber", huber_delta=0.1), IRNET)
    point = {**COMMON, "optimiser": "adam", "learning_rate": 1e-3}
    deltas = {
        loss: space.suggest(optuna.trial.FixedTrial({**point, "loss": loss})).recipe.huber_delta
        for loss in ("mae", "mse", "huber")
    }
    assert deltas == {"mae": 1.0, "mse": 1.0, "huber": 0.1}
