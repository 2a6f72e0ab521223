"""What a report is made of: the search from MLflow, its table loaded again, and the winner's predictions."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType
from typing import Any

import numpy as np
from mlflow.exceptions import MlflowException
from numpy.typing import NDArray

from models.checkpoint import CheckpointError
from models.objective import ERROR_NAMES
from search.data import Split, load
from search.errors import UserError
from search.history import PastSearch
from search.judging import answer_of
from search.labels import ERROR_WORDS, name_of
from search.report.answers import Outputs, WinnerClasses, WinnerPredictions
from search.results import Standing, TrialResult
from search.tracking import PAUSED_TAG

logger = logging.getLogger(__name__)

NOWHERE_ELSE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, eq=False)
class Evidence:
    """All that the page is made from. `predictions` is None where the winner's weights are gone, and of a
    classification, which has `class_predictions`."""

    search: PastSearch
    split: Split
    standings: tuple[Standing, ...]
    predictions: WinnerPredictions | None
    class_predictions: WinnerClasses | None = None

    @property
    def trained(self) -> list[Standing]:
        """The candidates with a result, in the order of the ranking."""
        return [standing for standing in self.standings if standing.trained]

    @property
    def failures(self) -> list[TrialResult]:
        """The trials that came to no result."""
        return [result for result, _ in self.search.trials if result.failure is not None]

    @property
    def unit(self) -> str:
        """The target's unit; "" where the table has none."""
        return self.split.unit

    @property
    def target(self) -> str:
        """What is predicted: a user's own column as named, a property of a known table in words."""
        name = self.split.target_name
        return name if self.search.config.data.path else name.replace("_", " ")

    @property
    def run_id(self) -> str:
        """The parent run's."""
        run_id: str = self.search.parent.info.run_id
        return run_id

    @property
    def error_name(self) -> str:
        """The selecting error's name in MLflow's metrics: `mae`."""
        return ERROR_NAMES[self.standings[0].candidate.task]

    @property
    def error_word(self) -> str:
        """The selecting error for people: `MAE`."""
        return ERROR_WORDS[self.error_name]

    @property
    def has_predictions(self) -> bool:
        """Whether the winner could be asked."""
        return self.predictions is not None or self.class_predictions is not None

    @property
    def has_networks(self) -> bool:
        """Whether the candidates are networks, not traditional models."""
        return self.standings[0].candidate.estimator is None

    @property
    def kind(self) -> str:
        """What a candidate is, for people."""
        return "network" if self.has_networks else "model"

    @property
    def has_curves(self) -> bool:
        """Whether there is more than one epoch, or fit to a part of the rows, to see a candidate learn by."""
        return self.has_networks or any(result.epochs > 1 for standing in self.standings for result in standing.trained)

    @property
    def wall_seconds(self) -> float:
        """From the start of the search to its end, or until now where it still runs; without pauses before a resume."""
        info, tags = self.search.parent.info, self.search.parent.data.tags
        # A run that is opened again keeps the end that it had.
        end = time.time() * 1000 if info.status == "RUNNING" else info.end_time or time.time() * 1000
        return float(end - info.start_time) / 1000 - float(tags.get(PAUSED_TAG, 0))

    def name(self, standing: Standing) -> str:
        """A candidate's readable name."""
        return name_of(standing.candidate, self.search.config.recipe)


def gather(search: PastSearch, table: Mapping[str, Any] = NOWHERE_ELSE) -> Evidence:
    """Everything the page needs; `table` says where the data lie now, where that is elsewhere.

    Raises UserError where no trial has ended, or where the table is gone or is no longer the one that was searched on.
    """
    standings = tuple(search.standings)
    if not standings:
        raise UserError(f"no trial of the search {search.parent.info.run_id} has ended yet: there is nothing to report")
    split = load_again(search, table)
    answers = outputs_of(standings[0], search, split)
    if answers is None:
        return Evidence(search, split, standings, None)
    if split.classes:
        return Evidence(search, split, standings, None, WinnerClasses.of(split, answers))
    return Evidence(search, split, standings, WinnerPredictions.of(split, answers))


def load_again(search: PastSearch, table: Mapping[str, Any]) -> Split:
    """The table through the search's own request. Raises UserError unless it gives the very same rows and parts."""
    request = replace(search.config.data, **table)
    try:
        split = load(request)
    except UserError as error:
        raise UserError(f"the table that was searched on cannot be loaded again: {error}") from error
    searched = search.parent.data.tags.get("data")
    if searched is not None and searched != split.fingerprint:
        raise UserError(
            f"the table {request.path or request.dataset} is no longer the one that was searched on "
            f"(its rows had the fingerprint {searched}, now {split.fingerprint}): "
            "put the old one back, or search again; where nothing was changed, this version reads it otherwise"
        )
    return split


def outputs_of(winner: Standing, search: PastSearch, split: Split) -> Outputs | None:
    """The winner's networks, one a seed, on validation and test; None where there are none left."""
    outputs: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    missing: list[int] = []
    with TemporaryDirectory(prefix="branchsearch-") as folder:
        for result in winner.models:
            try:
                product = partial(search.product, result, Path(folder))
                answer = answer_of(result.candidate, result.seed, split, product)
            except (MlflowException, CheckpointError, OSError) as error:
                logger.warning("the weights of %s, seed %d, are gone: %s", winner.candidate, result.seed, error)
                missing.append(result.seed)
                continue
            outputs.append((answer(split.validation.x), answer(split.test.x)))
    if not outputs:
        return None
    validation, test = (np.stack(part) for part in zip(*outputs, strict=True))
    return Outputs(validation, test, tuple(missing))
