"""Losses against their definitions."""

import numpy as np
import pytest
import torch

from models.objective import Objective
from models.published import BRNET
from models.recipe import Recipe

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
