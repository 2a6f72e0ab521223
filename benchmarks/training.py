"""Seconds per step and per epoch of the paper's networks on JARVIS: a plain PyTorch loop, ours alone, ours packed.

All at the paper's settings (Adam, batch 32, float32). The three take turns, so that whatever else the machine does
slows all alike, and each has a process of its own, so that none profits from another's settings; a figure is the median
over the turns. The floor is what the hardware needs at the rates measured in the same run (benchmarks/floor.py).
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from typing import Protocol

import torch

from benchmarks.floor import Hardware, measure
from benchmarks.floor import seconds_per_step as floor_of
from benchmarks.plain_loop import PlainLoop
from benchmarks.report import Row, arguments, faster, report
from models.architecture import Architecture
from models.candidate import Candidate
from models.data import TrainingData
from models.packing import Pack
from models.published import BRNET, ELEMNET, IRNET
from models.recipe import PAPER
from search.data import DataRequest, load
from spaces import build as space_of

NETWORKS = {"BRNet": BRNET, "ElemNet": ELEMNET, "IRNet": IRNET}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


class Ours:
    """Networks of one architecture in a pack, of one or more."""

    def __init__(self, architecture: Architecture, data: TrainingData, members: int) -> None:
        self.pack = Pack(data, DEVICE)
        self.names = [str(number) for number in range(members)]
        for seed, name in enumerate(self.names):
            self.pack.add(name, Candidate(architecture, PAPER), seed)

    def epoch(self) -> float:
        """Seconds a member's epoch takes, validation included."""
        for name in self.names:
            self.pack.begin_epoch(name)
        before = {name: self.pack.members[name].run.state.seconds for name in self.names}
        while self.pack.busy:
            for ended in self.pack.turn().values():
                if isinstance(ended, Exception):
                    raise ended
        return statistics.fmean(self.pack.members[name].run.state.seconds - before[name] for name in self.names)


class Contender(Protocol):
    def epoch(self) -> float:
        """Train and validate; the seconds of one network's epoch."""


def serve(make: Callable[[], Contender], pipe: Connection) -> None:
    """Train an epoch whenever asked to, until the pipe closes."""
    contender = make()
    try:
        while pipe.recv():
            pipe.send(contender.epoch())
    except EOFError:
        pass


def subset(data: TrainingData, steps: int) -> TrainingData:
    """So few rows that an epoch is `steps` steps, with a validation set in proportion."""
    rows = steps * PAPER.batch_size
    part = max(1, round(len(data.x_validation) * rows / len(data.x_train)))
    return TrainingData(data.x_train[:rows], data.y_train[:rows], data.x_validation[:part], data.y_validation[:part])


def medians(makers: dict[str, Callable[[], Contender]], turns: int) -> dict[str, float]:
    """Seconds of an epoch of each contender, each in a process of its own, in turns."""
    context = multiprocessing.get_context("spawn")
    pipes, processes = {}, []
    for name, make in makers.items():
        pipes[name], theirs = context.Pipe()
        processes.append(context.Process(target=serve, args=(make, theirs), daemon=True))
        processes[-1].start()
        theirs.close()
    times: dict[str, list[float]] = {name: [] for name in makers}
    for turn in range(turns + 2):
        for name, pipe in pipes.items():
            pipe.send(True)
            seconds = pipe.recv()
            if turn > 1:  # before that memory is found and graphs are captured
                times[name].append(seconds)
    for pipe, process in zip(pipes.values(), processes, strict=True):
        pipe.close()
        process.join()
    return {name: statistics.median(values) for name, values in times.items()}


def compare(
    name: str, architecture: Architecture, data: TrainingData, hardware: Hardware, options: argparse.Namespace
) -> list[Row]:
    """Rows of one network: an epoch of `--steps` steps at a time of each of the three in turn."""
    part = subset(data, options.steps)
    makers: dict[str, Callable[[], Contender]] = {
        "plain": partial(PlainLoop, architecture, PAPER, part, DEVICE),
        "solo": partial(Ours, architecture, part, 1),
        "packed": partial(Ours, architecture, part, options.members),
    }
    step = {kind: seconds / options.steps for kind, seconds in medians(makers, options.turns).items()}
    floor = floor_of(architecture, PAPER.batch_size, hardware)
    steps = len(data.x_train) / PAPER.batch_size
    return [
        faster(f"{name}, step alone", 1e3 * step["solo"], 1e3 * step["plain"], "ms"),
        faster(f"{name}, step of one in a pack of {options.members}", 1e3 * step["packed"], 1e3 * step["plain"], "ms"),
        faster(f"{name}, epoch of {steps:.0f} steps alone", steps * step["solo"], steps * step["plain"]),
        Row(f"{name}, floor of a step / alone", 1e3 * floor, 1e3 * step["solo"], floor / step["solo"], "ms"),
        Row(f"{name}, floor of a step / packed", 1e3 * floor, 1e3 * step["packed"], floor / step["packed"], "ms"),
    ]


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--members", type=int, default=32 if DEVICE == "cuda" else 4, help="networks in a pack")
    parser.add_argument("--steps", type=int, default=100 if DEVICE == "cuda" else 20, help="steps in a turn")
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    networks = dict(NETWORKS)
    if options.quick:
        options.turns, networks = 3, {"BRNet": BRNET}
    else:
        networks |= {str(c.architecture): c.architecture for c in space_of("branching", PAPER, BRNET).candidates()}
    split = load(DataRequest("mp", rows=2000) if options.quick else DataRequest("jarvis"))
    data = TrainingData(split.train.x, split.train.y, split.validation.x, split.validation.y)
    hardware = measure(DEVICE)
    rows = [row for name, network in networks.items() for row in compare(name, network, data, hardware, options)]
    title = (
        f"training at the paper's settings on {DEVICE}, {torch.get_num_threads()} threads; "
        f"{hardware.bytes_per_second / 1e9:.3g} GB/s, {hardware.operations_per_second / 1e12:.3g} TFLOP/s measured"
    )
    report(title, rows, options)


if __name__ == "__main__":
    main()
