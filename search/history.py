"""Searches that were run, read back from MLflow."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from models.candidate import Candidate
from models.objective import ERROR_NAMES
from search.checkpoints import product_of
from search.config import SearchConfig
from search.errors import UserError, reason_of
from search.parent_run import CONFIG_TAG, FOLDER_TAG, config_of
from search.results import Standing, TrialResult, rank
from search.settings import DEFAULT_URI
from search.store import PARENT_TAG, all_runs, children_of, download, existing_store
from search.tracking import BEST, BEST_ON_PART, CANDIDATE_TAG, TAKEN_TAG, TRIAL_TAG

LATEST = "latest"
POINTER_FILE = "search.json"
"""In a search's folder: its run, and the store."""

SHORTEST_ID = 6
"""Characters of an id's beginning that are taken for it."""

MOST_SHOWN = 5
"""Of several searches that one name may mean."""


@dataclass(frozen=True)
class PastSearch:
    """One search as MLflow holds it: its settings, its parent run, and every trial that has ended with its run."""

    client: MlflowClient
    parent: Run
    config: SearchConfig
    trials: tuple[tuple[TrialResult, Run], ...]

    @property
    def standings(self) -> list[Standing]:
        return rank(result for result, _ in self.finals)

    @property
    def finals(self) -> list[tuple[TrialResult, Run]]:
        """The trials that compare: those on the largest part of the rows that the search trained on."""
        return [(result, run) for result, run in self.trials if self.config.is_final(result.candidate)]

    def run_of(self, result: TrialResult) -> Run:
        """The child run of a trial."""
        return next(run for trial, run in self.trials if trial.trial_id == result.trial_id)

    def product(self, result: TrialResult, folder: Path) -> Path:
        """A copy in `folder` of what a trial left (`search.checkpoints.product_of`)."""
        return download(self.client, self.run_of(result).info.run_id, product_of(result.candidate), folder)


def open_search(run: str, uri: str, key: str = "run") -> PastSearch:
    """The search of a parent run's id, or the latest one; `key` is the setting that named it.

    Raises UserError where the store holds no search, or none of that id, or this version cannot read it.
    """
    run, uri = pointed_at(run, uri)
    client = existing_store(uri)
    parent = latest_parent(client, uri) if run == LATEST else parent_of(client, run, key)
    try:
        return search_of(client, parent)
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"this version of branchsearch cannot read the search {parent.info.run_id} ({reason_of(error)}): use the "
            "version that ran it"
        ) from error


def pointed_at(run: str, uri: str) -> tuple[str, str]:
    """The run, and the store, of a search's folder; what was given where it is none."""
    file = Path(run) / POINTER_FILE
    if run == LATEST or not file.is_file():
        return run, uri
    values = json.loads(file.read_text())
    return str(values["run"]), uri if uri != DEFAULT_URI else str(values["uri"])


def search_of(client: MlflowClient, parent: Run) -> PastSearch:
    """The search of a parent run. Raises KeyError, TypeError or ValueError where it is of another version."""
    children = children_of(client, parent.info.experiment_id, parent.info.run_id)
    ended = [
        child for child in children if child.info.status in ("FINISHED", "FAILED") and CANDIDATE_TAG in child.data.tags
    ]
    return PastSearch(
        client,
        parent,
        config_of(parent.data.tags),
        tuple((result_of(child), child) for child in ended),
    )


def latest_parent(client: MlflowClient, uri: str) -> Run:
    """The search that was started last, of all experiments."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments(view_type=ViewType.ALL)]
    found = client.search_runs(experiments, f"tags.`{CONFIG_TAG}` != ''", order_by=["start_time DESC"], max_results=1)
    if not found:
        raise UserError(f"the MLflow store {uri} holds no search yet: run one with python -m search.run")
    return found[0]


def parent_of(client: MlflowClient, run: str, key: str = "run") -> Run:
    """The search of a run's id, of an id's beginning or of a `name=`; the id of a trial leads to its search.

    Raises UserError where there is none, or several.
    """
    try:
        found = client.get_run(run)
        parent_id = found.data.tags.get(PARENT_TAG)
        found = client.get_run(parent_id) if parent_id else found
    except MlflowException:
        return _only(parents_called(client, run), run, key)
    if CONFIG_TAG not in found.data.tags:
        raise UserError(f"{key}={run} is a run of MLflow, but not of a search by branchsearch")
    return found


def parents_called(client: MlflowClient, run: str) -> list[Run]:
    """The searches of that name or in that folder, or whose ids begin so; the oldest first."""
    experiments = [experiment.experiment_id for experiment in client.search_experiments(view_type=ViewType.ALL)]
    return [
        parent
        for parent in all_runs(client, experiments, f"tags.`{CONFIG_TAG}` != ''")
        if parent.info.run_name == run
        or (len(run) >= SHORTEST_ID and parent.info.run_id.startswith(run))
        or Path(parent.data.tags.get(FOLDER_TAG, "")).name == run
    ]


def _only(found: list[Run], run: str, key: str) -> Run:
    if not found:
        raise UserError(
            f"{key}={run} is no run of the MLflow store: take {key}=latest, an id from its page, a search's name or "
            "its folder"
        )
    if len(found) > 1:
        ids = ", ".join(
            f"{each.info.run_id} of {datetime.fromtimestamp(each.info.start_time / 1000):%Y-%m-%d %H:%M}"
            for each in found[:MOST_SHOWN]
        )
        raise UserError(f"{key}={run} is what {len(found)} searches are called: take an id, such as {ids}")
    return found[0]


def result_of(run: Run) -> TrialResult:
    """What a child run says of its trial."""
    metrics, tags = run.data.metrics, run.data.tags
    candidate = Candidate.from_json(tags[CANDIDATE_TAG])
    error_name = ERROR_NAMES[candidate.task]
    reason = tags.get("stop_reason", "")
    return TrialResult(
        trial_id=tags[TRIAL_TAG],
        candidate=candidate,
        seed=int(run.data.params["seed"]),
        epochs=int(metrics.get("epochs", 0)),
        best_epoch=int(metrics.get("best_epoch", 0)),
        best_error=metrics.get(BEST + error_name, metrics.get(BEST_ON_PART + error_name, float("inf"))),
        seconds=metrics.get("training_seconds", 0.0),
        stop_reason=reason,
        failure=reason if run.info.status == "FAILED" else None,
        taken_from=tags.get(TAKEN_TAG),
    )
