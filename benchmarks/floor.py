"""The least time that the hardware needs for a training step: what it must move and compute, at measured rates."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch

from models.architecture import Architecture

TOUCHES_PER_WEIGHT = 10
"""Reads and writes of a float32 weight in an Adam step: read forward and backward, gradient written, then gradient,
weight and both moments read, weight and both moments written."""
PASSES = 3
"""Products a layer takes: forward, gradient of its inputs, gradient of its weights."""


@dataclass(frozen=True)
class Hardware:
    """Measured rates: bytes a second of a large copy, operations a second of a large product."""

    bytes_per_second: float
    operations_per_second: float


def seconds_of(work: Callable[[], object], device: str) -> float:
    """The best of several tries: a floor is what the hardware can do, not what it does on average."""
    times = []
    for _ in range(7):
        started = time.perf_counter()
        work()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return min(times[1:])


def measure(device: str, bfloat16: bool = False) -> Hardware:
    """Rates of this machine with the threads that torch now has."""
    large = torch.zeros((1 << 28) if device == "cuda" else (1 << 25), device=device)
    other = torch.empty_like(large)
    copied = 2 * large.numel() * large.element_size() / seconds_of(lambda: other.copy_(large), device)
    width = 8192 if device == "cuda" else 1024
    matrix = torch.ones(width, width, device=device, dtype=torch.bfloat16 if bfloat16 else torch.float32)
    return Hardware(copied, 2 * width**3 / seconds_of(lambda: matrix @ matrix, device))


def seconds_per_step(architecture: Architecture, batch_size: int, hardware: Hardware) -> float:
    """The longer of moving the weights and multiplying by them; activations and all other work count nothing."""
    weights = architecture.parameter_count()
    moving = weights * 4 * TOUCHES_PER_WEIGHT / hardware.bytes_per_second
    computing = 2 * weights * batch_size * PASSES / hardware.operations_per_second
    return max(moving, computing)
