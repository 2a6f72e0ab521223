"""Passes on what Ray Tune's trials report: to MLflow, to the terminal, and to the ranking."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial as TuneTrial

from models.candidate import Candidate
from search.labels import name_of
from search.progress import Progress
from search.results import TrialResult
from search.tracking import Tracker
from search.trial import METRIC, NETWORK_FILE, TIME_ATTRIBUTE, TRAINING_FILE

SECONDS_BETWEEN_WRITES = 5.0


class Watch(tune.Callback):
    """Ray Tune's callback; `results` holds every trial that has ended."""

    def __init__(self, tracker: Tracker, progress: Progress, scheduler: str) -> None:
        self.tracker, self.progress, self.scheduler = tracker, progress, scheduler
        self.results: list[TrialResult] = []
        self._ended: set[str] = set()
        self._epochs: dict[str, list[dict[str, Any]]] = {}
        self._written: dict[str, float] = {}

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its callbacks beside the experiment; a terminal and a thread cannot go there.
        return {}

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        candidate, seed = Candidate.from_json(trial.config["candidate"]), trial.config["seed"]
        self.tracker.begin(trial.trial_id, candidate, seed)
        suffix = f" seed {seed}" if len(self.tracker.config.seeds) > 1 else ""
        self.progress.begin(trial.trial_id, name_of(candidate, self.tracker.config.recipe) + suffix)

    def on_trial_result(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any], **info: Any
    ) -> None:
        if "validation_error" not in result:
            return
        trial_id = trial.trial_id
        self.progress.epoch(trial_id, result[TIME_ATTRIBUTE], result[METRIC])
        self._epochs.setdefault(trial_id, []).append(result)
        if time.monotonic() - self._written.get(trial_id, 0.0) > SECONDS_BETWEEN_WRITES:
            self._write_epochs(trial_id)

    def _write_epochs(self, trial_id: str) -> None:
        self._written[trial_id] = time.monotonic()
        epochs = self._epochs.pop(trial_id, [])
        if epochs:
            self.tracker.log_epochs(trial_id, epochs)

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        last = trial.last_result or {}
        reason = last.get("stop_reason") or self._reason_from_outside()
        self._end(trial, last, reason, last.get("failure"))

    def _reason_from_outside(self) -> str:
        """Why a trial was stopped that had not stopped by itself."""
        deadline = self.progress.deadline
        if deadline is not None and time.time() >= deadline:
            return "time budget"
        return f"stopped by {self.scheduler}"

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        last_line = str(trial.get_pickled_error() or "its process ended").strip().splitlines()[-1]
        self._end(trial, trial.last_result or {}, "", last_line[:300])

    def _end(self, trial: TuneTrial, last: dict[str, Any], reason: str, failure: str | None) -> None:
        if trial.trial_id in self._ended or trial.trial_id not in self.tracker.children:
            return
        self._ended.add(trial.trial_id)
        self._write_epochs(trial.trial_id)
        if failure is None and not last.get(TIME_ATTRIBUTE):
            failure = f"{reason} before its first epoch was done"
        result = TrialResult(
            trial_id=trial.trial_id,
            candidate=Candidate.from_json(trial.config["candidate"]),
            seed=trial.config["seed"],
            epochs=last.get(TIME_ATTRIBUTE, 0),
            best_epoch=last.get("best_epoch", 0),
            best_error=last.get(METRIC, float("inf")),
            seconds=last.get("training_seconds", 0.0),
            stop_reason=reason,
            failure=failure,
        )
        self.results.append(result)
        self.tracker.end(result, saved_network(trial))
        self.progress.end(result, stopped_early=reason.startswith("stopped by"))


def saved_network(trial: TuneTrial) -> Path | None:
    """The weights file of a trial's last checkpoint; the training state beside it has served its purpose."""
    if trial.checkpoint is None:
        return None
    folder = Path(trial.checkpoint.path)
    (folder / TRAINING_FILE).unlink(missing_ok=True)
    network = folder / NETWORK_FILE
    return network if network.exists() else None
