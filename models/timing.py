"""How long training takes on this hardware, by a few real steps, and what follows for how to run trials."""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from models.candidate import Candidate
from models.packing import STEPS_A_TURN, Pack
from models.training import TrainingData

TIMED_TURNS = 3
"""Turns that are timed, after as many that are not: those also allocate and capture."""
TIMED_STEPS = TIMED_TURNS * STEPS_A_TURN


def seconds_per_step(candidates: Sequence[Candidate], data: TrainingData, device: str = "cpu") -> float:
    """Seconds in which every one of the candidates, side by side in one pack, takes one step; without validation."""
    batch = max(candidate.recipe.batch_size for candidate in candidates)
    rows = min(len(data.x_train), batch * STEPS_A_TURN * (2 * TIMED_TURNS + 1))
    few = TrainingData(data.x_train[:rows], data.y_train[:rows], data.x_validation[:1], data.y_validation[:1])
    pack = Pack(few, device)
    names = [str(number) for number in range(len(candidates))]
    for name, candidate in zip(names, candidates, strict=True):
        pack.add(name, candidate, seed=0)
    times = [_timed_turns(pack, names) for _ in range(2)]
    return times[-1] / TIMED_STEPS


def _timed_turns(pack: Pack, names: Sequence[str]) -> float:
    started = time.perf_counter()
    for _ in range(TIMED_TURNS):
        for name in names:
            if pack.members[name].steps is None:
                pack.begin_epoch(name)
        pack.turn()
    if pack.device.type == "cuda":
        torch.cuda.synchronize(pack.device)
    return time.perf_counter() - started
