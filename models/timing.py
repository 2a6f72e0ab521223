"""How long training takes on this hardware, by a few real steps, and what follows for how to run trials."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

import torch

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.cost import PASSES, StepCost
from models.data import TrainingData
from models.packing import STEPS_A_TURN, Pack
from models.recipe import FAST
from models.streams import MOST_STREAMS

TIMED_TURNS = 3
"""Turns of full epochs whose steps are timed, after as many that are not."""
TIMED_STEPS = TIMED_TURNS * STEPS_A_TURN
EPOCHS_WITHOUT_END = 1_000_000

MEASURED_WIDTHS = (64, 512)
MEASURED_BATCH = 256
"""Of the two networks, and their steps, that a step's cost is measured by."""

WORTH_MORE_MEMBERS = 1.1
"""Factor in steps a second below which doubling a pack does not pay: an epoch of each then takes longer for little."""
MOST_MEMBERS = MOST_STREAMS
PART_OF_MEMORY = 0.8
"""Of a GPU's free memory, what a pack may take."""


def seconds_per_step(candidates: Sequence[Candidate], data: TrainingData, device: str = "cpu") -> float:
    """Seconds in which every one of the candidates, side by side in one pack, takes one step; without validation."""
    batch = max(candidate.recipe.batch_size for candidate in candidates)
    rows = min(len(data.x_train), batch * STEPS_A_TURN * (2 * TIMED_TURNS + 1))
    few = TrainingData(
        data.x_train[:rows], data.y_train[:rows], data.x_validation[:1], data.y_validation[:1], data.start
    )
    pack = Pack(few, device)
    names = [str(number) for number in range(len(candidates))]
    for name, candidate in zip(names, candidates, strict=True):
        pack.add(name, without_end(candidate), seed=0)
    _timed_step(pack, names)  # allocates and captures
    seconds = _timed_step(pack, names)
    for name in names:
        pack.remove(name)
    return seconds


def measured_cost(base: Architecture, data: TrainingData, device: str = "cpu") -> StepCost:
    """By a few real steps of a small and a large network with the input and head of `base`; takes seconds."""
    recipe = replace(FAST, batch_size=min(MEASURED_BATCH, len(data.x_train)))
    plain = replace(base, branchings=(), dropout=())
    networks = [replace(plain, groups=(Group(width, 4),)) for width in MEASURED_WIDTHS]
    small, large = (seconds_per_step([Candidate(network, recipe)], data, device) for network in networks)
    operations = [PASSES * network.parameter_count() * recipe.batch_size for network in networks]
    per_operation = max(1e-15, (large - small) / (operations[1] - operations[0]))
    return StepCost(max(1e-6, small - per_operation * operations[0]), per_operation)


def without_end(candidate: Candidate) -> Candidate:
    """The same steps, of a run that neither ends nor diverges while it is timed, however few rows an epoch has."""
    recipe = replace(
        candidate.recipe,
        epochs=EPOCHS_WITHOUT_END,
        patience=0,
        learning_rate=1e-9,
        schedule="constant",
        train_part=1.0,
    )
    return replace(candidate, recipe=recipe)


def _timed_step(pack: Pack, names: Sequence[str]) -> float:
    """Seconds for a step of each, over as many turns as the steps need: an epoch of few rows ends before its turn.

    A member that fails ends it: its trial will tell why.
    """
    started, before, failed = time.perf_counter(), pack.steps_taken, False
    while pack.steps_taken - before < TIMED_STEPS * len(names) and not failed:
        for name in names:
            if pack.members[name].steps is None:
                pack.begin_epoch(name)
        failed = any(isinstance(outcome, Exception) for outcome in pack.turn().values())
    if pack.device.type == "cuda":
        torch.cuda.synchronize(pack.device)
    return (time.perf_counter() - started) * len(names) / max(1, pack.steps_taken - before)


def threads_that_pay(candidate: Candidate, data: TrainingData, cpus: int, trials: int | None) -> int:
    """CPU threads per trial with which `trials` (None: any number) of them train fastest on `cpus` cores together.

    Each count is measured alone; trials that then run side by side are taken not to slow each other.
    """
    before = torch.get_num_threads()
    steps_per_second: dict[int, float] = {}
    threads = 1
    try:
        while threads <= cpus:
            torch.set_num_threads(threads)
            at_once = min(cpus // threads, trials or cpus)
            steps_per_second[threads] = at_once / seconds_per_step([candidate], data)
            threads *= 2
    finally:
        torch.set_num_threads(before)
    return max(steps_per_second, key=lambda count: steps_per_second[count])


def members_that_pay(candidate: Candidate, data: TrainingData, device: str, most: int = MOST_MEMBERS) -> int:
    """How many copies of a candidate a pack should hold: doubled while that brings 10 % more steps a second.

    On a GPU never more than fit into its free memory, by what one member was seen to take.
    """
    best, rate, members = 1, 1 / seconds_per_step([candidate], data, device), 2
    most = min(most, members_that_fit(candidate, data, device)) if device == "cuda" else most
    while members <= most:
        new_rate = members / seconds_per_step([candidate] * members, data, device)
        if new_rate < WORTH_MORE_MEMBERS * rate:
            break
        best, rate, members = members, new_rate, 2 * members
    return best


def members_that_fit(candidate: Candidate, data: TrainingData, device: str) -> int:
    """Members that a GPU's free memory holds, by the peak of two beside the peak of one."""
    peaks = []
    for members in (1, 2):
        torch.cuda.reset_peak_memory_stats()
        seconds_per_step([candidate] * members, data, device)
        peaks.append(torch.cuda.max_memory_reserved())
    free, _ = torch.cuda.mem_get_info()
    return max(1, int(PART_OF_MEMORY * free / max(1, peaks[1] - peaks[0])))
