"""When a run ends and why, with which weights, and that it stays ended."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from kinds import KINDS, QUICK, SMALL

from models.candidate import Candidate
from models.data import TrainingData
from models.network import predict
from models.run import NonFiniteLossError
from models.training import TrainingRun


def test_a_finished_run_stays_finished_when_restored(few_rows: TrainingData, tmp_path: Path) -> None:
    run = TrainingRun(KINDS["branched"], few_rows)
    list(run)
    run.save(tmp_path / "training.npz")
    again = TrainingRun(KINDS["branched"], few_rows)
    again.restore(tmp_path / "training.npz")
    assert list(again) == []


def test_early_stopping_restores_the_best_weights(mp_data: TrainingData) -> None:
    recipe = replace(QUICK, learning_rate=0.02, epochs=200, patience=3)
    run = TrainingRun(Candidate(SMALL, recipe), mp_data)
    epochs = list(run)
    assert run.state.stop_reason == "early stopping"
    assert run.state.epochs == run.state.best_epoch + 3 == len(epochs) < 200
    assert run.state.best_error == min(epoch.validation_error for epoch in epochs)
    outputs = predict(run.best_network(), torch.tensor(mp_data.x_validation))[:, 0]
    error = (outputs - torch.tensor(mp_data.y_validation)).abs().mean().item()
    assert error == pytest.approx(run.state.best_error, rel=1e-5)


def test_a_loss_that_is_not_finite_ends_the_run_with_its_reason(mp_data: TrainingData) -> None:
    recipe = replace(QUICK, optimiser="sgd", loss="mse", learning_rate=1e6)
    run = TrainingRun(Candidate(SMALL, recipe), mp_data)
    with pytest.raises(NonFiniteLossError, match="not finite in epoch 1"):
        list(run)
    assert run.state.stop_reason is not None
    assert list(run) == []


def test_an_error_that_stays_the_same_is_no_improvement(few_rows: TrainingData) -> None:
    recipe = replace(QUICK, learning_rate=1e-30, epochs=50, patience=3)
    run = TrainingRun(Candidate(SMALL, recipe), few_rows)
    assert len(list(run)) == 4
    assert (run.state.best_epoch, run.state.stop_reason) == (1, "early stopping")


def test_a_validation_error_that_is_not_finite_ends_a_run(few_rows: TrainingData) -> None:
    run = TrainingRun(KINDS["branched"], replace(few_rows, y_validation=few_rows.y_validation * np.float32(np.inf)))
    with pytest.raises(NonFiniteLossError, match="epoch 1"):
        list(run)
