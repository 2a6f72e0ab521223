"""The ensemble that a search ends with: chosen greedily on validation from the networks of all its trials."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray

from models.checkpoint import load_network
from models.ensemble import select
from models.network import Network, predict
from search.data import Part, Split
from search.labels import counted, name_of, with_unit
from search.report.wording import count, number
from search.results import TrialResult
from search.store import download_weights
from search.tracking import Tracker

ARTIFACT = "ensemble.json"
"""The ensemble among the artifacts of the search's run, as `described` has it."""

MOST_CONSIDERED = 50
"""Networks, the best by validation, that an ensemble is chosen from: each is loaded and asked for all of validation."""

HONEST = (
    "The members were chosen by the validation error, which is therefore a little too good; the test error decided "
    "nothing and is the honest one."
)

Load = Callable[[TrialResult], Network]


class NothingFitsError(ValueError):
    """No network is small enough."""


@dataclass(frozen=True)
class Pick:
    """Networks of a search with their weights (sum 1), the heaviest first.

    `validation_error` is the ensemble's mean absolute error; `considered` of the search's `trained` networks were
    looked at.
    """

    results: tuple[TrialResult, ...]
    weights: tuple[float, ...]
    validation_error: float
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
    library = np.stack([_values(load(result), validation.x) for result in considered])
    counts = select(library, validation.y, members, [parameters_of(result) for result in considered], most_parameters)
    chosen = [int(place) for place in np.argsort(-counts, kind="stable") if counts[place]]
    weights = counts[chosen] / counts.sum()
    return Pick(
        tuple(considered[place] for place in chosen),
        tuple(float(weight) for weight in weights),
        float(np.abs(weights @ library[chosen] - validation.y).mean()),
        len(considered),
        len(trained),
    )


def _values(network: Network, x: NDArray[np.float32]) -> NDArray[np.float64]:
    """A regression's answers, (rows,)."""
    values: NDArray[np.float64] = predict(network, torch.from_numpy(x))[:, 0].numpy().astype(np.float64)
    return values


def error_on(chosen: Pick, load: Load, part: Part) -> float:
    """The ensemble's mean absolute error on a part of the data."""
    values = [
        weight * _values(load(result), part.x) for result, weight in zip(chosen.results, chosen.weights, strict=True)
    ]
    return float(np.abs(np.sum(values, axis=0) - part.y).mean())


def finish(results: Sequence[TrialResult], winner_test: float, split: Split, tracker: Tracker) -> list[str]:
    """Choose the ensemble of a search that ends, test it, write it to MLflow; what to tell, in lines.

    Nothing where the search is told to choose none, or has one network or fewer.
    """
    config = tracker.config
    if not config.ensemble or len(networks_of(results)) < 2:
        return []
    if split.classes:
        return ["No ensemble was chosen: ensembles are of regressions."]
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
        test = error_on(chosen, load, split.test)  # which had no part in choosing it
    about = described(chosen, test, winner_test, split.unit, tracker)
    write(about, tracker)
    return in_words(about)


def described(chosen: Pick, test: float, winner_test: float, unit: str, tracker: Tracker) -> dict[str, Any]:
    """The ensemble as JSON holds it; errors in the target's unit."""
    base = tracker.config.recipe
    return {
        "members": [
            {
                "network": name_of(result.candidate, base),
                "seed": result.seed,
                "weight": weight,
                "parameters": parameters_of(result),
                "validation_mae": result.best_error,
                "run": tracker.children[result.trial_id],
            }
            for result, weight in zip(chosen.results, chosen.weights, strict=True)
        ],
        "parameters": chosen.parameters,
        "validation_mae": chosen.validation_error,
        "test_mae": test,
        "winner_test_mae": winner_test,
        "unit": unit,
        "considered": chosen.considered,
        "trained": chosen.trained,
        "at_most": tracker.config.ensemble,
        "parameter_budget": tracker.config.ensemble_parameters,
    }


def in_words(about: dict[str, Any]) -> list[str]:
    """What an ensemble is and does, in lines; of `described`."""
    members, unit = about["members"], about["unit"]
    validation, test = (with_unit(number(about[name]), unit) for name in ("validation_mae", "test_mae"))
    winner = number(about["winner_test_mae"])
    if len(members) == 1:
        only = members[0]
        alone = f"{only['network']}, seed {only['seed']}, alone"
        return [
            f"No ensemble has a lower validation MAE than {alone}: {validation}; its test MAE is {test}; the winner's "
            f"networks have {winner} on the test set."
        ]
    budget = about["parameter_budget"]
    of_best = f"the best {about['considered']} of " if about["considered"] < about["trained"] else ""
    limit = "" if budget is None else f" and {budget:,} parameters"
    return [
        f"Ensemble of {len(members)}, {counted(about['parameters'])} parameters, chosen greedily on validation from "
        f"{of_best}{count(about['trained'], 'network')} (at most {about['at_most']} members{limit}):",
        *(f"  {member['weight']:.2f} x {member['network']}, seed {member['seed']}" for member in members),
        f"Its validation MAE is {validation}, its test MAE {test}; the winner's networks have {winner} on the test "
        f"set. {HONEST}",
    ]


def write(about: dict[str, Any], tracker: Tracker) -> None:
    """The ensemble as artifacts and metrics of the search's run."""
    client, parent, now = tracker.client, tracker.parent, int(time.time() * 1000)
    values = {
        "ensemble_validation_mae": about["validation_mae"],
        "ensemble_test_mae": about["test_mae"],
        "ensemble_parameters": about["parameters"],
    }
    client.log_batch(parent, [Metric(key, float(value), now, 0) for key, value in values.items()])
    client.log_text(parent, json.dumps(about, indent=1), ARTIFACT)
    heads = ("weight", "network", "seed", "parameters", "validation MAE")
    rows = [
        (f"{m['weight']:.3f}", m["network"], str(m["seed"]), counted(m["parameters"]), number(m["validation_mae"]))
        for m in about["members"]
    ]
    lines = [line.strip() for line in in_words(about) if not line.startswith("  ")]
    table = "\n".join("| " + " | ".join(row) + " |" for row in (heads, ("---",) * len(heads), *rows))
    client.log_text(parent, "\n\n".join(lines) + f"\n\n{table}\n", "ensemble.md")


def logged(client: MlflowClient, run_id: str) -> dict[str, Any] | None:
    """The ensemble of a finished search, as `described`; None where it chose none."""
    with TemporaryDirectory(prefix="branchsearch-") as folder:
        try:
            path = Path(client.download_artifacts(run_id, ARTIFACT, folder))
        except (MlflowException, OSError):
            return None
        about: dict[str, Any] = json.loads(path.read_text())
        return about
