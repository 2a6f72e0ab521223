"""MLflow: one parent run a search, one child run a trial, written off the training path."""

from __future__ import annotations

import json
import logging
import subprocess
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, RunTag

from models.candidate import Candidate
from models.objective import ERROR_NAMES
from search.config import SearchConfig
from search.data import Split
from search.labels import name_of, parts_of
from search.results import TrialResult
from search.store import Store, Writer
from search.view import share_ranking, where_to_look

logger = logging.getLogger(__name__)

TRIAL_TAG = "branchsearch.trial"
CANDIDATE_TAG = "branchsearch.candidate"
CONFIG_TAG = "branchsearch.config"
NOTE_TAG = "mlflow.note.content"
ENTRIES_A_WRITE = 900
"""MLflow takes at most 1,000 metrics in one call."""


def code_version() -> str:
    """The commit the code is at, marked where files were changed, or the installed version."""
    here = Path(__file__).parent
    try:
        answer = subprocess.run(
            ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
        return answer.stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return version("branchsearch")


class Tracker:
    """The runs of one search in MLflow."""

    def __init__(self, config: SearchConfig, split: Split, store: Store) -> None:
        self.config = config
        self.store, self.client, self.experiment_id = store, store.client, store.experiment_id
        self.error_name = ERROR_NAMES["regression"]
        self.children: dict[str, str] = {}  # trial id -> run id
        self._ended: set[str] = set()
        self.writer = Writer()
        self.parent = self._open_parent(split)
        share_ranking(self.client, self.experiment_id, self.parent, self.error_name)

    def _open_parent(self, split: Split) -> str:
        config = self.config
        name = config.name or f"{config.space.name} {time.strftime('%Y-%m-%d %H:%M:%S')}"
        run = self.client.create_run(
            self.experiment_id,
            run_name=name,
            tags={
                CONFIG_TAG: json.dumps(config.to_dict()),
                "mlflow.source.name": "python -m search.run",
                "mlflow.source.type": "LOCAL",
                "mlflow.source.git.commit": code_version(),
                "data": split.fingerprint,
            },
        )
        run_id: str = run.info.run_id
        report = split.report
        parameters: dict[str, Any] = {
            "space": config.space.name,
            "dataset": config.data.dataset,
            "target": split.target_name,
            "unit": split.unit,
            "recipe": config.recipe_name,
            "scheduler": config.scheduler.name,
            "seeds": " ".join(map(str, config.seeds)),
            "rows_in": report.rows_in,
            "rows_kept": report.rows_kept,
            "rows_merged": report.merged,
            "rows_rejected": sum(report.rejected.values()),
            "rows_train": len(split.train.y),
            "rows_validation": len(split.validation.y),
            "rows_test": len(split.test.y),
        }
        self.client.log_batch(run_id, params=[Param(key, str(value)) for key, value in parameters.items()])
        self.client.log_dict(run_id, config.to_dict(), "config.json")
        self.client.log_dict(run_id, report.to_dict(), "cleaning.json")
        return run_id

    def begin(self, trial_id: str, candidate: Candidate, seed: int) -> None:
        """Open the child run of a trial; once for each, also where a trial is started again."""
        if trial_id in self.children:
            return
        name = name_of(candidate, self.config.recipe) + (f" seed {seed}" if len(self.config.seeds) > 1 else "")
        run = self.client.create_run(
            self.experiment_id,
            run_name=name,
            tags={
                "mlflow.parentRunId": self.parent,
                TRIAL_TAG: trial_id,
                CANDIDATE_TAG: candidate.to_json(),
                "mlflow.source.git.commit": code_version(),
            },
        )
        run_id: str = run.info.run_id
        self.children[trial_id] = run_id
        data = self.config.data
        dataset = f"{data.dataset} {data.target or data.property}"
        parameters = {**parts_of(candidate), "seed": seed, "recipe": self.config.recipe_name, "dataset": dataset}
        count = candidate.architecture.parameter_count()
        metrics = [Metric("parameters", count, int(time.time() * 1000), 0)]
        self.writer.put(
            lambda: self.client.log_batch(run_id, metrics, [Param(k, str(v)) for k, v in parameters.items()])
        )

    def log_epochs(self, trial_id: str, epochs: list[dict[str, Any]]) -> None:
        """Per epoch: train and validation error, learning rate and seconds."""
        run_id, name = self.children[trial_id], self.error_name
        metrics = [
            Metric(key, float(epoch[field]), int(epoch["timestamp"] * 1000), int(epoch["epoch"]))
            for epoch in epochs
            for key, field in (
                (f"train_{name}", "train_error"),
                (f"validation_{name}", "validation_error"),
                ("learning_rate", "learning_rate"),
                ("epoch_seconds", "epoch_seconds"),
            )
        ]
        for first in range(0, len(metrics), ENTRIES_A_WRITE):
            part = metrics[first : first + ENTRIES_A_WRITE]
            self.writer.put(lambda part=part: self.client.log_batch(run_id, part))  # type: ignore[misc]

    def end(self, result: TrialResult, weights: Path | None) -> None:
        """Close a child run with what it came to; its weights become its artifact."""
        run_id = self.children[result.trial_id]
        self._ended.add(run_id)

        def write() -> None:
            now = int(time.time() * 1000)
            values = {"epochs": result.epochs, "best_epoch": result.best_epoch, "training_seconds": result.seconds}
            if result.failure is None:
                values[f"best_validation_{self.error_name}"] = result.best_error
            self.client.log_batch(
                run_id,
                [Metric(key, float(value), now, 0) for key, value in values.items()],
                tags=[RunTag("stop_reason", result.failure or result.stop_reason)],
            )
            if weights is not None:
                self.client.log_artifact(run_id, str(weights))
                weights.unlink()  # MLflow has it now, and one place is enough
            self.client.set_terminated(run_id, "FAILED" if result.failure else "FINISHED")

        self.writer.put(write)

    def kill_unfinished(self) -> None:
        """Mark the child runs that have not ended as killed."""
        for run_id in self.children.values():
            if run_id not in self._ended:
                self.client.set_terminated(run_id, "KILLED")

    def where_to_look(self) -> str:
        """How to see the ranking in MLflow's page."""
        return where_to_look(self.store.uri, self.experiment_id, self.parent)

    def close(self, status: str) -> None:
        self.writer.close()
        self.client.set_terminated(self.parent, status)
        if self.writer.failures:
            logger.error("%d writes to MLflow failed: its page misses them", self.writer.failures)
