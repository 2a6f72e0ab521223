"""Several training runs side by side in one process, each as if it were alone."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import torch

from models.candidate import Candidate
from models.data import TrainingData
from models.run import Epoch
from models.training import TrainingRun

STEPS_A_TURN = 8
"""Steps a member takes before the next one's turn: enough launches to keep its stream of a GPU busy meanwhile."""


@dataclass
class Member:
    """A training run in a pack; `steps` is the epoch it is in, None while nobody has asked for one."""

    run: TrainingRun
    stream: AbstractContextManager[object]
    steps: Generator[None, None, Epoch] | None = field(default=None)


class Pack:
    """Training runs on the same data that take turns; on a GPU each launches its steps on a stream of its own.

    A small network's step keeps a GPU busy only in part, so that the steps of many run at once. A member is a
    `TrainingRun` like any other and knows nothing of its neighbours: architecture, recipe, seed and the moment it
    comes or goes are its own. Only its `seconds` are shared out: a second in which four members trained counts as a
    quarter of one for each. `steps_taken` are those of all members together.
    """

    def __init__(self, data: TrainingData, device: str = "cpu") -> None:
        self.data, self.device = data, torch.device(device)
        self.members: dict[str, Member] = {}
        self._x = data.x_on(self.device)
        self._shared_seconds = 0.0
        self.steps_taken = 0

    def add(self, name: str, candidate: Candidate, seed: int) -> TrainingRun:
        """A new member, at the start of its training. Raises ValueError as TrainingRun does, or for a name in use."""
        if name in self.members:
            raise ValueError(f"there is a member {name} already")
        on_gpu = self.device.type == "cuda"
        stream = torch.cuda.stream(torch.cuda.Stream(self.device)) if on_gpu else nullcontext()
        with stream:
            run = TrainingRun(candidate, self.data, seed, str(self.device), lambda: self._shared_seconds, self._x)
        self.members[name] = Member(run, stream)
        return run

    def remove(self, name: str) -> None:
        """Let a member go, in the middle of an epoch or not; its memory is free for others."""
        member = self.members.pop(name)
        if member.steps is not None:
            member.steps.close()

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
        started = time.perf_counter()
        for name, member in training.items():
            outcome = self._few_steps(member)
            if outcome is not None:
                ended[name] = outcome
                member.steps = None
        if training:
            self._shared_seconds += (time.perf_counter() - started) / len(training)
        return ended

    def _few_steps(self, member: Member) -> Epoch | Exception | None:
        assert member.steps is not None
        try:
            with member.stream:
                for _ in range(STEPS_A_TURN):
                    next(member.steps)
                    self.steps_taken += 1
        except StopIteration as end:
            epoch: Epoch = end.value
            return epoch
        except Exception as failure:  # a member's failure is its own, whatever it is
            return failure
        return None
