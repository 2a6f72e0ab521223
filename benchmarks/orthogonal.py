"""Muon's orthogonalisation as it is done on a CPU against the Newton-Schulz iterations of its authors, in one process.

Random matrices of the shapes of a few networks' hidden layers, those of a network together; medians of turns, in turns.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.report import Row, arguments, faster, report
from models.orthogonal import newton_schulz, zolotarev

SHAPES = {
    "5 of 512 x 512": (5, 512, 512),
    "7 of 212 x 212": (7, 212, 212),
    "1 of 512 x 1,024": (1, 512, 1024),
    "2 of 1,024 x 1,024": (2, 1024, 1024),
}
TURNS = 15


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    turns = 3 if options.quick else TURNS
    rows = [row(case, torch.randn(shape), turns) for case, shape in SHAPES.items()]
    report(f"Orthogonalising hidden layers' steps, {options.threads} threads", rows, options)


def row(case: str, matrices: Tensor, turns: int) -> Row:
    ours, baseline = [], []
    for _ in range(turns):
        ours.append(seconds(zolotarev, matrices))
        baseline.append(seconds(newton_schulz, matrices))
    return faster(case, 1e3 * statistics.median(ours), 1e3 * statistics.median(baseline), "ms")


def seconds(method: Callable[[Tensor], Tensor], matrices: Tensor) -> float:
    started = time.perf_counter()
    method(matrices)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
