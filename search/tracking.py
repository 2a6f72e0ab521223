"""MLflow: one parent run a search, one child run a trial, written off the training path."""

from __future__ import annotations

import itertools
import json
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, Run, RunTag

from models.candidate import Candidate
from search.checkpoints import product_of
from search.config import SearchConfig
from search.data import Split
from search.labels import name_of, parts_of
from search.parent_run import VERSIONS_TAG, config_tags, open_parent
from search.results import TrialResult
from search.store import PARENT_TAG, Store, Writer, children_of, download, has_artifact
from search.targets import error_name_of
from search.versions import code_version, versions_since
from search.view import share_ranking, where_to_look

logger = logging.getLogger(__name__)

TRIAL_TAG = "branchsearch.trial"
CANDIDATE_TAG = "branchsearch.candidate"
PARAMETERS_TAG = "optuna_params"
"""What a trial's candidate was drawn as, in JSON: a later search can take the same point."""
TAKEN_TAG = "taken_from"
"""The run of an earlier search whose result a trial has, where it was not trained."""
PAUSED_TAG = "branchsearch.paused_seconds"
"""Of a search that was resumed: how long it had lain, all its pauses together."""
NOTE_TAG = "mlflow.note.content"
BEST, BEST_ON_PART = "best_validation_", "part_validation_"
"""Metrics of a trial's best validation error, before the error's name."""
ENDED = ("FINISHED", "FAILED", "KILLED")
EPOCHS_A_WRITE = 225
"""MLflow takes at most 1,000 metrics in one call, and an epoch has four."""


