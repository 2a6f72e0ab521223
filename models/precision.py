"""Which precision the hardware computes well in."""

from __future__ import annotations

import torch

from models.recipe import Precision


def computes_in_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether to compute in bfloat16 on this device; `auto` does where the hardware multiplies in it."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_avx512_bf16_supported())
