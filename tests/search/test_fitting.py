"""Traditional models on real compositions: all of them learn, the same again, and go on where they were stopped."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import optuna
import pytest

from models.candidate import Candidate
from models.checkpoint import CheckpointError
from models.data import TrainingData
from models.published import BRNET
from models.recipe import FAST
from search.fitting import FittingRun, load_predicted, mean_absolute_error, refit, rows_of_part
from spaces import build
from spaces.traditional import FAMILIES

ONE_PART = replace(FAST, epochs=1)


@pytest.fixture(scope="module")
def small(mp_data: TrainingData) -> TrainingData:
    return replace(mp_data, x_train=mp_data.x_train[:600], y_train=mp_data.y_train[:600])


def one_of_each_family() -> list[Candidate]:
    found: dict[str, Candidate] = {}
    for candidate in build("traditional", ONE_PART, BRNET).candidates():
        assert candidate.estimator is not None
        found.setdefault(candidate.estimator.family, candidate)
    return list(found.values())


@pytest.mark.parametrize("candidate", one_of_each_family(), ids=str)
def test_every_family_learns_and_gives_the_same_again(candidate: Candidate, small: TrainingData) -> None:
    run = FittingRun(candidate, small, seed=3)
    epoch = next(iter(run))
    guess = float(np.abs(small.y_validation - np.median(small.y_train)).mean())
    assert epoch.validation_error < guess
    assert (run.state.epochs, run.state.stop_reason, run.state.best_error) == (1, "fitted", epoch.validation_error)
    again = refit(candidate, small, seed=3, threads=1)
    error = mean_absolute_error(again(small.x_validation), small.y_validation)
    assert error == pytest.approx(run.state.best_error, rel=1e-6)


@pytest.mark.parametrize("preprocessing", ["none", "standard", "pca"])
def test_every_drawn_setting_can_be_fitted(preprocessing: str, small: TrainingData) -> None:
    few = replace(small, x_train=small.x_train[:80], y_train=small.y_train[:80])
    space = build("automl", ONE_PART, BRNET)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for family in FAMILIES:
        study.enqueue_trial({"family": family, "preprocessing": preprocessing})
        run = FittingRun(space.suggest(study.ask()), few)
        assert np.isfinite(next(iter(run)).validation_error)


def test_later_parts_take_more_rows_and_the_last_all(small: TrainingData) -> None:
    candidate = replace(one_of_each_family()[0], recipe=replace(FAST, epochs=3))
    assert candidate.estimator is not None
    assert [rows_of_part(candidate.estimator, 900, part, 3) for part in (1, 2, 3)] == [100, 300, 900]
    assert rows_of_part(replace(candidate.estimator, most_rows=200), 900, 3, 3) == 200
    assert [rows_of_part(candidate.estimator, 200, part, 3) for part in (1, 2, 3)] == [50, 67, 200], (
        "neighbours need some"
    )
    run = FittingRun(candidate, small)
    assert [epoch.number for epoch in run] == [1, 2, 3]
    assert run.state.best_error == FittingRun(replace(candidate, recipe=ONE_PART), small).epoch().validation_error


def test_goes_on_after_the_parts_that_are_done(small: TrainingData, tmp_path: Path) -> None:
    candidate = replace(one_of_each_family()[0], recipe=replace(FAST, epochs=3))
    whole, first, second = (FittingRun(candidate, small, seed=1) for _ in range(3))
    errors = [epoch.validation_error for epoch in whole]
    first.epoch()
    first.save(tmp_path / "run.npz")
    second.restore(tmp_path / "run.npz")
    first.save_predicted(tmp_path / "first.npz")
    second.save_predicted(tmp_path / "second.npz")  # of a trial that was stopped right after it was begun again
    assert np.array_equal(load_predicted(tmp_path / "first.npz"), load_predicted(tmp_path / "second.npz"))
    assert mean_absolute_error(load_predicted(tmp_path / "second.npz"), small.y_validation) == errors[0]
    assert [epoch.validation_error for epoch in second] == errors[1:]
    second.save_predicted(tmp_path / "second.npz")
    assert mean_absolute_error(load_predicted(tmp_path / "second.npz"), small.y_validation) == errors[-1]
    with pytest.raises(CheckpointError, match="another candidate or seed"):
        FittingRun(candidate, small, seed=2).restore(tmp_path / "run.npz")


def test_no_answer_below_the_floor(small: TrainingData) -> None:
    cut = replace(small, y_train=np.maximum(small.y_train, -1))
    candidate = build("traditional", ONE_PART, replace(BRNET, floor=-1.0))
    linear = next(iter(candidate.candidates()))
    assert refit(linear, cut, 0, 1)(cut.x_train).min() == -1
    assert refit(replace(linear, architecture=BRNET), cut, 0, 1)(cut.x_train).min() < -1