class Tracker:
    """The runs of one search in MLflow; of one that goes on where `parent` is given.

    Trials are written through `writer`, whose writes may each be done twice.
    """

    def __init__(
        self, config: SearchConfig, split: Split, store: Store, folder: Path | None = None, parent: str | None = None
    ) -> None:
        self.config = config
        self.store, self.client, self.experiment_id = store, store.client, store.experiment_id
        self.error_name = error_name_of(split)
        self.children: dict[str, str] = {}  # trial id -> run id
        self.closed: set[str] = set()  # trials whose run has ended
        self._begun: set[str] = set()  # trials that this session has opened
        self._logged: dict[str, int] = {}  # trial id -> the last epoch in MLflow; for the writer's thread alone
        self.writer = Writer()
        if parent is None:
            self.parent = open_parent(self.client, self.experiment_id, config, split, folder)
            marks = {"has_front": bool(config.objectives), "has_parts": len(config.parts) > 1}
            share_ranking(self.client, self.experiment_id, self.parent, self.error_name, **marks)
        else:
            self.parent = parent
            self._reopen()

    def _reopen(self) -> None:
        parent, children = self.client.get_run(self.parent), children_of(self.client, self.experiment_id, self.parent)
        tags = parent.data.tags
        paused = float(tags.get(PAUSED_TAG, 0)) + max(0.0, time.time() - self._last_sign([parent, *children]))
        self.client.update_run(self.parent, status="RUNNING")
        self.client.set_tag(self.parent, PAUSED_TAG, f"{paused:.0f}")
        before = json.loads(tags.get(VERSIONS_TAG, "{}"))
        self.client.set_tag(self.parent, VERSIONS_TAG, json.dumps(versions_since(before)))
        for name, part in config_tags(self.config).items():
            self.client.set_tag(self.parent, name, part)
        for run in children:
            trial_id = run.data.tags[TRIAL_TAG]
            self.children[trial_id] = run.info.run_id
            if run.info.status in ENDED:
                self.closed.add(trial_id)

    def _last_sign(self, runs: Sequence[Run]) -> float:
        """When a search that was left, or killed, was last known to be under way, in seconds since 1970."""
        under_way = [run.info.run_id for run in runs if run.info.status not in ENDED]
        reports = [m for run_id in under_way for m in self.client.get_metric_history(run_id, "epoch_seconds")]
        times = [run.info.end_time or run.info.start_time for run in runs] + [metric.timestamp for metric in reports]
        return float(max(times)) / 1000

    def begin(self, trial_id: str, candidate: Candidate, seed: int, drawn_as: Mapping[str, Any] | None = None) -> None:
        """Open the child run of a trial; once for each, also where a trial is started again.

        `drawn_as` are the parameters of a sampled candidate.
        """
        name = name_of(candidate, self.config.recipe) + (f" seed {seed}" if len(self.config.seeds) > 1 else "")
        data = self.config.data
        dataset = f"{data.dataset} {data.target or data.property}"
        parameters = {**parts_of(candidate), "seed": seed, "recipe": self.config.recipe_name, "dataset": dataset}
        count = candidate.parameter_count()
        now = int(time.time() * 1000)
        attempts = itertools.count()

        def open_run() -> None:
            run_id = self.children.get(trial_id)
            if run_id is None and next(attempts):  # the answer to an earlier attempt may have been lost
                run_id = self._find_child(trial_id)
            is_new = run_id is None
            if run_id is None:
                run_id = self._create_child(trial_id, name, candidate, drawn_as)
            elif trial_id in self.closed:
                self.client.update_run(run_id, status="RUNNING")
            self.children[trial_id] = run_id
            self.closed.discard(trial_id)
            self._logged[trial_id] = 0 if is_new else self._last_epoch(run_id)
            metrics = [] if count is None else [Metric("parameters", count, now, 0)]
            self.client.log_batch(run_id, metrics, [Param(k, str(v)) for k, v in parameters.items()])

        if trial_id not in self._begun:
            self._begun.add(trial_id)
            self.writer.put(open_run)

    def _find_child(self, trial_id: str) -> str | None:
        query = f"tags.`{PARENT_TAG}` = '{self.parent}' AND tags.`{TRIAL_TAG}` = '{trial_id}'"
        found = self.client.search_runs([self.experiment_id], query, max_results=1)
        return found[0].info.run_id if found else None

    def _create_child(self, trial_id: str, name: str, candidate: Candidate, drawn_as: Mapping[str, Any] | None) -> str:
        run = self.client.create_run(
            self.experiment_id,
            run_name=name,
            tags={
                PARENT_TAG: self.parent,
                TRIAL_TAG: trial_id,
                CANDIDATE_TAG: candidate.to_json(),
                **({} if drawn_as is None else {PARAMETERS_TAG: json.dumps(drawn_as)}),
                "mlflow.source.git.commit": code_version(),
            },
        )
        run_id: str = run.info.run_id
        return run_id

    def log_epochs(self, trial_id: str, epochs: list[dict[str, Any]]) -> None:
        """Per epoch: train and validation error, learning rate and seconds; each epoch once, however often it comes."""

        def write() -> None:
            for first in range(0, len(epochs), EPOCHS_A_WRITE):
                part = epochs[first : first + EPOCHS_A_WRITE]
                metrics = [m for epoch in part if epoch["epoch"] > self._logged[trial_id] for m in self._metrics(epoch)]
                if metrics:
                    self.client.log_batch(self.children[trial_id], metrics)
                    self._logged[trial_id] = part[-1]["epoch"]

        self.writer.put(write)

    @property
    def epoch_metrics(self) -> dict[str, str]:
        """The metrics of an epoch, and what a trial's report calls them."""
        return {
            f"train_{self.error_name}": "train_error",
            f"validation_{self.error_name}": "validation_error",
            "learning_rate": "learning_rate",
            "epoch_seconds": "epoch_seconds",
        }

    def _metrics(self, epoch: dict[str, Any]) -> list[Metric]:
        return [
            Metric(key, float(epoch[field]), int(epoch["at"] * 1000), int(epoch["epoch"]))
            for key, field in self.epoch_metrics.items()
        ]

    def _last_epoch(self, run_id: str) -> int:
        """The last epoch of a trial that MLflow has; 0 where it has none."""
        history = self.client.get_metric_history(run_id, f"validation_{self.error_name}")
        return max((metric.step for metric in history), default=0)

    def end(self, result: TrialResult, product: Path | None, then: Callable[[], object] = lambda: None) -> None:
        """Close a child run with what it came to; what it leaves becomes its artifact. `then` is done after that."""
        now = int((result.ended_at or time.time()) * 1000)

        def write() -> None:
            run_id = self.children[result.trial_id]
            values = {"epochs": result.epochs, "best_epoch": result.best_epoch, "training_seconds": result.seconds}
            if result.failure is None:
                values[self._error_metric(result.candidate)] = result.best_error
            self.client.log_batch(
                run_id,
                [Metric(key, float(value), now, 0) for key, value in values.items()],
                tags=[RunTag("stop_reason", result.failure or result.stop_reason)],
            )
            if product is not None and product.exists():
                self.client.log_artifact(run_id, str(product))
            self.client.set_terminated(run_id, "FAILED" if result.failure else "FINISHED")
            self.closed.add(result.trial_id)
            if product is not None:
                product.unlink(missing_ok=True)  # MLflow has it now, and one place is enough
            then()

        self.writer.put(write)

    def product(self, result: TrialResult, folder: Path) -> Path:
        """A copy in `folder` of what a trial of this search left (`search.checkpoints.product_of`)."""
        return download(self.client, self.children[result.trial_id], product_of(result.candidate), folder)

    def has_product(self, result: TrialResult) -> bool:
        """Whether there is one: traditional models of earlier versions left none."""
        return has_artifact(self.client, self.children[result.trial_id], product_of(result.candidate))

    def _error_metric(self, candidate: Candidate) -> str:
        """The metric of a trial's best error; another for one on part of the rows, so that no page ranks it."""
        kind = BEST if self.config.is_final(candidate) else BEST_ON_PART
        return kind + self.error_name

    def close_unfinished(self) -> None:
        """Mark the child runs of trials under way as killed, which those of a search that goes on are no longer."""

        def write() -> None:
            for trial_id, run_id in self.children.items():
                if trial_id not in self.closed:
                    self.client.set_terminated(run_id, "KILLED")

        self.writer.put(write)

    def where_to_look(self) -> str:
        """How to see the ranking in MLflow's page."""
        return where_to_look(self.store.uri, self.experiment_id, self.parent)

    def close(self, status: str, patience: float | None = None) -> bool:
        """Write what is left and the parent's status; False where MLflow did not take it all in time."""
        self.writer.put(lambda: self.client.set_terminated(self.parent, status))
        complete = self.writer.close(patience)
        if self.writer.failures:
            logger.error("%d writes to MLflow failed: its page misses them", self.writer.failures)
        return complete
