"""Which precision the hardware computes well in."""

from __future__ import annotations

import torch

from models.recipe import Precision


def computes_in_bfloat16(precision: Precision, device: torch.device) -> bool:
    """Whether a recipe's precision means bfloat16 on this device; `auto` takes it where the hardware multiplies in it."""
    if precision != "auto":
        return precision == "bfloat16"
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_avx512_bf16_supported()
