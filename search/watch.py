"""Passes on what Ray Tune's trials report: to the journal, to MLflow, to the terminal, and to the ranking."""

from __future__ import annotations

import logging
import time
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial as TuneTrial

from models.candidate import Candidate
from search.checkpoints import TrialFolder, key_of, product_of
from search.errors import CutOffError
from search.journal import Journal
from search.labels import name_of
from search.progress import Progress
from search.results import OUT_OF_TIME, STOPPED_BY, TrialResult
from search.row_parts import on_part
from search.schedulers import KEEPS_CURVES
from search.taking_over import copy_trial
from search.tracking import Tracker
from search.trial import METRIC, TIME_ATTRIBUTE, result_of
from search.trial_errors import error_of, reason_of

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_WRITES = 5.0


class Watch(tune.Callback):
    """Ray Tune's callback; `results` holds every trial that has ended, those of earlier sessions first.

    `stop` says why the search is to stop, None while it is not; trials then end at their next epoch and stay open.
    """

    def __init__(self, tracker: Tracker, progress: Progress, scheduler: str, journal: Journal, folder: Path) -> None:
        self.tracker, self.progress, self.scheduler = tracker, progress, scheduler
        self.journal, self.folder = journal, folder
        self.stop: CutOffError | None = None
        self._done, self._over = journal.results()  # those over have ended, but a resumed search goes on with them
        self._ended_now: set[str] = set()
        self._epochs: dict[str, list[dict[str, Any]]] = {}
        self._last: dict[str, int] = {}  # the last epoch of each trial that was passed on
        self._written: dict[str, float] = {}
        self._retries: dict[str, int] = {}
        self._trouble: str | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Tune pickles its callbacks beside the experiment; a terminal and a thread cannot go there.
        return {}

    @property
    def results(self) -> list[TrialResult]:
        return list((self._over | self._done).values())

    @property
    def is_stopping(self) -> bool:
        return self.stop is not None

    def is_over(self) -> bool:
        """Whether no further epoch is to be trained: the time is over, or the search stops."""
        deadline = self.progress.deadline
        return self.is_stopping or (deadline is not None and time.time() >= deadline)

    def interrupt(self, exit_status: int) -> None:
        """Stop in good order, as somebody asks for."""
        self.stop = self.stop or CutOffError("interrupted", exit_status)
        self.progress.note("Stopping after the epochs under way; Ctrl-C again stops at once")

    def take_over(self) -> None:
        """Count what earlier sessions did, and bring MLflow up to it: trials that ended without its being told."""
        for result in self._done.values():
            self._count(result)
            if result.trial_id not in self.tracker.closed:
                self._tell(result)

    def enter(self, result: TrialResult) -> None:
        """Enter a trial that an earlier search has trained as one of this one's."""
        try:
            self.journal.ended(result, again=False)
        except OSError as error:
            self._cut_off(error)
            return
        self._done[result.trial_id] = result
        self._count(result)
        self._tell(result)

    def _count(self, result: TrialResult) -> None:
        """Count a trial that this session has not trained."""
        name = name_of(result.candidate, self.tracker.config.recipe)
        part = self.tracker.config.part_of(result.candidate)
        self.progress.count(result, name, result.was_stopped, part)

    def _tell(self, result: TrialResult) -> None:
        """Tell MLflow of a trial that is done, whose run it has not or not whole."""
        self._open(result.trial_id, result.candidate, result.seed)
        if result.taken_from is not None:
            copy_trial(self.tracker, result, result.taken_from)
        self._write_end(result, again=False)

    def on_step_end(self, iteration: int, trials: list[TuneTrial], **info: Any) -> None:
        """A sign of life, and a word where MLflow does not answer any more, or again."""
        try:
            self.journal.is_alive()
        except OSError as error:
            self._cut_off(error)
        trouble = self.tracker.writer.trouble
        if trouble is not None and self.tracker.writer.disk_is_full:
            self.stop = self.stop or CutOffError(f"MLflow's store takes no more: {trouble}")
        elif bool(trouble) != bool(self._trouble):
            self.progress.note(
                f"MLflow does not answer ({trouble}): training goes on, and what it has to be told is kept"
                if trouble
                else "MLflow answers again"
            )
        self._trouble = trouble
        self._let_go(trials)

    def _let_go(self, trials: list[TuneTrial]) -> None:
        """Where the search stops, a trial that fails is not started again: it goes on where the search does."""
        if self.is_stopping:
            for trial in trials:
                trial.max_failures = 0

    def on_trial_start(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        key = key_of(trial.config)
        if key in self._done:
            return
        candidate, seed = Candidate.from_json(trial.config["candidate"]), trial.config["seed"]
        if key not in self._last:
            self._open(key, candidate, seed)
        suffix = f" seed {seed}" if len(self.tracker.config.seeds) > 1 else ""
        name = name_of(candidate, self.tracker.config.recipe)
        self.progress.begin(key, name + suffix, self.tracker.config.part_of(candidate))

    def _open(self, key: str, candidate: Candidate, seed: int) -> None:
        """Open a trial's run, and tell it of the epochs in its checkpoint, which an earlier session may not have."""
        drawn = on_part(candidate, self.tracker.config.parts[0])
        self.tracker.begin(key, candidate, seed, self.journal.parameters.get(drawn.to_json()))
        curve = TrialFolder.of(self.folder, key).curve()
        self._epochs[key], self._last[key] = curve, len(curve)

    def on_trial_result(
        self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, result: dict[str, Any], **info: Any
    ) -> None:
        key = key_of(trial.config)
        if key in self._done:
            return
        if result.get("disk"):
            self.stop = self.stop or CutOffError(f"a checkpoint cannot be written: {result['disk']}")
            self._let_go(trials)
        self._say_where_from(key, result)
        if "validation_error" not in result:
            return
        self.progress.epoch(key, result[TIME_ATTRIBUTE], result[METRIC])
        if result[TIME_ATTRIBUTE] > self._last[key]:
            self._last[key] = result[TIME_ATTRIBUTE]
            self._epochs.setdefault(key, []).append(result)
        if time.monotonic() - self._written.get(key, 0.0) > SECONDS_BETWEEN_WRITES:
            self._write_epochs(key)

    def _say_where_from(self, key: str, result: dict[str, Any]) -> None:
        """A trial's first report after it was started tells which checkpoint it found."""
        epoch, damaged = result.get("goes_on_from", 0), result.get("damaged", [])
        if epoch or damaged:
            start = f"goes on after epoch {epoch}" if epoch else "starts anew"
            cause = f" ({', '.join(damaged)} cannot be read)" if damaged else ""
            self.progress.note(f"{self.progress.name_of(key)} {start}{cause}")

    def _write_epochs(self, key: str) -> None:
        self._written[key] = time.monotonic()
        epochs = self._epochs.pop(key, [])
        if epochs:
            self.tracker.log_epochs(key, epochs)

    def may_retry(self, key: str) -> bool:
        """Whether a trial whose process was lost is to be started again."""
        return self._retries.get(key, 0) < self.tracker.config.retries and not self.is_over()

    def on_trial_recover(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        if self._disk_is_full(trial):
            return
        key = key_of(trial.config)
        self._retries[key] = self._retries.get(key, 0) + 1
        count = f"{self._retries[key]} of {self.tracker.config.retries}"
        self.progress.note(f"{self.progress.name_of(key)} is started again ({count}): {reason_of(trial)}")

    def on_trial_complete(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        last = trial.last_result or {}
        failure, reason = last.get("failure"), last.get("stop_reason") or self._reason_from_outside()
        if self.is_stopping and not last.get("stop_reason") and not failure:
            self.progress.leave(key_of(trial.config))
            return
        said = "" if failure and not last.get("stop_reason") else reason
        self._end(trial, last, said, failure, again=reason == OUT_OF_TIME)

    def _reason_from_outside(self) -> str:
        """Why a trial was stopped that had not stopped by itself."""
        deadline = self.progress.deadline
        if deadline is not None and time.time() >= deadline:
            return OUT_OF_TIME
        return f"{STOPPED_BY} {self.scheduler}"

    def on_trial_error(self, iteration: int, trials: list[TuneTrial], trial: TuneTrial, **info: Any) -> None:
        if self._disk_is_full(trial):
            return
        if self.may_retry(key_of(trial.config)):  # the searcher hands it out again
            self.on_trial_recover(iteration, trials, trial)
        elif self.is_stopping:
            self.progress.leave(key_of(trial.config))
        else:
            tries = self._retries.get(key_of(trial.config), 0) + 1
            self._end(trial, trial.last_result or {}, "", f"{reason_of(trial)} ({tries} times)", again=True)

    def _disk_is_full(self, trial: TuneTrial) -> bool:
        """Whether a trial failed because the disk is full: it is not to blame, and the search stops."""
        if "No space left" not in str(error_of(trial) or ""):
            return False
        self.stop = self.stop or CutOffError("there is no space left on the disk")
        return True

    def _end(self, trial: TuneTrial, last: dict[str, Any], reason: str, failure: str | None, again: bool) -> None:
        key = key_of(trial.config)
        if key in self._done or key in self._ended_now:
            return
        if key not in self._last:  # its process was lost before it began
            self.on_trial_start(0, [], trial)
        if self._last[key] > last.get(TIME_ATTRIBUTE, 0):  # it was repeating epochs of an earlier session
            last = (TrialFolder.of(self.folder, key).curve() or [last])[-1]
        if failure is None and not last.get(TIME_ATTRIBUTE):
            failure = f"{reason} before its first epoch was done"
        result = result_of(trial.config, last, reason, failure)
        if failure is None and TrialFolder.of(self.folder, key).product(result.candidate, result.epochs) is None:
            what = f"{product_of(result.candidate)} of a trial that has ended"
            self.stop = self.stop or CutOffError(f"{what} is not in {self.folder}")
            return
        try:
            self.journal.ended(result, again)
        except OSError as error:
            self._cut_off(error)
            return
        (self._over if again else self._done)[key] = result
        self._ended_now.add(key)
        self._write_end(result, again)
        self.progress.end(result, result.was_stopped)

    def _write_end(self, result: TrialResult, again: bool) -> None:
        folder = TrialFolder.of(self.folder, result.trial_id)
        self._write_epochs(result.trial_id)
        product = folder.product(result.candidate, result.epochs) if result.failure is None else None
        keep_curve = self.scheduler in KEEPS_CURVES
        self.tracker.end(result, product, (lambda: None) if again else lambda: folder.clear(keep_curve))

    def _cut_off(self, error: OSError) -> None:
        logger.error("the journal cannot be written: %s", error)
        self.stop = self.stop or CutOffError(f"{self.journal.path} cannot be written: {error.strerror}")
