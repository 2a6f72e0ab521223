"""Muon's orthogonalisation as it is done on a CPU against the Newton-Schulz iterations of its authors, in one process.

First the matrices alone, random ones of the shapes that a few networks' hidden layers have, those of a network
together; then whole steps of training. Medians of several turns, the two methods one after the other in each.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from benchmarks.report import Row, arguments, faster, report
from models import muon
from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.data import TrainingData
from models.orthogonal import newton_schulz, zolotarev
from models.recipe import MUON
from models.timing import seconds_per_step

Method = Callable[[Tensor], Tensor]

MATRICES = {
    "7 matrices of 212 x 212": (7, 212, 212),
    "5 of 512 x 512": (5, 512, 512),
    "2 of 1,024 x 1,024": (2, 1024, 1024),
}
NETWORKS = {
    "a step of 8 layers of 212, batches of 256": (Group(212, 8), 256),
    "6 layers of 512, batches of 1,024": (Group(512, 6), 1024),
}
INPUTS = 86
TURNS, QUICK_TURNS = 15, 3


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    turns = QUICK_TURNS if options.quick else TURNS
    rows = [compared(case, of_matrices(torch.randn(shape)), turns) for case, shape in MATRICES.items()]
    rows += [compared(case, of_steps(*network), max(1, turns // 5)) for case, network in NETWORKS.items()]
    report(f"Muon's steps, rational function against Newton-Schulz, {options.threads} threads", rows, options)


def compared(case: str, milliseconds: Callable[[Method], float], turns: int) -> Row:
    found = [(milliseconds(zolotarev), milliseconds(newton_schulz)) for _ in range(turns)]
    ours, baseline = (statistics.median(times) for times in zip(*found, strict=True))
    return faster(case, ours, baseline, "ms")


def of_matrices(matrices: Tensor) -> Callable[[Method], float]:
    def milliseconds(method: Method) -> float:
        started = time.perf_counter()
        method(matrices)
        return 1e3 * (time.perf_counter() - started)

    return milliseconds


def of_steps(group: Group, batch: int) -> Callable[[Method], float]:
    draw = np.random.default_rng(0)
    x = draw.random((16 * batch, INPUTS), dtype=np.float32) / INPUTS
    data = TrainingData(x, x[:, :1] + x[:, 1:2], x[:8], x[:8, :1])
    network = Architecture(groups=(group,), skip="layer", activation="leaky_relu")
    candidate = Candidate(network, replace(MUON, batch_size=batch))

    def milliseconds(method: Method) -> float:
        with mock.patch.object(muon, "orthogonalised", method):
            return 1e3 * seconds_per_step([candidate], data)

    return milliseconds


if __name__ == "__main__":
    main()
