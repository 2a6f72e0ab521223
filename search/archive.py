"""What MLflow already holds of the same data and the same code, so that it need not be trained again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from mlflow.entities import Run, ViewType
from mlflow.tracking import MlflowClient

from models.candidate import Candidate
from search.config import SearchConfig
from search.history import PastSearch, search_of
from search.parent_run import CONFIG_TAG, DATA_TAG, VERSIONS_TAG
from search.results import TrialResult
from search.store import all_runs
from search.versions import TRAINING_CODE, training_code

OWN_END = frozenset({"all epochs", "early stopping", "fitted"})
"""What stopped a trial that ended by itself; any other was cut short, and its error is not what its settings make."""


@dataclass(frozen=True)
class Kept:
    """A finished trial and its run."""

    result: TrialResult
    run: Run


class Archive:
    """Searches on one fingerprint of data, made by the code that trains now; `on` finds all that there are."""

    def __init__(self, searches: Sequence[PastSearch]) -> None:
        self.searches = searches

    @classmethod
    def on(cls, client: MlflowClient, fingerprint: str) -> Archive:
        """The searches of all experiments, the oldest first."""
        experiments = [found.experiment_id for found in client.search_experiments(view_type=ViewType.ACTIVE_ONLY)]
        parents = all_runs(client, experiments, f"tags.`{DATA_TAG}` = '{fingerprint}'")
        return cls([search_of(client, parent) for parent in parents if is_comparable(parent, fingerprint)])

    def trials(self) -> dict[tuple[Candidate, int], Kept]:
        """Every trial that ended by itself, by candidate and seed; of several the last."""
        return {
            (result.candidate, result.seed): Kept(result, run)
            for search in self.searches
            for result, run in search.trials
            if result.failure is None and result.stop_reason in OWN_END
        }

    def search_like(self, config: SearchConfig) -> PastSearch | None:
        """The last search with these settings that came to its end."""
        wanted = settings_that_decide(config)
        for search in reversed(self.searches):
            if search.parent.info.status == "FINISHED" and settings_that_decide(search.config) == wanted:
                return search
        return None


def settings_that_decide(config: SearchConfig) -> tuple[object, ...]:
    """What decides the result of a search on given data: not where it runs, nor where its results go."""
    return (
        config.space,
        config.recipe,
        config.scheduler,
        config.trials,
        config.time_budget_seconds,
        config.seeds,
        config.objectives,
        config.sampler,
        replace(config.data, data_dir=None),
    )


def is_comparable(parent: Run, fingerprint: str) -> bool:
    """Whether a search has the data of this fingerprint, and its trials would come to the same if trained now."""
    tags = parent.data.tags
    code = json.loads(tags.get(VERSIONS_TAG, "{}")).get(TRAINING_CODE)
    return tags.get(DATA_TAG) == fingerprint and code == training_code() and CONFIG_TAG in tags
