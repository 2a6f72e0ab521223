"""Which precision the hardware computes well in."""

from __future__ import annotations

import functools
import time

import torch
from torch import Tensor
from torch.nn import functional as F

from models.recipe import Precision

PROBE_ROWS, PROBE_WIDTH, PROBES = 128, 512, 8


def computes_in_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether to compute in bfloat16 on this device; `auto` does where the hardware is faster in it."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported()) and faster_in_bfloat16()


@functools.cache
def faster_in_bfloat16() -> bool:
    """Whether this processor trains a layer faster in bfloat16, by the least of a few times in either, taken in turns.

    To have the instructions is not enough: on a processor that has them an epoch in bfloat16 took longer than one of
    four times as many steps in float32 (docs/performance.md, `fast` against `paper`).
    """
    weight = torch.full((PROBE_WIDTH, PROBE_WIDTH), 0.1, requires_grad=True)
    x = torch.ones(PROBE_ROWS, PROBE_WIDTH, requires_grad=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several would wait for each other wherever others keep one from its core
    try:
        seconds = [[_seconds(weight, x, bfloat16) for bfloat16 in (True, False)] for _ in range(PROBES)]
    finally:
        torch.set_num_threads(threads)
    in_bfloat16, in_float32 = (min(times) for times in zip(*seconds, strict=True))
    return bool(in_bfloat16 < in_float32)


def _seconds(weight: Tensor, x: Tensor, bfloat16: bool) -> float:
    """Of the three products of a training step: forward, back to the weights, and back to the input.

    Counted while this thread has its core, so that other work does not decide.
    """
    started = time.thread_time()
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16, cache_enabled=False):
        y = F.linear(x, weight)
    torch.autograd.grad(y, (weight, x), torch.ones_like(y))
    return time.thread_time() - started
