"""What MLflow already holds of the same data and the same code, so that it need not be trained again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace

from mlflow.entities import Run, ViewType
from mlflow.tracking import MlflowClient

from models.candidate import Candidate
from search.config import SearchConfig
from search.history import PastSearch, result_of
from search.results import TrialResult
from search.store import all_runs, children_of
from search.tracking import CANDIDATE_TAG, CONFIG_TAG, DATA_TAG, VERSIONS_TAG
from search.versions import TRAINING_CODE, training_code

OWN_END = frozenset({"all epochs", "early stopping", "fitted"})
"""What stopped a trial that ended by itself; any other was cut short, and its error is not what its settings make."""


@dataclass(frozen=True)
class Kept:
    """A finished trial and its run."""

    result: TrialResult
    run: Run


class Archive:
    """The finished searches on one fingerprint of data, made by the code that trains now."""

    def __init__(self, client: MlflowClient, fingerprint: str) -> None:
        self.client = client
        self.searches = list(_searches(client, fingerprint))

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
        replace(config.data, data_dir=None),
    )


def _searches(client: MlflowClient, fingerprint: str) -> Iterator[PastSearch]:
    """The oldest first."""
    experiments = [found.experiment_id for found in client.search_experiments(view_type=ViewType.ACTIVE_ONLY)]
    for parent in all_runs(client, experiments, f"tags.`{DATA_TAG}` = '{fingerprint}'"):
        tags = parent.data.tags
        if json.loads(tags.get(VERSIONS_TAG, "{}")).get(TRAINING_CODE) != training_code() or CONFIG_TAG not in tags:
            continue
        children = children_of(client, parent.info.experiment_id, parent.info.run_id)
        ended = [
            run for run in children if run.info.status in ("FINISHED", "FAILED") and CANDIDATE_TAG in run.data.tags
        ]
        config = SearchConfig.from_dict(json.loads(tags[CONFIG_TAG]))
        yield PastSearch(client, parent, config, tuple((result_of(run), run) for run in ended))
