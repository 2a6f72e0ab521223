"""Which traditional models of a search become a model: the winner's seeds or a person's own choice, fitted again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.data import Split
from search.errors import UserError
from search.fitting import refit
from search.history import PastSearch
from search.results import TrialResult
from search.targets import training_data

if TYPE_CHECKING:
    from search.inference.fitted import Fitted


@dataclass(frozen=True)
class FittedChoice:
    """Traditional models of a search with their trials and weights (sum 1), and in words how they were chosen."""

    results: tuple[TrialResult, ...]
    ensemble: Fitted
    weights: tuple[float, ...]
    how: str


def choose_fitted(past: PastSearch, split: Split, trial: str | None) -> FittedChoice:
    """All seeds of the candidate that ranks first by validation, or one trial of a person's choice, fitted again.

    The same rows, settings and seed give the model that the trial was judged by. Raises UserError where there is none.
    """
    if trial is None:
        trained = past.standings[0].trained if past.standings else ()
        how = "the winner by validation" + (f", its {len(trained)} seeds together" if len(trained) > 1 else "")
    else:
        trained = tuple(r for r, run in past.trials if run.info.run_id == trial and r.failure is None)
        how = "chosen by a person"
    if not trained:
        what = "no trial of this search" if trial is None else f"trial={trial} is no trial of this search that"
        raise UserError(f"{what} came to a result: there is nothing to register")
    from search.inference.fitted import Fitted  # noqa: PLC0415 - scikit-learn and skops take seconds to import

    data = training_data(split)
    models = [refit(result.candidate, data, result.seed, threads=1) for result in trained]
    ensemble = Fitted([model.estimator for model in models], models[0].floor)
    return FittedChoice(trained, ensemble, ensemble.weights, how)
