"""The optimiser steps of a training run: one by one on a CPU, each one launch of a CUDA graph on a GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from models.averaging import AveragedWeights, averaging_weight
from models.fused import Optimiser
from models.network import Network
from models.objective import Objective

STEPS_BEFORE_CAPTURE = 3
"""Steps that a graph's kernels need to come into being, as PyTorch's documentation asks."""


@dataclass(frozen=True)
class Parts:
    """What a step works on. `x` is (rows, inputs), `y` the objective's targets; `batches` are (first, last + 1)."""

    network: Network
    objective: Objective
    optimiser: Optimiser
    averaged: AveragedWeights | None
    x: Tensor
    y: Tensor
    batches: Sequence[tuple[int, int]]
    bfloat16: bool

    def train_on(self, rows: Tensor, weight: float | Tensor) -> Tensor:
        """One optimiser step on these rows; the sum of their errors. `weight` is the averaging's of this step."""
        with torch.autocast(self.x.device.type, torch.bfloat16, enabled=self.bfloat16, cache_enabled=False):
            outputs = self.network(self.x[rows])
        outputs, y = outputs.float(), self.y[rows]
        self.objective.loss(outputs, y).backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        if self.averaged is not None:
            self.averaged.update(weight)
        with torch.no_grad():
            return len(rows) * self.objective.error(outputs.detach(), y)

    def averaging_weights(self, first_step: int) -> list[float]:
        """Weight of each of an epoch's steps in the average, the steps counted from 0."""
        if self.averaged is None:
            return [0.0] * len(self.batches)
        return [averaging_weight(self.averaged.decay, first_step + n + 1) for n in range(len(self.batches))]


class Steps(Protocol):
    """Begin an epoch, then take each of its steps; `error` is the sum over the rows trained on so far in it."""

    error: Tensor

    def begin_epoch(self, order: Tensor, rates: Sequence[float], first_step: int) -> None:
        """`order` (rows,) deals out the rows, `rates` holds each step's learning rate."""

    def take(self, number: int) -> None:
        """Take step `number` of the epoch, from 0."""

    def release(self) -> None:
        """Give back what is held of the device for steps to come."""


class EagerSteps:
    """Steps launched kernel by kernel."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.error = torch.zeros((), dtype=torch.float64, device=parts.x.device)

    def begin_epoch(self, order: Tensor, rates: Sequence[float], first_step: int) -> None:
        self._order, self._rates = order.to(self.parts.x.device), rates
        self._weights = self.parts.averaging_weights(first_step)
        self.error.zero_()

    def take(self, number: int) -> None:
        first, last = self.parts.batches[number]
        self.parts.optimiser.rate = self._rates[number]
        self.error += self.parts.train_on(self._order[first:last], self._weights[number])

    def release(self) -> None:
        """Nothing is held."""


class GraphedSteps:
    """Steps that read all that changes between them from the device, so that each is one launch.

    A CUDA graph replays the same kernels on the same addresses. Rows, learning rate and averaging weight of step n
    are therefore picked on the device, by a counter that the step itself moves on. One graph for each batch length.
    It is captured on the stream that replays it: cuBLAS keeps a workspace a stream, which a graph goes on using and
    which is freed with the graph. Where there is no GPU the same step runs uncaptured.
    """

    def __init__(self, parts: Parts, generators: Sequence[torch.Generator]) -> None:
        device, steps = parts.x.device, len(parts.batches)
        self.parts, self._generators = parts, generators
        self.error = torch.zeros((), dtype=torch.float64, device=device)
        self._order = torch.zeros(len(parts.x), dtype=torch.int64, device=device)
        self._firsts = torch.tensor([first for first, _ in parts.batches], device=device)
        self._table = torch.zeros(2, steps, device=device)  # learning rates and averaging weights
        self._number = torch.zeros(1, dtype=torch.int64, device=device)
        self._rate = torch.zeros((), device=device)
        self._offsets = torch.arange(max(last - first for first, last in parts.batches), device=device)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self._side: torch.cuda.Stream | None = None
        self._taken = 0

    def begin_epoch(self, order: Tensor, rates: Sequence[float], first_step: int) -> None:
        self.parts.optimiser.rate = self._rate
        self._order.copy_(order, non_blocking=True)
        self._table.copy_(torch.tensor([list(rates), self.parts.averaging_weights(first_step)]))
        self._number.zero_()
        self.error.zero_()

    def take(self, number: int) -> None:
        first, last = self.parts.batches[number]
        if self._taken < STEPS_BEFORE_CAPTURE or self.parts.x.device.type != "cuda":
            self._body(last - first)
        else:
            self._graph(last - first).replay()
        self._taken += 1

    def release(self) -> None:
        """The graphs, once what they were launched for is done."""
        if self._graphs:
            torch.cuda.synchronize(self.parts.x.device)
        self._graphs.clear()

    def _body(self, rows_in_batch: int) -> None:
        self._rate.copy_(self._table[0].index_select(0, self._number)[0])
        weight = self._table[1].index_select(0, self._number)[0]
        places = self._firsts.index_select(0, self._number) + self._offsets[:rows_in_batch]
        self.error += self.parts.train_on(self._order[places], weight)
        self._number += 1

    def _graph(self, rows_in_batch: int) -> torch.cuda.CUDAGraph:
        if rows_in_batch not in self._graphs:
            self._graphs[rows_in_batch] = self._capture(rows_in_batch)
        return self._graphs[rows_in_batch]

    def _capture(self, rows_in_batch: int) -> torch.cuda.CUDAGraph:
        graph = torch.cuda.CUDAGraph()
        for generator in self._generators:
            graph.register_generator_state(generator)
        torch.cuda.current_stream().synchronize()
        # Other members of a pack go on launching from this thread between two captures, never during one.
        with torch.cuda.graph(graph, stream=self._capturing_stream(), capture_error_mode="thread_local"):
            self._body(rows_in_batch)
        return graph

    def _capturing_stream(self) -> torch.cuda.Stream:
        """The current one; one of this run's own where that is the default stream, which cannot be captured."""
        device = self.parts.x.device
        current = torch.cuda.current_stream(device)
        if current != torch.cuda.default_stream(device):
            return current
        self._side = self._side or torch.cuda.Stream(device)
        return self._side


def batch_bounds(rows: int, batch_size: int, batch_norm: bool) -> list[tuple[int, int]]:
    """First and last+1 row of each batch; the last one may be short.

    Batch norm cannot train on one row, so there a single row left over joins the batch before it.
    """
    bounds = [(first, min(first + batch_size, rows)) for first in range(0, rows, batch_size)]
    if batch_norm and len(bounds) > 1 and bounds[-1][1] - bounds[-1][0] == 1:
        bounds[-2:] = [(bounds[-2][0], rows)]
    return bounds
