"""Several training runs side by side in one process, each as if it were alone."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

import torch

from models.candidate import Candidate
from models.data import TrainingData
from models.run import Epoch
from models.streams import Streams
from models.training import TrainingRun

STEPS_A_TURN = 8
"""Steps a member takes before the next one's turn: enough launches to keep its stream of a GPU busy meanwhile."""


@dataclass
class Member:
    """A training run in a pack; `steps` is the epoch it is in, None while nobody has asked for one."""

    run: TrainingRun
    stopwatch: Stopwatch
    lent: torch.cuda.Stream | None
    steps: Generator[None, None, Epoch] | None = field(default=None)

    @property
    def stream(self) -> AbstractContextManager[object]:
        """To launch on the member's stream of a GPU."""
        return on_stream(self.lent)


def on_stream(stream: torch.cuda.Stream | None) -> AbstractContextManager[object]:
    """To launch on a stream of a GPU, where there is one."""
    return nullcontext() if stream is None else torch.cuda.stream(stream)


class Stopwatch:
    """Counts the seconds in which it runs."""

    def __init__(self) -> None:
        self._before, self._started = 0.0, math.nan

    def __call__(self) -> float:
        now = time.perf_counter()
        return self._before + (0.0 if math.isnan(self._started) else now - self._started)

    @contextmanager
    def running(self) -> Iterator[None]:
        """While one of its member's turns lasts."""
        self._started = time.perf_counter()
        try:
            yield
        finally:
            self._before, self._started = self(), math.nan


class Pack:
    """Training runs on the same data that take turns; on a GPU each launches its steps on a stream of its own.

    A small network's step keeps a GPU busy only in part, so that the steps of many run at once. A member is a
    `TrainingRun` like any other and knows nothing of its neighbours: architecture, recipe, seed and the moment it
    comes or goes are its own. Its `seconds` are those of its turns: of a second in which four members trained each has
    a part, by what it launched and waited for. `steps_taken` are those of all members together.
    """

    def __init__(self, data: TrainingData, device: str = "cpu") -> None:
        self.data, self.device = data, torch.device(device)
        self.members: dict[str, Member] = {}
        self._x = data.x_on(self.device)
        self._streams = Streams(self.device)
        self.steps_taken = 0

    def add(self, name: str, candidate: Candidate, seed: int) -> TrainingRun:
        """A new member, at the start of its training.

        Raises ValueError as TrainingRun does, for a name in use, or where the pack has as many as a GPU has streams.
        """
        if name in self.members:
            raise ValueError(f"there is a member {name} already")
        stream, stopwatch = self._streams.lend(), Stopwatch()
        try:
            with on_stream(stream):
                run = TrainingRun(candidate, self.data, seed, str(self.device), stopwatch, self._x)
        except BaseException:
            self._streams.take_back(stream)
            raise
        self.members[name] = Member(run, stopwatch, stream)
        return run

    def remove(self, name: str) -> None:
        """Let a member go, in the middle of an epoch or not; its memory is free for others."""
        member = self.members.pop(name)
        if member.steps is not None:
            member.steps.close()
        member.run.close()
        self._streams.take_back(member.lent)

    def begin_epoch(self, name: str) -> None:
        """Let a member train for another epoch, in the turns to come."""
        member = self.members[name]
        if member.steps is not None or member.run.state.stop_reason is not None:
            raise ValueError(f"member {name} is in an epoch or has stopped")
        member.steps = member.run.steps_of_epoch()

    @property
    def busy(self) -> bool:
        return any(member.steps is not None for member in self.members.values())

    def turn(self) -> dict[str, Epoch | Exception]:
        """A few steps of every member that is in an epoch; the epochs that ended, or what ended them."""
        training = {name: member for name, member in self.members.items() if member.steps is not None}
        ended: dict[str, Epoch | Exception] = {}
        for name, member in training.items():
            outcome = self._few_steps(member)
            if outcome is not None:
                ended[name] = outcome
                member.steps = None
        return ended

    def _few_steps(self, member: Member) -> Epoch | Exception | None:
        assert member.steps is not None
        before = member.run.steps_taken
        try:
            with member.stream, member.stopwatch.running():
                for _ in range(STEPS_A_TURN):
                    next(member.steps)
        except StopIteration as end:
            epoch: Epoch = end.value
            return epoch
        except Exception as failure:  # a member's failure is its own, whatever it is
            return failure
        finally:
            self.steps_taken += member.run.steps_taken - before
        return None
