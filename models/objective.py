"""What a network is trained to lower and judged by: loss, error and the scale of the target."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from models.architecture import Architecture, Task
from models.network import Network
from models.recipe import Recipe

ERROR_NAMES: dict[Task, str] = {"regression": "mae", "classification": "cross_entropy"}
"""What `train_error` and `validation_error` are: mean absolute error in the target's unit, or nats per row."""


class Objective:
    """Loss and error of one recipe on one training set.

    Targets are float (rows,) or (rows, outputs) for a regression, class numbers (rows,) for a classification.
    `location` and `scale`, both (outputs,), map the network's outputs to the target's unit: the mean and standard
    deviation of the training targets where the recipe standardises, else 0 and 1.
    Raises ValueError where the targets do not fit the architecture.
    """

    def __init__(self, architecture: Architecture, recipe: Recipe, y_train: np.ndarray, device: torch.device) -> None:
        self.architecture = architecture
        self.classifies = architecture.task == "classification"
        self.loss_name, self.huber_delta = recipe.loss, recipe.huber_delta
        location = np.zeros(architecture.output_width)
        scale = np.ones(architecture.output_width)
        if recipe.standardise and not self.classifies:
            columns = y_train.reshape(len(y_train), -1)
            location = columns.mean(axis=0, dtype=np.float64)
            spread = columns.std(axis=0, dtype=np.float64)
            scale = np.where(spread > 0, spread, 1.0)
        self.location = torch.tensor(location, dtype=torch.float32, device=device)
        self.scale = torch.tensor(scale, dtype=torch.float32, device=device)
        self.floor = None if architecture.floor is None else (architecture.floor - self.location) / self.scale

    def targets(self, y: np.ndarray, device: torch.device) -> Tensor:
        """y as the loss takes it: (rows, outputs) float32 in the network's scale, or (rows,) class numbers."""
        width = self.architecture.output_width
        if self.classifies:
            if y.ndim != 1 or not np.issubdtype(y.dtype, np.integer) or y.min() < 0 or y.max() >= width:
                raise ValueError(f"classes must be whole numbers from 0 to {width - 1}, one a row")
            return torch.as_tensor(y, dtype=torch.int64, device=device)
        columns = np.ascontiguousarray(y, dtype=np.float32).reshape(len(y), -1)
        if columns.shape[1] != width:
            raise ValueError(f"{columns.shape[1]} target values a row do not fit an output width of {width}")
        return (torch.as_tensor(columns, device=device) - self.location) / self.scale

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        if self.classifies:
            return F.cross_entropy(outputs, targets)
        if self.loss_name == "mae":
            return F.l1_loss(outputs, targets)
        if self.loss_name == "mse":
            return F.mse_loss(outputs, targets)
        # of slope 1 above delta, whatever it is
        return F.huber_loss(outputs, targets, delta=self.huber_delta) / self.huber_delta

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean absolute error in the target's unit, or cross-entropy: the figure that selects.

        Outputs below the floor count as the floor, which is what they are answered as. The loss takes them as they
        are: at the floor it would have no gradient to bring a network back up.
        """
        if self.classifies:
            return F.cross_entropy(outputs, targets)
        if self.floor is not None:
            outputs = torch.maximum(outputs, self.floor)
        return ((outputs - targets).abs() * self.scale).mean()

    def fold_into(self, network: Network) -> None:
        """Let the output layer itself give values in the target's unit, so that a network needs no scaler beside it."""
        with torch.no_grad():
            network.output.weight.mul_(self.scale[:, None].to(network.output.weight.device))
            network.output.bias.mul_(self.scale.to(network.output.bias.device))
            network.output.bias.add_(self.location.to(network.output.bias.device))
        network.floor = self.architecture.floor
