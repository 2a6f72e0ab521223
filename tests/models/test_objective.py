"""Losses against their definitions, and targets of every kind."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from kinds import QUICK, SMALL
from torch.nn import functional as F

from models.candidate import Candidate
from models.data import TrainingData
from models.network import predict
from models.objective import Objective
from models.published import BRNET
from models.recipe import FAST, Loss, Recipe
from models.training import TrainingRun

RESIDUALS = torch.tensor([[0.0], [0.05], [-0.1], [0.3], [-2.0]])


@pytest.mark.parametrize("delta", [0.1, 1.0])
def test_huber_is_square_up_to_delta_and_of_slope_one_above(delta: float) -> None:
    recipe = Recipe(loss="huber", huber_delta=delta)
    objective = Objective(BRNET, recipe, np.zeros(5, dtype=np.float32), torch.device("cpu"))
    outputs = RESIDUALS.clone().requires_grad_()
    loss = objective.loss(outputs, torch.zeros_like(outputs))
    size = RESIDUALS.abs()
    expected = torch.where(size <= delta, size**2 / (2 * delta), size - delta / 2).mean()
    torch.testing.assert_close(loss, expected)
    torch.autograd.backward(loss)
    torch.testing.assert_close(outputs.grad, (RESIDUALS / delta).clamp(-1, 1) / len(RESIDUALS))


@pytest.mark.parametrize(("loss", "expected"), [("mae", 0.49), ("mse", (0.05**2 + 0.1**2 + 0.3**2 + 4) / 5)])
def test_losses_are_what_they_are_called(loss: Loss, expected: float) -> None:
    objective = Objective(BRNET, Recipe(loss=loss), np.zeros(5, dtype=np.float32), torch.device("cpu"))
    assert objective.loss(RESIDUALS, torch.zeros(5, 1)).item() == pytest.approx(expected)


def test_a_target_of_one_value_is_learnt(few_rows: TrainingData) -> None:
    train, validation = (np.full_like(y, 7.0) for y in (few_rows.y_train, few_rows.y_validation))
    data = replace(few_rows, y_train=train, y_validation=validation)
    run = TrainingRun(Candidate(SMALL, replace(QUICK, standardise=True)), data)
    list(run)
    assert run.state.best_error < 0.5


def test_a_classifier_is_kept_with_the_error_that_was_validated(few_rows: TrainingData) -> None:
    train, validation = ((y < -1).astype(np.int64) for y in (few_rows.y_train, few_rows.y_validation))
    data = replace(few_rows, y_train=train, y_validation=validation)
    run = TrainingRun(Candidate(SMALL.with_output(2, "classification"), replace(FAST, epochs=2)), data)
    list(run)
    logits = predict(run.best_network(), torch.tensor(few_rows.x_validation))
    assert F.cross_entropy(logits, torch.tensor(validation)).item() == pytest.approx(run.state.best_error, rel=1e-4)


@pytest.mark.parametrize("classes", [[0, 1, 2], [-1, 0, 1], [-100, 0, 1], [[0], [1], [1]]])
def test_classes_that_are_none_are_refused(classes: list[int] | list[list[int]]) -> None:
    device, y = torch.device("cpu"), np.array(classes)
    objective = Objective(BRNET.with_output(2, "classification"), Recipe(), y, device)
    with pytest.raises(ValueError, match="classes must be whole numbers from 0 to 1"):
        objective.targets(y, device)
