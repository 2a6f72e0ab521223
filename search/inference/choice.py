"""Which trials of a search become a model: the winner's seeds, a person's own choice, or a greedy ensemble."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import numpy as np
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from models.checkpoint import CheckpointError, load_network
from models.ensemble import Ensemble
from models.network import Network
from search.data import Part, Split
from search.ensemble_record import logged
from search.ensembling import pick
from search.errors import UserError
from search.fitting import refit
from search.history import PastSearch
from search.inference.members import Members
from search.judging import on_validation
from search.labels import part_in_words
from search.results import TrialResult
from search.targets import training_data

T = TypeVar("T")

Tell = Callable[[str], object]
"""Takes what is done now, in words, for somebody who waits."""


def say_nothing(doing: str) -> None:
    """For nobody who waits."""


@dataclass(frozen=True)
class Choice:
    """Trials of a search with their weights (sum 1), and in words how they were chosen."""

    results: tuple[TrialResult, ...]
    weights: tuple[float, ...]
    how: str


def choose_winner(past: PastSearch) -> Choice:
    """All seeds of the candidate that ranks first by validation, each with the same weight."""
    standings = past.standings
    results = standings[0].models if standings else ()
    if not results:
        raise UserError("no trial of this search came to a model: there is nothing to register")
    how = "the winner by validation" + (f", its {len(results)} seeds together" if len(results) > 1 else "")
    return Choice(results, tuple(1 / len(results) for _ in results), how)


def choose_trial(past: PastSearch, run_id: str) -> Choice:
    """One trial, by the id of its run in MLflow. Raises UserError where there is none that came to a model."""
    found = [result for result, run in past.trials if run.info.run_id == run_id]
    if not found:
        raise UserError(f"trial={run_id} is no trial of this search that has ended: its id is on MLflow's page")
    if found[0].failure is not None:
        raise UserError(f"trial={run_id} failed ({found[0].failure}): it came to no model")
    if not found[0].has_model:
        raise UserError(f"trial={run_id} was stopped when it was fitted to part of the rows: choose one of all rows")
    if not past.config.is_final(found[0].candidate):
        part = part_in_words(found[0].candidate.recipe.train_part)
        raise UserError(f"trial={run_id} was trained on {part} to see whether it is worth more: choose one on all rows")
    return Choice((found[0],), (1.0,), "chosen by a person")


def choose_best(
    past: PastSearch, members: int, validation: Part, most_parameters: int | None = None, tell: Tell = say_nothing
) -> Choice:
    """An ensemble of at most so many models and parameters, chosen greedily on validation from all trials and seeds.

    Raises UserError where no network is small enough.
    """
    numbers = itertools.count(1)

    def outputs(result: TrialResult) -> NDArray[np.float32]:
        tell(f"asking model {next(numbers)} on {len(validation):,} validation rows, then choosing")
        return _brought(past, result, partial(on_validation, result, validation, past.product))

    try:
        found = pick((result for result, _ in past.finals), outputs, validation, members, most_parameters)
    except ValueError as error:
        raise UserError(f"{error}: there is nothing to register") from error
    limit = "" if most_parameters is None else f" with {most_parameters:,} parameters together"
    best = f"the best {found.considered} of " if found.considered < found.trained else ""
    how = f"chosen greedily on validation from {best}{found.trained} models, at most {members}{limit}"
    return Choice(found.results, found.weights, how)


def choose_ensemble(past: PastSearch) -> Choice:
    """The very ensemble that the search chose at its end. Raises UserError where it chose none."""
    about = logged(past.client, past.parent.info.run_id)
    if about is None:
        raise UserError(
            "this search chose no ensemble (it is not over, had ensemble=0 or one model alone): top=5 chooses one now"
        )
    trials = {run.info.run_id: result for result, run in past.trials}
    if gone := [member["run"] for member in about["members"] if member["run"] not in trials]:
        raise UserError(f"the ensemble's trial {gone[0]} is not in this store: top=5 chooses one of what is")
    results = tuple(trials[member["run"]] for member in about["members"])
    weights = tuple(float(member["weight"]) for member in about["members"])
    return Choice(results, weights, f"the ensemble of {len(results)} that the search chose on validation")


def members_of(past: PastSearch, choice: Choice, split: Split) -> Members:
    """The models of a choice that answer as one: networks as they were trained, traditional models fitted again.

    The same rows, settings and seed give the model that a trial was judged by. Raises UserError where weights are gone.
    """
    if all(result.candidate.estimator is None for result in choice.results):
        return Ensemble([_network(past, result) for result in choice.results], choice.weights)
    from search.inference.fitted import Fitted  # noqa: PLC0415 - scikit-learn and skops take seconds to import

    data = training_data(split)
    models = [refit(result.candidate, data, result.seed, threads=1) for result in choice.results]
    return Fitted([model.estimator for model in models], models[0].floor, choice.weights)


def _network(past: PastSearch, result: TrialResult) -> Network:
    with TemporaryDirectory(prefix="branchsearch-") as folder:
        return _brought(past, result, lambda: load_network(past.product(result, Path(folder)))[0])


def _brought(past: PastSearch, result: TrialResult, bring: Callable[[], T]) -> T:
    """What `bring` makes of a trial's file from MLflow. Raises UserError where it cannot be had."""
    try:
        return bring()
    except (MlflowException, OSError, CheckpointError) as error:
        run_id = past.run_of(result).info.run_id
        reason = str(error).splitlines()[0][:200]
        raise UserError(f"what trial {run_id} left cannot be had from MLflow: {reason}") from error
