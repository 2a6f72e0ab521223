"""How a trained candidate does on a part of the data: its error, and what else people ask of a classifier."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import log_softmax  # type: ignore[import-untyped]

from models.architecture import Task
from models.candidate import Candidate
from models.checkpoint import load_network
from models.network import predict
from search.data import Part, Split
from search.fitting import load_predicted, refit
from search.progress import duration
from search.results import TrialResult
from search.targets import training_data

Answer = Callable[[NDArray[np.float32]], NDArray[np.float64]]
"""x (rows, 86) -> outputs (rows, output_width): values in the target's unit, or the classes' logits."""


SECONDS_TO_MENTION = 10.0


def answer_of(candidate: Candidate, seed: int, split: Split, product: Callable[[], Path]) -> Answer:
    """What a finished trial made: its network from the file that `product` brings, or its estimator fitted again."""
    if candidate.estimator is not None:
        fitted = refit(candidate, training_data(split), seed, threads=1)
        return lambda x: fitted(x)[:, None].astype(np.float64)
    network, _ = load_network(product())
    return lambda x: predict(network, torch.from_numpy(x)).numpy().astype(np.float64)


Fetch = Callable[[TrialResult, Path], Path]
"""Brings a copy of what a trial left (`search.checkpoints.product_of`) into a folder."""


def on_validation(result: TrialResult, validation: Part, fetch: Fetch) -> NDArray[np.float32]:
    """What a finished trial's model answers on the validation rows, (rows, output_width): values or logits.

    Of an estimator as it answered in its trial, which is not fitted again for it. Raises CheckpointError.
    """
    with TemporaryDirectory(prefix="branchsearch-") as folder:
        path = fetch(result, Path(folder))
        if result.candidate.estimator is not None:
            return load_predicted(path)[:, None]
        outputs: NDArray[np.float32] = predict(load_network(path)[0], torch.from_numpy(validation.x)).numpy()
        return outputs


class Tested:
    """What trials' models answer on the test set of a search that ends, each asked once.

    `tell` hears of what takes long: an estimator is fitted again, as its trial kept none.
    """

    def __init__(self, split: Split, fetch: Fetch, tell: Callable[[str], None] = lambda _: None) -> None:
        self.split = split
        self._fetch, self._tell = fetch, tell
        self._outputs: dict[str, NDArray[np.float64]] = {}

    def outputs(self, result: TrialResult) -> NDArray[np.float64]:
        """Values in the target's unit or logits, (rows, output_width)."""
        if result.trial_id not in self._outputs:
            if result.candidate.estimator is not None and result.seconds > SECONDS_TO_MENTION:
                took = duration(result.seconds)
                self._tell(f"{result.candidate}, seed {result.seed}, is fitted again for the test set (first: {took})")
            with TemporaryDirectory(prefix="branchsearch-") as folder:
                fetch = partial(self._fetch, result, Path(folder))
                answer = answer_of(result.candidate, result.seed, self.split, fetch)
                self._outputs[result.trial_id] = answer(self.split.test.x)
        return self._outputs[result.trial_id]


def error_of(outputs: NDArray[np.float64], part: Part, task: Task) -> float:
    """The error that selects (`models.objective.ERROR_NAMES`), of outputs (rows, output_width): of values their mean
    absolute error in the target's unit, of logits their cross-entropy in nats a row."""
    if task == "regression":
        return float(np.abs(outputs[:, 0] - part.y).mean())
    return float(-log_softmax(outputs, axis=1)[np.arange(len(part)), part.y.astype(np.int64)].mean())


def scores(outputs: NDArray[np.float64], part: Part, classes: tuple[str, ...]) -> dict[str, float]:
    """Of outputs (rows, output_width): the selecting error first, then the rest.

    mae of a regression, in the target's unit. Of a classification cross_entropy in nats a row, accuracy, f1 (the
    unweighted mean over the classes that occur) and roc_auc (one class against the rest, the unweighted mean over the
    classes that the part has rows inside and outside of; left out where there are none).
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
        "f1": float(f1_score(y, chosen, labels=np.unique(y), average="macro", zero_division=0.0)),
    }
    areas = [roc_auc_score(y == number, logs[:, number]) for number in np.unique(y) if (y != number).any()]
    return {**found, "roc_auc": float(np.mean(areas))} if areas else found
