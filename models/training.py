"""One training run: a generator of epochs that can be stopped anywhere and goes on bit for bit."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from models import checkpoint
from models.averaging import AveragedWeights, copy_into, copy_of
from models.candidate import Candidate
from models.network import Network, build, predict
from models.objective import Objective
from models.optimiser import Plateau, flatten_state, learning_rate_at, make_optimiser, restore_state
from models.precision import computes_in_bfloat16


@dataclass(frozen=True)
class TrainingData:
    """x float (rows, input_width); y float (rows,) or (rows, outputs), or class numbers (rows,)."""

    x_train: np.ndarray
    y_train: np.ndarray
    x_validation: np.ndarray
    y_validation: np.ndarray


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows. Errors are `objective.ERROR_NAMES` of the task, in the target's unit.

    `train_error` is the mean over the epoch's batches as they were trained on (dropout and all);
    `validation_error` is of the weights at its end (their moving average where the recipe keeps one).
    """

    number: int
    train_error: float
    validation_error: float
    learning_rate: float
    seconds: float


class NonFiniteLossError(ArithmeticError):
    """Training left the finite numbers; says in which epoch."""


class TrainingRun:
    """Trains one candidate from one seed; iterate over it for its epochs.

    `best_error`, `best_epoch`, `epochs`, `seconds` and `stop_reason` (None until it has stopped) say how it stands.
    The seed sets first weights, order of rows and dropout, each by a generator of its own.
    Raises ValueError where data and architecture do not fit, NonFiniteLossError from the iteration.
    """

    def __init__(self, candidate: Candidate, data: TrainingData, seed: int = 0, device: str = "cpu") -> None:
        self.candidate, self.seed, self.device = candidate, seed, torch.device(device)
        self.recipe = candidate.recipe
        self._check(candidate, data)
        self._shuffling = torch.Generator().manual_seed(seed)
        self._dropping = torch.Generator(self.device).manual_seed(seed)
        self.network = build(candidate.architecture, seed).to(self.device)
        self.network.draw_dropout_from(self._dropping)
        self.objective = Objective(candidate.architecture, self.recipe, data.y_train, self.device)
        self._x = self._on_device(data.x_train)
        self._y = self.objective.targets(data.y_train, self.device)
        self._x_validation = self._on_device(data.x_validation)
        self._y_validation = self.objective.targets(data.y_validation, self.device)
        self._optimiser = make_optimiser(self.network, self.recipe)
        self._plateau = Plateau(self.recipe)
        self._averaged = AveragedWeights(self.network, self.recipe.averaging) if self.recipe.averaging else None
        self._best = copy_of(self.network)
        self.batches = batch_bounds(len(self._x), self.recipe.batch_size, candidate.architecture.batch_norm)
        self._bfloat16 = computes_in_bfloat16(self.recipe.precision, self.device)
        self.best_error, self.best_epoch, self.epochs, self.seconds = math.inf, 0, 0, 0.0
        self.stop_reason: str | None = None

    @staticmethod
    def _check(candidate: Candidate, data: TrainingData) -> None:
        if not len(data.x_train) or not len(data.x_validation):
            raise ValueError("training needs rows to train on and rows to validate on")
        if data.x_train.shape[1] != candidate.architecture.input_width:
            raise ValueError(
                f"rows of {data.x_train.shape[1]} values do not fit an input width of "
                f"{candidate.architecture.input_width}"
            )

    def _on_device(self, x: np.ndarray) -> Tensor:
        """On a CPU the array itself and no copy: trials of one node share what Ray holds once, read-only."""
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
            return torch.as_tensor(x, dtype=torch.float32, device=self.device)

    def __iter__(self) -> Iterator[Epoch]:
        while self.stop_reason is None:
            yield self._epoch()

    def _epoch(self) -> Epoch:
        started = time.perf_counter()
        train_error, rate = self.train_epoch()
        validation_error = self._validate()
        if not math.isfinite(train_error) or not math.isfinite(validation_error):
            self.stop_reason = f"loss not finite in epoch {self.epochs + 1}"
            raise NonFiniteLossError(self.stop_reason)
        self.epochs += 1
        improved = validation_error < self.best_error
        if improved:
            self.best_error, self.best_epoch = validation_error, self.epochs
            copy_into(self._best, self._validated_state())
        self._plateau.after_epoch(improved)
        seconds = time.perf_counter() - started
        self.seconds += seconds
        if self.recipe.patience and self.epochs - self.best_epoch >= self.recipe.patience:
            self.stop_reason = "early stopping"
        elif self.epochs >= self.recipe.epochs:
            self.stop_reason = "all epochs"
        return Epoch(self.epochs, train_error, validation_error, rate, seconds)

    def train_epoch(self) -> tuple[float, float]:
        """Train on every row once; (mean error over the rows, last learning rate)."""
        order = torch.randperm(len(self._x), generator=self._shuffling).to(self.device)
        step, steps = self.epochs * len(self.batches), self.recipe.epochs * len(self.batches)
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        rate = self.recipe.learning_rate
        self.network.train()
        for first, last in self.batches:
            rate = (
                self._plateau.rate if self.recipe.schedule == "plateau" else learning_rate_at(self.recipe, step, steps)
            )
            rows = order[first:last]
            total += len(rows) * self._step(self._x[rows], self._y[rows], rate)
            step += 1
            if self._averaged is not None:
                self._averaged.update(self.network, step)
        return total.item() / len(self._x), rate

    def _step(self, x: Tensor, y: Tensor, rate: float) -> Tensor:
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self._bfloat16):
            outputs = self.network(x)
        outputs = outputs.float()
        loss = self.objective.loss(outputs, y)
        loss.backward()
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        with torch.no_grad():
            return self.objective.error(outputs.detach(), y)

    def _validate(self) -> float:
        if self._averaged is None:
            return self._error_on_validation()
        with self._averaged.in_place_of(self.network, self._x):
            return self._error_on_validation()

    def _error_on_validation(self) -> float:
        return self.objective.error(predict(self.network, self._x_validation), self._y_validation).item()

    def _validated_state(self) -> dict[str, Tensor]:
        return self.network.state_dict() if self._averaged is None else self._averaged.state

    def best_network(self) -> Network:
        """A network on the CPU with the weights of the best epoch; its outputs are in the target's unit."""
        network = build(self.candidate.architecture)
        network.load_state_dict(self._best)
        self.objective.fold_into(network)
        return network.eval()

    def save(self, path: Path) -> None:
        """Write all that the rest of the run depends on, but for the data."""
        tensors = {f"network/{name}": value for name, value in self.network.state_dict().items()}
        tensors |= {f"best/{name}": value for name, value in self._best.items()}
        if self._averaged is not None:
            tensors |= {f"averaged/{name}": value for name, value in self._averaged.state.items()}
        tensors |= {f"optimiser/{name}": value for name, value in flatten_state(self._optimiser).items()}
        tensors |= {"random/shuffling": self._shuffling.get_state(), "random/dropping": self._dropping.get_state()}
        checkpoint.write(path, tensors, self._facts())

    def _facts(self) -> dict[str, Any]:
        return {
            "candidate": self.candidate.to_json(),
            "seed": self.seed,
            "progress": {
                "best_error": self.best_error if math.isfinite(self.best_error) else None,
                "best_epoch": self.best_epoch,
                "epochs": self.epochs,
                "seconds": self.seconds,
                "stop_reason": self.stop_reason,
            },
            "plateau": {"rate": self._plateau.rate, "epochs_waited": self._plateau.epochs_waited},
        }

    def restore(self, path: Path) -> None:
        """Go on from where `save` was. Raises CheckpointError where the file is broken or another trial's."""
        tensors, facts = checkpoint.read(path)
        if facts.get("candidate") != self.candidate.to_json() or facts.get("seed") != self.seed:
            raise checkpoint.CheckpointError(f"{path} is of another candidate or seed")
        try:
            self.network.load_state_dict(under("network/", tensors))
            self._best = {name: value.to(self.device) for name, value in under("best/", tensors).items()}
            if self._averaged is not None:
                copy_into(self._averaged.state, under("averaged/", tensors))
            restore_state(self._optimiser, under("optimiser/", tensors))
            self._shuffling.set_state(tensors["random/shuffling"])
            self._dropping.set_state(tensors["random/dropping"])
            for name, value in facts["progress"].items():
                setattr(self, name, value)
            self.best_error = math.inf if self.best_error is None else self.best_error
            self._plateau.rate = facts["plateau"]["rate"]
            self._plateau.epochs_waited = facts["plateau"]["epochs_waited"]
        except (KeyError, ValueError, RuntimeError) as error:
            raise checkpoint.CheckpointError(f"{path} does not fit this trial: {error}") from error


def batch_bounds(rows: int, batch_size: int, batch_norm: bool) -> list[tuple[int, int]]:
    """First and last+1 row of each batch; the last one may be short.

    Batch norm cannot train on one row, so there a single row left over joins the batch before it.
    """
    bounds = [(first, min(first + batch_size, rows)) for first in range(0, rows, batch_size)]
    if batch_norm and len(bounds) > 1 and bounds[-1][1] - bounds[-1][0] == 1:
        bounds[-2:] = [(bounds[-2][0], rows)]
    return bounds


def under(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors whose names begin with `prefix`, under the rest of their names."""
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}
