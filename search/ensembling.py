"""The ensemble that a search ends with: chosen greedily on validation from the networks of all its trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from models.architecture import Task
from models.checkpoint import load_network
from models.ensemble import select
from models.network import Network, predict
from search.data import Part, Split
from search.ensemble_record import in_words, write
from search.judging import error_of, scores
from search.labels import name_of
from search.results import TrialResult
from search.store import download_weights
from search.temperature import temperature_for
from search.tracking import Tracker

MOST_CONSIDERED = 50
"""Networks, the best by validation, that an ensemble is chosen from: each is loaded and asked for all of validation."""

Load = Callable[[TrialResult], Network]


class NothingFitsError(ValueError):
    """No network is small enough."""


@dataclass(frozen=True)
class Pick:
    """Networks of a search with their weights (sum 1), the heaviest first.

    `validation_error` is the ensemble's as it answers in use, which is a classifier's mean logits divided by the
    `temperature` that is best on validation (1 for a regression's values). `considered` of the search's `trained`
    networks were looked at.
    """

    results: tuple[TrialResult, ...]
    weights: tuple[float, ...]
    validation_error: float
    temperature: float
    considered: int
    trained: int

    @property
    def parameters(self) -> int:
        """Of all members together."""
        return sum(parameters_of(result) for result in self.results)


def parameters_of(result: TrialResult) -> int:
    """Of a trial's network."""
    return result.candidate.architecture.parameter_count()


def networks_of(results: Iterable[TrialResult]) -> list[TrialResult]:
    """The trials that left a network, the best by validation first."""
    left = [result for result in results if result.failure is None and result.candidate.estimator is None]
    return sorted(left, key=lambda result: result.best_error)


def pick(
    results: Iterable[TrialResult], load: Load, validation: Part, members: int, most_parameters: int | None = None
) -> Pick:
    """The greedy ensemble of at most so many different networks, with at most so many parameters together.

    Raises ValueError where there is no network, NothingFitsError where each has more parameters than that.
    """
    trained = networks_of(results)
    if not trained:
        raise ValueError("no trial of this search came to a network")
    small = [result for result in trained if most_parameters is None or parameters_of(result) <= most_parameters]
    if not small:
        least = min(map(parameters_of, trained))
        raise NothingFitsError(f"no network has {most_parameters:,} parameters or fewer: the smallest has {least:,}")
    considered = small[:MOST_CONSIDERED]
    # One network at a time is in memory and on disk; of all, only what they predict.
    library = np.stack([_outputs(load(result), validation.x) for result in considered])
    task = considered[0].candidate.task

    def error(outputs: NDArray[np.float64]) -> float:
        return error_of(outputs / temperature_of(outputs, validation, task), validation, task)

    counts = select(library, error, members, [parameters_of(result) for result in considered], most_parameters)
    chosen = [int(place) for place in np.argsort(-counts, kind="stable") if counts[place]]
    weights = counts[chosen] / counts.sum()
    outputs = np.tensordot(weights, library[chosen], 1)
    return Pick(
        tuple(considered[place] for place in chosen),
        tuple(float(weight) for weight in weights),
        error(outputs),
        temperature_of(outputs, validation, task),
        len(considered),
        len(trained),
    )


def temperature_of(outputs: NDArray[np.float64], validation: Part, task: Task) -> float:
    """What an ensemble's mean outputs are divided by: a classifier's logits as in `search.inference.classifier`."""
    return 1.0 if task == "regression" else temperature_for(outputs, validation.y.astype(np.int64))


def _outputs(network: Network, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values or logits, (rows, output_width)."""
    outputs: NDArray[np.float32] = predict(network, torch.from_numpy(x)).numpy()
    return outputs


def outputs_of(chosen: Pick, load: Load, part: Part) -> NDArray[np.float64]:
    """The ensemble's mean values or logits on a part of the data, (rows, output_width)."""
    members = np.stack([_outputs(load(result), part.x) for result in chosen.results])
    mean: NDArray[np.float64] = np.tensordot(np.array(chosen.weights), members, 1)
    return mean


def finish(results: Sequence[TrialResult], winner_test: float, split: Split, tracker: Tracker) -> list[str]:
    """Choose the ensemble of a search that ends, test it, write it to MLflow; what to tell, in lines.

    Nothing where the search is told to choose none, or has one network or fewer.
    """
    config = tracker.config
    if not config.ensemble or len(networks_of(results)) < 2:
        return []
    with TemporaryDirectory(prefix="branchsearch-") as folder:

        def load(result: TrialResult) -> Network:
            path = download_weights(tracker.client, tracker.children[result.trial_id], Path(folder))
            try:
                return load_network(path)[0]
            finally:
                path.unlink()

        try:
            chosen = pick(results, load, split.validation, config.ensemble, config.ensemble_parameters)
        except NothingFitsError as error:
            return [f"No ensemble was chosen: {error} (ensemble_parameters=)."]
        outputs = outputs_of(chosen, load, split.test)  # which had no part in choosing it
    test = scores(outputs / chosen.temperature, split.test, split.classes)
    about = described(chosen, test, winner_test, split.unit, tracker)
    if split.classes:  # for comparison with single networks, whose errors in a search are those of their bare logits
        bare = error_of(outputs, split.test, "classification")
        about |= {"temperature": chosen.temperature, f"uncalibrated_test_{tracker.error_name}": bare}
    write(about, tracker)
    return in_words(about)


def described(
    chosen: Pick, test: Mapping[str, float], winner_test: float, unit: str, tracker: Tracker
) -> dict[str, Any]:
    """The ensemble as JSON holds it, with its scores on the test set; errors in the target's unit."""
    base, error = tracker.config.recipe, tracker.error_name
    return {
        "error": error,
        "members": [
            {
                "network": name_of(result.candidate, base),
                "seed": result.seed,
                "weight": weight,
                "parameters": parameters_of(result),
                f"validation_{error}": result.best_error,
                "run": tracker.children[result.trial_id],
            }
            for result, weight in zip(chosen.results, chosen.weights, strict=True)
        ],
        "parameters": chosen.parameters,
        f"validation_{error}": chosen.validation_error,
        **{f"test_{name}": value for name, value in test.items()},
        f"winner_test_{error}": winner_test,
        "unit": unit,
        "considered": chosen.considered,
        "trained": chosen.trained,
        "at_most": tracker.config.ensemble,
        "parameter_budget": tracker.config.ensemble_parameters,
    }
