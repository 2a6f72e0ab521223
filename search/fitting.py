"""Traditional models: what an `Estimator` is in scikit-learn, and a trial that fits one.

A fit under way has no state that could be kept, so a trial that is stopped in one begins it again. A fitted forest of a
large table takes up to a gigabyte, so a search keeps none either, but what it predicts on the validation rows: the same
rows, settings and seed give the same model again, which is what registering one does.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits
from torch import Tensor

from models import checkpoint
from models.candidate import Candidate
from models.data import TrainingData
from models.estimator import Estimator
from models.run import Epoch, NonFiniteLossError, Run, RunState

ROWS_FACTOR = 3
"""Each part of a trial takes so many times the rows of the one before; the last takes all."""

LEAST_ROWS = 50
"""Of a part: more than any family's neighbours or folds, so that what can be fitted to all rows fits to a part."""

ONE_THREAD = frozenset({"k_neighbours"})
"""Families fitted and asked on one thread: which of equally near neighbours counts depends on their number."""

ROWS_TO_JUDGE = 5_000
"""Training rows at most on which the training error is measured: neighbours take as long to ask as to validate."""

PREDICTED = "predicted"
"""Predictions among the arrays of a file."""


def rows_of_part(estimator: Estimator, rows: int, part: int, parts: int) -> int:
    """How many of the training rows, the first of their random order, part number `part` (from 1) of a trial takes."""
    share = max(math.ceil(rows / int(ROWS_FACTOR ** (parts - part))), min(rows, LEAST_ROWS))
    return min(share, estimator.most_rows or share)


@dataclass(frozen=True)
class FittedModel:
    """scikit-learn's fitted estimator, asked on so many threads; no answer is below the floor."""

    estimator: Any
    floor: float | None
    threads: int

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Predictions float32 (rows,) of x (rows, inputs), in the target's unit."""
        with threadpool_limits(self.threads):
            values = np.asarray(self.estimator.predict(x), dtype=np.float32).reshape(len(x))
        return values if self.floor is None else np.maximum(values, np.float32(self.floor))


def fit(candidate: Candidate, data: TrainingData, seed: int, threads: int, rows: int) -> FittedModel:
    """Fit to the first `rows` of the training rows. Raises ValueError for what scikit-learn cannot fit."""
    assert candidate.estimator is not None
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - searches of networks need not wait for it

    from search.estimators import make  # noqa: PLC0415

    threads = 1 if candidate.estimator.family in ONE_THREAD else threads
    model = make(candidate.estimator, seed, threads)
    with threadpool_limits(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an error on validation is what says if it was enough
        model.fit(data.x_train[:rows], data.y_train[:rows])
    return FittedModel(model, candidate.architecture.floor, threads)


def refit(candidate: Candidate, data: TrainingData, seed: int, threads: int) -> FittedModel:
    """The model that a finished trial was judged by."""
    assert candidate.estimator is not None
    return fit(candidate, data, seed, threads, rows_of_part(candidate.estimator, len(data.x_train), 1, 1))


class FittingRun(Run):
    """A trial of a traditional model, with the face of a `TrainingRun`: an epoch is a fit to more rows than the last.

    With `recipe.epochs` parts the last takes all training rows and each before it a third of the next, so that a
    scheduler can stop a poor model before its dear fit. The error that counts is that of the last fit.
    """

    def __init__(self, candidate: Candidate, data: TrainingData, seed: int = 0, threads: int = 1) -> None:
        self.candidate, self.recipe, self.seed = candidate, candidate.recipe, seed
        self._data, self._threads = data, threads
        self._predicted = np.zeros(0, np.float32)  # on the validation rows, (rows,), by the last fit
        self.state = RunState()

    def epoch(self) -> Epoch:
        """Fit to the next part of the rows. Raises NonFiniteLossError, and ValueError for what cannot be fitted."""
        assert self.candidate.estimator is not None
        started, data = time.perf_counter(), self._data
        rows = rows_of_part(self.candidate.estimator, len(data.x_train), self.state.epochs + 1, self.recipe.epochs)
        predict = fit(self.candidate, data, self.seed, self._threads, rows)
        self._predicted = predict(data.x_validation)
        error = mean_absolute_error(self._predicted, data.y_validation)
        judged = min(rows, ROWS_TO_JUDGE)
        train_error = mean_absolute_error(predict(data.x_train[:judged]), data.y_train[:judged])
        if not math.isfinite(error):
            self.state = self.state.stopped("predictions not finite")
            raise NonFiniteLossError(self.state.stop_reason)
        seconds = time.perf_counter() - started
        epochs = self.state.epochs + 1
        reason = "fitted" if epochs >= self.recipe.epochs else None
        self.state = RunState(epochs, error, epochs, self.state.seconds + seconds, reason)
        return Epoch(epochs, train_error, error, 0.0, seconds)

    def save(self, path: Path) -> None:
        """Write which parts are done; the models themselves are not kept."""
        facts = {"candidate": self.candidate.to_json(), "seed": self.seed, "progress": self.state.to_facts()}
        checkpoint.write(path, {PREDICTED: torch.from_numpy(self._predicted)}, facts)

    def save_predicted(self, path: Path) -> None:
        """Write the validation rows' predictions by the last fit, for `load_predicted`."""
        checkpoint.write(path, {PREDICTED: torch.from_numpy(self._predicted)}, {"seed": self.seed})

    def restore(self, path: Path) -> None:
        """Go on after the parts that were done. Raises CheckpointError where the file is broken or another trial's."""
        tensors, facts = checkpoint.read(path)
        if facts.get("candidate") != self.candidate.to_json() or facts.get("seed") != self.seed:
            raise checkpoint.CheckpointError(f"{path} is of another candidate or seed")
        self._predicted = predicted_in(tensors, path)
        self.state = RunState.from_facts(facts["progress"])


def load_predicted(path: Path) -> NDArray[np.float32]:
    """The validation rows' predictions, (rows,) in the target's unit, that a trial left. Raises CheckpointError."""
    return predicted_in(checkpoint.read(path)[0], path)


def predicted_in(tensors: Mapping[str, Tensor], path: Path) -> NDArray[np.float32]:
    """Of a file's arrays. Raises CheckpointError where there are none."""
    if PREDICTED not in tensors:
        raise checkpoint.CheckpointError(f"{path} holds no predictions")
    predicted: NDArray[np.float32] = tensors[PREDICTED].numpy()
    return predicted


def mean_absolute_error(predicted: NDArray[np.float32], y: NDArray[np.float32]) -> float:
    """Of predictions (rows,) against y (rows,), in their unit."""
    return float(np.abs(predicted.astype(np.float64) - y).mean())
