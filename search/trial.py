"""One trial: a training run inside a Ray Tune actor that is used for one trial after another."""

from __future__ import annotations

import math
import time
from pathlib import Path
from typing import Any

import torch
from ray import tune

from models import checkpoint
from models.candidate import Candidate
from models.training import NonFiniteLossError, TrainingData, TrainingRun

TRAINING_FILE = "training.npz"
"""All that a run needs to go on."""
NETWORK_FILE = "network.npz"
"""The best weights so far, all that a user of the network needs."""

SECONDS_BETWEEN_CHECKPOINTS = 60.0

METRIC = "best_error"
"""What schedulers and searchers lower: a trial's best validation error so far."""
TIME_ATTRIBUTE = "epoch"


class Trial(tune.Trainable):
    """Trains `config["candidate"]` (JSON) from `config["seed"]`; one step is one epoch."""

    _data: TrainingData
    _device: str

    def setup(
        self, config: dict[str, Any], data: TrainingData | None = None, device: str = "cpu", threads: int = 1
    ) -> None:
        if data is None:
            raise ValueError("a trial needs its data")
        torch.set_num_threads(threads)
        self._data, self._device = data, device
        self._begin(config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._begin(new_config)
        return True

    def _begin(self, config: dict[str, Any]) -> None:
        self._run = TrainingRun(
            Candidate.from_json(config["candidate"]), self._data, seed=config["seed"], device=self._device
        )
        self._epochs = iter(self._run)
        self._saved_at = time.monotonic()

    def step(self) -> dict[str, Any]:
        run = self._run
        try:
            epoch = next(self._epochs)
        except StopIteration:
            return {**self._standing(), "done": True}
        except NonFiniteLossError as failure:
            return {**self._standing(), METRIC: math.inf, "failure": str(failure), "done": True}
        save = time.monotonic() - self._saved_at > SECONDS_BETWEEN_CHECKPOINTS
        return {
            **self._standing(),
            "train_error": epoch.train_error,
            "validation_error": epoch.validation_error,
            "learning_rate": epoch.learning_rate,
            "epoch_seconds": epoch.seconds,
            "should_checkpoint": save,
            "done": run.stop_reason is not None,
        }

    def _standing(self) -> dict[str, Any]:
        run = self._run
        return {
            TIME_ATTRIBUTE: run.epochs,
            METRIC: run.best_error,
            "best_epoch": run.best_epoch,
            "training_seconds": run.seconds,
            "stop_reason": run.stop_reason,
        }

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        folder = Path(checkpoint_dir)
        self._run.save(folder / TRAINING_FILE)
        about = {"seed": self._run.seed, "recipe": self._run.recipe.to_json(), **self._standing()}
        checkpoint.save_network(folder / NETWORK_FILE, self._run.best_network(), about)
        self._saved_at = time.monotonic()

    def load_checkpoint(self, checkpoint_dir: str) -> None:  # type: ignore[override]
        self._run.restore(Path(checkpoint_dir) / TRAINING_FILE)
        self._epochs = iter(self._run)
