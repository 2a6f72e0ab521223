"""One trial: a training run inside a Ray Tune actor that is used for one trial after another."""

from __future__ import annotations

import errno
import logging
import math
import time
from pathlib import Path
from typing import Any

import torch
from ray import tune
from ray.exceptions import RayError

from models import checkpoint
from models.candidate import Candidate
from models.data import TrainingData
from models.run import NonFiniteLossError
from models.training import TrainingRun
from search.checkpoints import TRAINING_FILE, Report, Restored, TrialFolder, key_of, product_of
from search.fitting import FittingRun
from search.packing import PackedRun, Place
from search.results import TrialResult

logger = logging.getLogger(__name__)

SHARE_FOR_CHECKPOINTS = 0.02
"""Part of its time that a trial writes checkpoints at most, but for the one at its end."""

DISK_TROUBLE = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EACCES}
"""What writing again does not mend."""

METRIC = "best_error"
"""What schedulers and searchers lower: a trial's best validation error so far."""
TIME_ATTRIBUTE = "epoch"


class Trial(tune.Trainable):
    """Trains `config["candidate"]` (JSON) from `config["seed"]`; one step is one epoch.

    Wherever it is started, it goes on from its last checkpoint in the search's `folder`, written every
    `checkpoint_seconds` or more. With `replay` it first reports again what it has trained already, for a scheduler
    that has to see all epochs of all trials. Out of memory, it raises and is started again by Ray Tune; any other error
    of its own would come again, and is reported as its failure.
    """

    _run: TrainingRun | PackedRun | FittingRun

    def setup(
        self,
        config: dict[str, Any],
        data: TrainingData | None = None,
        place: Place | None = None,
        folder: str = "",
        device: str = "cpu",
        threads: int = 1,
        checkpoint_seconds: float = math.inf,
        replay: bool = False,
    ) -> None:
        torch.set_num_threads(threads)
        self._data, self._place, self._search_folder = data, place, Path(folder)
        self._device, self._threads = device, threads
        self._checkpoint_seconds, self._replays = checkpoint_seconds, replay
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._begin(new_config)
        return True

    def _begin(self, config: dict[str, Any]) -> None:
        self._leave_pack()
        self._failure: str | None = None
        self._folder = TrialFolder.of(self._search_folder, key_of(config))
        self._saved_at, self._seconds_to_save = time.monotonic(), 0.0
        try:
            self._run, restored = self._run_of(config)
        except Exception as error:
            if may_pass(error):
                raise
            logger.exception("a trial cannot begin")
            self._failure, restored = described(error), Restored()
        self._curve, self._is_over = restored.curve, restored.is_over
        # The last epoch is reported again: the scheduler may not have decided on it before the end came.
        self._reported = 0 if self._replays else max(0, len(self._curve) - 1)
        self._news = {"goes_on_from": len(self._curve), "damaged": restored.damaged}

    def _run_of(self, config: dict[str, Any]) -> tuple[TrainingRun | PackedRun | FittingRun, Restored]:
        def new() -> TrainingRun | PackedRun | FittingRun:
            candidate, seed = Candidate.from_json(config["candidate"]), config["seed"]
            if self._place is not None:
                return PackedRun(key_of(config), candidate, seed, self._place)
            if self._data is None:
                raise ValueError("a trial needs its data")
            if candidate.estimator is not None:
                return FittingRun(candidate, self._data, seed, self._threads)
            return TrainingRun(candidate, self._data, seed=seed, device=self._device)

        run = new()
        restored = self._folder.restore(run.restore)
        if restored.damaged and not restored.curve:
            if isinstance(run, PackedRun):
                run.close()
            run = new()  # a file that fitted in part has left its traces
        return run, restored

    def step(self) -> Report:
        if self._failure is not None:
            return {TIME_ATTRIBUTE: 0, METRIC: math.inf, "failure": self._failure, "done": True}
        if self._reported < len(self._curve):
            self._reported += 1
            return {**self._curve[self._reported - 1], **self._told_once(), "done": self._ends_here()}
        return {**self._epoch(), **self._told_once()}

    def _ends_here(self) -> bool:
        is_over = self._is_over or self._curve[-1]["stop_reason"] is not None
        return is_over and self._reported == len(self._curve)

    def _told_once(self) -> Report:
        news, self._news = self._news, {}
        return news

    def _epoch(self) -> Report:
        run = self._run
        try:
            epoch = next(iter(run))
        except StopIteration:
            return {**self._standing(), "done": True}
        except NonFiniteLossError as failure:
            return {**self._standing(), METRIC: math.inf, "failure": str(failure), "done": True}
        except Exception as error:
            if may_pass(error):
                raise
            logger.exception("a trial failed")
            return {**self._standing(), METRIC: math.inf, "failure": described(error), "done": True}
        report = {
            **self._standing(),
            "train_error": epoch.train_error,
            "validation_error": epoch.validation_error,
            "learning_rate": epoch.learning_rate,
            "epoch_seconds": epoch.seconds,
            "at": time.time(),
        }
        self._curve.append(report)
        self._reported += 1
        return {**report, **self._saved_now_and_then(), "done": run.state.stop_reason is not None}

    def _standing(self) -> Report:
        state = self._run.state
        return {
            TIME_ATTRIBUTE: state.epochs,
            METRIC: state.best_error,
            "best_epoch": state.best_epoch,
            "training_seconds": state.seconds,
            "stop_reason": state.stop_reason,
        }

    def _saved_now_and_then(self) -> Report:
        """Write a checkpoint where it is time for one; what is wrong with the disk, where it does not take it."""
        pause = max(self._checkpoint_seconds, self._seconds_to_save / SHARE_FOR_CHECKPOINTS)
        if self._run.state.stop_reason is not None or time.monotonic() - self._saved_at < pause:
            return {}  # the one at the end is for Ray Tune to ask for
        return self._save(at_end=False)

    def _save(self, at_end: bool) -> Report:
        started = time.monotonic()
        files = [(TRAINING_FILE, self._run.save)]
        if at_end:
            files.append((product_of(self._run.candidate), self._save_product))
        try:
            self._folder.save(self._run.state.epochs, self._curve, files)
        except OSError as error:
            logger.exception("a checkpoint could not be written")
            return {"disk": str(error)} if error.errno in DISK_TROUBLE else {}
        finally:
            self._saved_at = time.monotonic()
            self._seconds_to_save = self._saved_at - started
        return {}

    def _save_product(self, path: Path) -> None:
        if isinstance(self._run, FittingRun):
            self._run.save_predicted(path)
            return
        about = {"seed": self._run.seed, "recipe": self._run.recipe.to_json(), **self._standing()}
        checkpoint.save_network(path, self._run.best_network(), about)

    def save_checkpoint(self, checkpoint_dir: str) -> dict[str, Any]:
        """Write the trial's own checkpoint, which outlives Ray's; for Ray itself only how far its reports are."""
        if self._failure is None and self._run.state.epochs:  # more than it has reported, where it is repeating epochs
            self._save(at_end=True)
        return {"reported": self._reported}

    def cleanup(self) -> None:
        self._leave_pack()

    def _leave_pack(self) -> None:
        run = self.__dict__.pop("_run", None)
        if isinstance(run, PackedRun):
            run.close()

    def load_checkpoint(self, checkpoint: dict[str, Any]) -> None:  # type: ignore[override]
        self._reported = min(checkpoint["reported"], len(self._curve))


def result_of(config: dict[str, Any], last: Report, stop_reason: str, failure: str | None) -> TrialResult:
    """What a trial of this configuration has come to, by its last report; {} where it made none."""
    return TrialResult(
        trial_id=key_of(config),
        candidate=Candidate.from_json(config["candidate"]),
        seed=config["seed"],
        epochs=last.get(TIME_ATTRIBUTE, 0),
        best_epoch=last.get("best_epoch", 0),
        best_error=last.get(METRIC, math.inf),
        seconds=last.get("training_seconds", 0.0),
        stop_reason=stop_reason,
        failure=failure,
        ended_at=time.time(),
    )


def may_pass(error: Exception) -> bool:
    """Whether a start elsewhere or later may mend it: memory was short, a GPU in trouble, a pack lost.

    What is called of a pack that is being lost fails in several ways, all of them Ray's own errors.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError | RayError):
        return True
    return "can't allocate memory" in str(error) or "CUDA error" in str(error)


def described(error: Exception) -> str:
    """An unforeseen error in one line."""
    return f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}"[:300]
