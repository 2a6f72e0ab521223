"""Memory, by candidate: which come first, which are the same network, and where they are in this search's space."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import optuna

from models.published import BRNET
from models.recipe import FAST
from models.start import Start
from search.row_parts import PartSpace
from search.warm_start import at, by_rank, likeness
from spaces import build

SPACE = build("hyperparameters", FAST, BRNET)


def test_of_several_searches_the_latest_comes_first() -> None:
    standings = [SimpleNamespace(trained=trained) for trained in (True, True, False)]
    older: Any = SimpleNamespace(standings=standings)
    newer: Any = SimpleNamespace(standings=standings[1:])
    assert [search for search, _ in by_rank([older, newer])] == [newer, older, older]


def test_a_network_that_begins_from_weights_is_another() -> None:
    candidate = next(iter(build("branching", FAST, BRNET).candidates()))
    assert likeness(replace(candidate, start=Start("a/1", "00"))) != likeness(candidate)
    assert likeness(replace(candidate, recipe=replace(candidate.recipe, epochs=3))) == likeness(candidate)


def test_a_point_outside_of_the_space_is_none_of_it() -> None:
    drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    candidate = SPACE.suggest(drawn)
    assert at(SPACE, drawn.params) == (candidate, drawn.params)
    name = next(name for name, value in drawn.params.items() if isinstance(value, float))
    assert at(SPACE, {**drawn.params, name: 1e3}) is None


def test_a_point_of_before_a_parameter_was_drawn_is_one_of_the_space() -> None:
    space = build("hyperparameters", replace(FAST, beta2=0.98), BRNET)
    params = {"activation": "relu", "optimiser": "adam", "learning_rate": 1e-3, "schedule": "cosine", "batch_size": 64}
    for whole in (space, PartSpace(space, 0.5)):
        found = at(whole, {**params, "loss": "mae"})
        assert found is not None
        assert found[0].recipe.beta2 == 0.98
