"""The ensemble that a search ends with: chosen greedily on validation from the models of all its trials."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.architecture import Task
from models.ensemble import select
from search.data import Part
from search.ensemble_record import in_words, write
from search.judging import Tested, error_of, on_validation, scores
from search.labels import name_of
from search.results import TrialResult
from search.temperature import temperature_for
from search.tracking import Tracker

MOST_CONSIDERED = 50
"""Models, the best by validation, that an ensemble is chosen from: each network is asked for all of validation."""

Outputs = Callable[[TrialResult], NDArray[np.floating]]
"""A trial -> what its model answers on a part of the data, (rows, output_width): values or logits."""


class NothingFitsError(ValueError):
    """No network is small enough."""


@dataclass(frozen=True)
class Pick:
    """Models of a search with their weights (sum 1), the heaviest first.

    `validation_error` is the ensemble's as it answers in use, which is a classifier's mean logits divided by the
    `temperature` that is best on validation (1 for a regression's values). `considered` of the search's `trained`
    models were looked at.
    """

    results: tuple[TrialResult, ...]
    weights: tuple[float, ...]
    validation_error: float
    temperature: float
    considered: int
    trained: int

    @property
    def parameters(self) -> int | None:
        """Of all members together; None of traditional models."""
        return None if is_of_estimators(self.results) else sum(map(parameters_of, self.results))


def is_of_estimators(results: Sequence[TrialResult]) -> bool:
    """Whether these are traditional models, of which no number of parameters is known."""
    return any(result.candidate.estimator is not None for result in results)


def parameters_of(result: TrialResult) -> int:
    """Of a trial's network; 0 of a traditional model."""
    return result.candidate.parameter_count() or 0


def models_of(results: Iterable[TrialResult]) -> list[TrialResult]:
    """The trials that came to a model, the best by validation first."""
    return sorted((result for result in results if result.has_model), key=lambda result: result.best_error)


def pick(
    results: Iterable[TrialResult], outputs: Outputs, validation: Part, members: int, most_parameters: int | None = None
) -> Pick:
    """The greedy ensemble of at most so many different models, with at most so many parameters together.

    `outputs` are on the validation set. Raises ValueError where there is no model or a limit for traditional ones,
    NothingFitsError where each network has more parameters than that.
    """
    trained = models_of(results)
    if not trained:
        raise ValueError("no trial of this search came to a model")
    if most_parameters is not None and is_of_estimators(trained):
        raise NothingFitsError("traditional models have no number of parameters that could be limited")
    small = [result for result in trained if most_parameters is None or parameters_of(result) <= most_parameters]
    if not small:
        least = min(map(parameters_of, trained))
        raise NothingFitsError(f"no network has {most_parameters:,} parameters or fewer: the smallest has {least:,}")
    considered = small[:MOST_CONSIDERED]
    # One network at a time is in memory and on disk; of all, only what they predict.
    library = np.stack([outputs(result) for result in considered])
    task = considered[0].candidate.task

    def error(outputs: NDArray[np.float64]) -> float:
        return error_of(outputs / temperature_of(outputs, validation, task), validation, task)

    counts = select(library, error, members, [parameters_of(result) for result in considered], most_parameters)
    chosen = [int(place) for place in np.argsort(-counts, kind="stable") if counts[place]]
    weights = counts[chosen] / counts.sum()
    mean = np.tensordot(weights, library[chosen], 1)
    return Pick(
        tuple(considered[place] for place in chosen),
        tuple(float(weight) for weight in weights),
        error(mean),
        temperature_of(mean, validation, task),
        len(considered),
        len(trained),
    )


def temperature_of(outputs: NDArray[np.float64], validation: Part, task: Task) -> float:
    """What an ensemble's mean outputs are divided by: a classifier's logits as in `search.inference.classifier`."""
    return 1.0 if task == "regression" else temperature_for(outputs, validation.y.astype(np.int64))


def finish(results: Sequence[TrialResult], winner_test: float, tested: Tested, tracker: Tracker) -> list[str]:
    """Choose the ensemble of a search that ends, test it, write it to MLflow; what to tell, in lines.

    Nothing where the search is told to choose none, or has one model or fewer.
    """
    config, split = tracker.config, tested.split
    if not config.ensemble:
        return []
    # a search that goes on may have traditional models of an earlier version
    models = [r for r in models_of(results) if r.candidate.estimator is None or tracker.has_product(r)]
    if len(models) < 2:
        return []
    try:
        outputs_of = partial(on_validation, validation=split.validation, fetch=tracker.product)
        chosen = pick(models, outputs_of, split.validation, config.ensemble, config.ensemble_parameters)
    except ValueError as error:
        limit = " (ensemble_parameters=)" if isinstance(error, NothingFitsError) else ""
        return [f"No ensemble was chosen: {error}{limit}."]
    # the test set had no part in choosing it
    outputs = np.tensordot(np.array(chosen.weights), np.stack([tested.outputs(r) for r in chosen.results]), 1)
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
                "parameters": result.candidate.parameter_count(),
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
