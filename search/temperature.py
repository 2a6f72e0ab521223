"""What a classifier's mean logits are divided by before they are probabilities (Guo et al., ICML 2017)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar  # type: ignore[import-untyped]

LOG_TEMPERATURES = (-3.0, 3.0)


def temperature_for(logits: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """What divides logits (rows, classes) for the lowest cross-entropy with class numbers y (rows,)."""
    # The greatest logit is taken off once, not at every temperature: choosing an ensemble asks for thousands of them.
    below = logits - logits.max(axis=1, keepdims=True)
    true = float(below[np.arange(len(y)), y].mean())

    def cross_entropy(log_temperature: float) -> float:
        scale = math.exp(-log_temperature)
        return float(np.log(np.exp(below * scale).sum(axis=1)).mean()) - true * scale

    return math.exp(minimize_scalar(cross_entropy, bounds=LOG_TEMPERATURES, method="bounded").x)
