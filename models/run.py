"""What is known of a training run from outside: how it stands, and epoch after epoch."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Self

from models.candidate import Candidate


@dataclass(frozen=True)
class Epoch:
    """One pass over the training rows. Errors are `objective.ERROR_NAMES` of the task, in the target's unit.

    `train_error` is the mean over the epoch's batches as they were trained on (dropout and all);
    `validation_error` is of the weights at its end (their average where the recipe keeps one).
    """

    number: int
    train_error: float
    validation_error: float
    learning_rate: float
    seconds: float


class NonFiniteLossError(ArithmeticError):
    """Training left the finite numbers; says in which epoch."""


@dataclass(frozen=True)
class RunState:
    """How a run stands: epochs done, the best validation error and its epoch, seconds of training.

    `stop_reason` is None until it has stopped. Any order of runs by `best_error` is one by validation.
    """

    epochs: int = 0
    best_error: float = math.inf
    best_epoch: int = 0
    seconds: float = 0.0
    stop_reason: str | None = None

    def stopped(self, reason: str) -> Self:
        """The same, stopped."""
        return replace(self, stop_reason=reason)

    def to_facts(self) -> dict[str, Any]:
        """Values that JSON holds, which has no infinity."""
        return asdict(self) | {"best_error": self.best_error if math.isfinite(self.best_error) else None}

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """Inverse of `to_facts`. Raises TypeError or KeyError on anything else."""
        return cls(**{**facts, "best_error": math.inf if facts["best_error"] is None else facts["best_error"]})


class Run(ABC):
    """A candidate that is trained from a seed, here or elsewhere; iterate over it for its epochs."""

    candidate: Candidate
    seed: int
    state: RunState

    def __iter__(self) -> Iterator[Epoch]:
        while self.state.stop_reason is None:
            yield self.epoch()

    @abstractmethod
    def epoch(self) -> Epoch:
        """Train and validate for one epoch. Raises NonFiniteLossError."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write all that the rest of the run depends on, but for the data."""

    @abstractmethod
    def restore(self, path: Path) -> None:
        """Go on from where `save` was. Raises CheckpointError where the file is broken or another trial's."""
