"""Traditional models in use: fitted again from the search's data at registration, and kept without pickle.

skops writes scikit-learn's objects as arrays and JSON, and reads back those of named types alone, so that a file runs
no code. Trees are read as they stand; their file has to be the one that was written, by its digest.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import skops.io
import torch
from threadpoolctl import threadpool_limits
from torch import Tensor

from models.checkpoint import CheckpointError, refuse_inflated
from models.ensemble import shares_of

TRUSTED = (
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
)
"""What our families hold beyond the types that skops trusts by itself; none of these runs code of the file's."""

_ONE_AT_A_TIME = threading.Lock()
"""The limit of threads is the whole process's."""


class Fitted:
    """Fitted models with their weights (sum 1) that answer as one; with the face of `models.ensemble.Ensemble`.

    `models` are scikit-learn's; no answer of theirs is below `floor`. Raises ValueError where there is none, or the
    weights do not fit them.
    """

    def __init__(self, models: Sequence[Any], floor: float | None, weights: Sequence[float]) -> None:
        self.models, self.floor = tuple(models), floor
        self.weights = shares_of(len(models), weights)

    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Weighted mean and standard deviation of the models' values, each float32 (rows, 1), in the target's unit."""
        with _ONE_AT_A_TIME, threadpool_limits(1):  # of equally near neighbours the number of threads decides
            values = np.stack([np.asarray(model.predict(x.numpy())).reshape(len(x)) for model in self.models])
        values = values if self.floor is None else np.maximum(values, self.floor)
        weights = np.array(self.weights)[:, None]
        mean = (weights * values).sum(axis=0)
        spread = np.sqrt((weights * (values - mean) ** 2).sum(axis=0))
        return torch.from_numpy(mean.astype(np.float32)[:, None]), torch.from_numpy(spread.astype(np.float32)[:, None])

    def save(self, folder: Path) -> dict[str, Any]:
        """Write a file a model; what `load` has to know of them, JSON-able."""
        digests = []
        for number, model in enumerate(self.models):
            skops.io.dump(model, folder / name_of(number))
            digests.append(digest_of(folder / name_of(number)))
        return {"digests": digests, "floor": self.floor}

    @classmethod
    def load(cls, folder: Path, facts: Mapping[str, Any], weights: Sequence[float]) -> Self:
        """What `save` wrote. Raises CheckpointError, KeyError, TypeError, ValueError."""
        models, floor = [], facts["floor"]
        if floor is not None and not math.isfinite(floor):
            raise ValueError(f"no answer can be as low as {floor}")
        for number, digest in enumerate(facts["digests"]):
            path = folder / name_of(number)
            if digest_of(path) != digest:
                raise CheckpointError(f"{path} is not the file that was written")
            try:
                refuse_inflated(path)
                models.append(skops.io.load(path, trusted=TRUSTED))
            except Exception as error:  # damaged or strange content brings many kinds out of zipfile, json and skops
                raise CheckpointError(f"{path} cannot be read as a fitted model: {error}") from error
        return cls(models, floor, weights)


def name_of(number: int) -> str:
    """The file of a model."""
    return f"estimator-{number}.skops"


def digest_of(path: Path) -> str:
    """Of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
