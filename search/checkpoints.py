"""A trial's folder: its checkpoints, each whole or not there, the last two kept."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from models.candidate import Candidate
from models.checkpoint import CheckpointError

logger = logging.getLogger(__name__)

TRAINING_FILE = "training.npz"
"""All that a run needs to go on."""
NETWORK_FILE = "network.npz"
"""The best weights so far, all that a user of the network needs, for `models.checkpoint.load_network`."""
PREDICTED_FILE = "predicted.npz"
"""What a traditional model predicts on the validation rows, for `search.fitting.load_predicted`."""
CURVE_FILE = "curve.json"
"""What the trial reported of each epoch."""

TRIALS_FOLDER = "trials"
KEPT = 2

Report = dict[str, Any]


def product_of(candidate: Candidate) -> str:
    """The file that a finished trial leaves, in its folder and among the artifacts of its run in MLflow."""
    return NETWORK_FILE if candidate.estimator is None else PREDICTED_FILE


def key_of(config: dict[str, Any]) -> str:
    """A trial's name for good, the same in every session: of its candidate and seed, which no other trial has."""
    return hashlib.sha256(f"{config['candidate']} {config['seed']}".encode()).hexdigest()[:12]


@dataclass
class Restored:
    """What a trial goes on from: the reports of its epochs so far, and the checkpoints that could not be read.

    `is_over` where the trial has ended and left nothing but its reports.
    """

    curve: list[Report] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)
    is_over: bool = False


@dataclass(frozen=True)
class TrialFolder:
    """Checkpoints of one trial in `path`, in folders that are named by their epoch."""

    path: Path

    @classmethod
    def of(cls, search: Path, key: str) -> TrialFolder:
        return cls(search / TRIALS_FOLDER / key)

    def checkpoints(self) -> list[Path]:
        """The newest first."""
        return sorted(self.path.glob("epoch-*"), reverse=True)

    def save(self, epoch: int, curve: Sequence[Report], write: Sequence[tuple[str, Callable[[Path], None]]]) -> None:
        """Add a checkpoint of the given files; it appears whole, on the disk, or not at all. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self.path))
        try:
            for name, writer in write:
                writer(partial / name)
            with (partial / CURVE_FILE).open("w") as file:
                json.dump(list(curve), file)
                file.flush()
                os.fsync(file.fileno())
            target = self.path / f"epoch-{epoch:06d}"
            if target.exists():  # of the same epoch, and so the same but for the files it lacks
                target.rename(Path(tempfile.mkdtemp(prefix=".old-", dir=self.path)) / "old")
            partial.rename(target)
            sync(self.path)
        except OSError:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        self._prune(self.checkpoints()[:KEPT])

    def _prune(self, kept: Sequence[Path]) -> None:
        for folder in self.path.iterdir():
            if folder not in kept:
                shutil.rmtree(folder, ignore_errors=True)

    def restore(self, into: Callable[[Path], None]) -> Restored:
        """Go on from the newest checkpoint that can be read: `into` gets its training file. Nothing, where none can."""
        if (self.path / CURVE_FILE).exists():
            return Restored(self.curve(), is_over=True)
        restored = Restored()
        for folder in self.checkpoints():
            try:
                curve = read_curve(folder / CURVE_FILE)
                into(folder / TRAINING_FILE)
            except CheckpointError as error:
                logger.warning("%s", error)
                restored.damaged.append(folder.name)
                shutil.rmtree(folder, ignore_errors=True)
            else:
                restored.curve = curve
                break
        return restored

    def curve(self) -> list[Report]:
        """The reports of all epochs that are on the disk; empty where there are none."""
        for folder in (self.path, *self.checkpoints()):
            with contextlib.suppress(CheckpointError):
                return read_curve(folder / CURVE_FILE)
        return []

    def product(self, candidate: Candidate, epoch: int) -> Path | None:
        """What a trial left that ended after `epoch` (`product_of`)."""
        path = self.path / f"epoch-{epoch:06d}" / product_of(candidate)
        return path if path.exists() else None

    def clear(self, keep_curve: bool) -> None:
        """Drop what only a trial under way needs, once it has ended."""
        checkpoints = self.checkpoints()
        if keep_curve and checkpoints:
            (checkpoints[0] / CURVE_FILE).rename(self.path / CURVE_FILE)
            self._prune([self.path / CURVE_FILE])
        elif not keep_curve:
            shutil.rmtree(self.path, ignore_errors=True)


def read_curve(path: Path) -> list[Report]:
    """Raises CheckpointError."""
    try:
        reports = json.loads(path.read_text())
        if not isinstance(reports, list):
            raise ValueError("no list of epochs")
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read: {error}") from error
    return reports


def sync(folder: Path) -> None:
    """Have the system write a folder's entries to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
