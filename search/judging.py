"""How a trained candidate does on a part of the data: its error, and what else people ask of a classifier."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax  # type: ignore[import-untyped]

from models.architecture import Task
from models.candidate import Candidate
from models.checkpoint import load_network
from models.network import predict
from search.data import Part, Split
from search.fitting import refit
from search.targets import training_data

Answer = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""x (rows, 86) -> outputs (rows, output_width): values in the target's unit, or the classes' logits."""


def answer_of(candidate: Candidate, seed: int, split: Split, weights: Callable[[], Path]) -> Answer:
    """What a finished trial made: its network from the file that `weights` brings, or its estimator fitted again."""
    if candidate.estimator is not None:
        fitted = refit(candidate, training_data(split), seed, threads=1)
        return lambda x: fitted(x)[:, None].astype(np.float64)
    network, _ = load_network(weights())
    return lambda x: predict(network, torch.from_numpy(x)).numpy().astype(np.float64)


def error_of(outputs: NDArray[np.float64], part: Part, task: Task) -> float:
    """The error that selects (`models.objective.ERROR_NAMES`), of outputs (rows, output_width): of values their mean
    absolute error in the target's unit, of logits their cross-entropy in nats a row."""
    if task == "regression":
        return float(np.abs(outputs[:, 0] - part.y).mean())
    return float(-log_softmax(outputs, axis=1)[np.arange(len(part)), part.y.astype(np.int64)].mean())


def scores(outputs: NDArray[np.float64], part: Part, classes: tuple[str, ...]) -> dict[str, float]:
    """Of outputs (rows, output_width): the selecting error first, then the rest.

    mae of a regression, in the target's unit. Of a classification cross_entropy in nats a row, accuracy, f1 (the
    unweighted mean over the classes) and roc_auc (one class against the rest, the unweighted mean over the classes
    that the part has rows inside and outside of; left out where there are none).
    """
    if not classes:
        return {"mae": error_of(outputs, part, "regression")}
    from sklearn.metrics import accuracy_score, f1_score, roc_auc_score  # noqa: PLC0415 - it takes a second to import

    y = part.y.astype(np.int64)
    logs = log_softmax(outputs, axis=1)
    chosen = outputs.argmax(axis=1)
    found = {
        "cross_entropy": error_of(outputs, part, "classification"),
        "accuracy": float(accuracy_score(y, chosen)),
        "f1": float(f1_score(y, chosen, average="macro", zero_division=0.0)),
    }
    areas = [roc_auc_score(y == number, logs[:, number]) for number in np.unique(y) if (y != number).any()]
    return {**found, "roc_auc": float(np.mean(areas))} if areas else found
