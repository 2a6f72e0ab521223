import math
from dataclasses import FrozenInstanceError
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST, MUON, PAPER, RECIPES, Loss, Optimiser, Precision, Recipe, Schedule, rows_in

recipes = (
    st.builds(
        Recipe,
        optimiser=st.sampled_from([name for name in get_args(Optimiser) if name not in ("schedule_free", "sgd")]),
        learning_rate=st.floats(1e-12, 1e3),
        schedule=st.sampled_from(get_args(Schedule)),
        weight_decay=st.floats(0, 10),
        beta2=st.floats(0, 1, exclude_max=True),
        batch_size=st.integers(1, 10_000),
        loss=st.sampled_from(get_args(Loss)),
        epochs=st.integers(1, 10_000),
        patience=st.integers(0, 10_000),
        averaging=st.floats(0, 1, exclude_max=True),
        precision=st.sampled_from(get_args(Precision)),
        standardise=st.booleans(),
        train_part=st.floats(0, 1, exclude_min=True),
    )
    | st.builds(Recipe, loss=st.just("huber"), huber_delta=st.floats(1e-3, 1e3))
    | st.builds(Recipe, optimiser=st.sampled_from(["schedule_free", "sgd"]), learning_rate=st.floats(1e-12, 1e3))
)


def test_the_papers_recipe() -> None:
    """SDM 2022, section 4.2."""
    assert RECIPES["paper"] is PAPER
    assert (PAPER.optimiser, PAPER.learning_rate, PAPER.batch_size, PAPER.loss) == ("adam", 1e-4, 32, "mae")
    assert (PAPER.epochs, PAPER.patience) == (3000, 100)
    assert (PAPER.schedule, PAPER.weight_decay, PAPER.averaging) == ("constant", 0, 0)
    assert (PAPER.precision, PAPER.standardise) == ("float32", False)


def test_recipes_are_told_apart_by_name_and_value() -> None:
    assert RECIPES["fast"] is FAST
    assert RECIPES["muon"] is MUON
    assert MUON.optimiser == "muon"
    assert len(set(RECIPES.values())) == len(RECIPES)


@given(recipes)
def test_json_both_ways(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.to_json()) == recipe
    candidate = Candidate(BRNET, recipe)
    assert Candidate.from_json(candidate.to_json()) == candidate
    assert hash(Candidate.from_json(candidate.to_json())) == hash(candidate)


def test_fields_that_came_later_are_left_out_at_their_first_values() -> None:
    for name in ("huber_delta", "beta2"):
        assert name not in PAPER.to_json()
    assert '"beta2":0.98' in Recipe(beta2=0.98).to_json()
    assert '"huber_delta":0.1' in Recipe(loss="huber", huber_delta=0.1).to_json()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"optimiser": "lion"}, "recipe.optimiser='lion' is none of adam, adamw, sgd"),
        ({"schedule": "step"}, "recipe.schedule='step' is none of constant"),
        ({"loss": "mape"}, "recipe.loss='mape' is none of mae"),
        ({"precision": "float16"}, "recipe.precision='float16' is none of float32"),
        ({"learning_rate": 0.0}, "recipe.learning_rate=0 would train nothing"),
        ({"learning_rate": -1e-4}, "recipe.learning_rate=-0.0001 must be a finite number"),
        ({"learning_rate": math.inf}, "recipe.learning_rate=inf must be a finite number"),
        ({"learning_rate": math.nan}, "recipe.learning_rate=nan must be a finite number"),
        ({"weight_decay": -1.0}, "recipe.weight_decay=-1.0 must be"),
        ({"beta2": 1.0}, "recipe.beta2=1.0 must be below 1"),
        ({"standardise": "no"}, "recipe.standardise='no' is neither true nor false"),
        ({"patience": True}, "recipe.patience=True must be at least 0, and whole"),
        ({"beta2": math.nan}, "recipe.beta2=nan must be a finite number"),
        ({"averaging": 1.0}, "recipe.averaging=1.0 must be below 1"),
        ({"averaging": -0.1}, "recipe.averaging=-0.1 must be"),
        (
            {"optimiser": "schedule_free", "averaging": 0.9},
            "recipe.optimiser=schedule_free averages the weights itself",
        ),
        (
            {"optimiser": "schedule_free", "schedule": "cosine"},
            "recipe.optimiser=schedule_free .* recipe.schedule=constant",
        ),
        ({"loss": "huber", "huber_delta": 0.0}, "recipe.huber_delta=0.0 must be a finite number above 0"),
        ({"huber_delta": 0.1}, "recipe.huber_delta=0.1 means nothing to recipe.loss=mae: add recipe.loss=huber"),
        ({"train_part": 0.0}, "recipe.train_part=0.0 must be above 0 and at most 1"),
        ({"train_part": 1.5}, "recipe.train_part=1.5 must be"),
        ({"batch_size": 0}, "recipe.batch_size=0 must be at least 1"),
        ({"epochs": 0}, "recipe.epochs=0 must be at least 1"),
        ({"patience": -1}, "recipe.patience=-1 must be at least 0"),
    ],
)
def test_impossible_values_are_refused_by_name(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        Recipe(**values)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", '{"batchsize": 3}', '{"batch_size": "abc"}'])
def test_json_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a recipe"):
        Recipe.from_json(text)


@pytest.mark.parametrize("text", ["", "[]", "null", "{", "{}", '{"architecture": {}}'])
def test_json_of_something_else_is_no_candidate(text: str) -> None:
    with pytest.raises(ValueError, match="not a candidate"):
        Candidate.from_json(text)


def test_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        PAPER.epochs = 1  # type: ignore[misc]


def test_equal_recipes_have_equal_json() -> None:
    """Trials are told apart by it."""
    assert Recipe(weight_decay=0, learning_rate=1, optimiser="adam").to_json() == (
        Recipe(weight_decay=0.0, learning_rate=1.0, optimiser="adam").to_json()
    )


def test_a_part_of_the_rows_is_rounded_up_and_not_by_floats() -> None:
    assert [rows_in(part, 100) for part in (0.07, 0.28, 0.55, 0.551, 1.0)] == [7, 28, 55, 56, 100]
    assert [rows_in(1 / 9, rows) for rows in (9, 10, 341_700)] == [1, 2, 37_967]
    assert rows_in(1e-9, 100) == 1
