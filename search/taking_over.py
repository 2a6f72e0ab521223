"""Trials that an earlier search has trained, entered as trials of this one: their results, curves and weights."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from mlflow.entities import RunTag

from models.candidate import Candidate
from search.checkpoints import key_of, product_of
from search.results import TrialResult
from search.store import download, has_artifact
from search.tracking import TAKEN_TAG, Tracker

if TYPE_CHECKING:
    from search.watch import Watch

logger = logging.getLogger(__name__)

METRICS_A_WRITE = 1000
"""What MLflow takes in one call."""


class Earlier:
    """The trials that need no training: `known` holds what each came to, by its key."""

    def __init__(self, known: Mapping[str, Mapping[str, Any]], watch: Watch) -> None:
        self.known, self.watch = known, watch

    def __call__(self, config: Mapping[str, Any]) -> TrialResult | None:
        """Enter a trial that is known as one of this search, and return its result; None where it has to be trained."""
        key = key_of(dict(config))
        if key not in self.known:
            return None
        candidate = Candidate.from_json(config["candidate"])
        result = TrialResult(key, candidate, config["seed"], **self.known[key], ended_at=time.time())
        self.watch.enter(result)
        return result


def facts_of(result: TrialResult, run_id: str) -> dict[str, Any]:
    """What `Earlier` has to know of a trial that a run in MLflow holds."""
    return {
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "best_error": result.best_error,
        "seconds": result.seconds,
        "stop_reason": result.stop_reason,
        "taken_from": run_id,
    }


def copy_trial(tracker: Tracker, result: TrialResult, source: str) -> None:
    """Have the run of a trial hold the curve of the run that it is taken from, and what it left, and say so."""
    client = tracker.client

    def copy() -> None:
        run_id = tracker.children[result.trial_id]
        client.log_batch(run_id, tags=[RunTag(TAKEN_TAG, source)])
        curves = [name for name in client.get_run(source).data.metrics if name in tracker.epoch_metrics]
        metrics = [metric for name in curves for metric in client.get_metric_history(source, name)]
        for first in range(0, len(metrics), METRICS_A_WRITE):
            client.log_batch(run_id, metrics[first : first + METRICS_A_WRITE])
        name = product_of(result.candidate)
        if not has_artifact(client, source, name):  # removed since; that MLflow does not answer is for the writer
            logger.warning("%s of the run %s is not there any more, and not taken over", name, source)
            return
        with TemporaryDirectory(prefix="branchsearch-") as folder:
            client.log_artifact(run_id, str(download(client, source, name, Path(folder))))

    tracker.writer.put(copy)
