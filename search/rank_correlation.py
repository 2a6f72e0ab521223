"""Spearman's rank correlation of two measures of the same candidates, with its interval."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

FEWEST_CANDIDATES = 5
CONFIDENCE = 0.95


def spearman(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's rank correlation; NaN of too few values, or where one has no two that differ."""
    from scipy.stats import spearmanr  # type: ignore[import-untyped]  # noqa: PLC0415 - half a second of every start

    if len(first) < FEWEST_CANDIDATES or not np.ptp(first) or not np.ptp(second):
        return math.nan
    return float(spearmanr(first, second).statistic)


def interval(rho: float, size: int) -> tuple[float, float]:
    """The 95 % interval of Spearman's rho from `size` values (Bonett and Wright, Psychometrika 65, 2000); NaN of NaN.

    A perfect rho has no spread in that formula: it is then as wide as if one pair of neighbours had changed places.
    """
    if math.isnan(rho):
        return math.nan, math.nan
    most = 1 - 12 / (size * (size**2 - 1))
    inner = min(max(rho, -most), most)
    half = NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * math.sqrt((1 + inner**2 / 2) / (size - 3))
    low, high = math.tanh(math.atanh(inner) - half), math.tanh(math.atanh(inner) + half)
    return (-1.0 if rho < -most else low), (1.0 if rho > most else high)


def signed(value: float) -> str:
    """Two decimals, with a true minus sign."""
    return f"{value:.2f}".replace("-", "−")


def rho_in_words(rho: float, low: float, high: float) -> str:
    """`rho 0.83 (95 % from 0.40 to 0.96`, for what else belongs into the brackets."""
    return f"rho {signed(rho)} (95 % from {signed(low)} to {signed(high)}"
