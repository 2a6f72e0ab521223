"""The spread of errors over seeds, and how far it lets means be trusted."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

CONFIDENCE = 0.95


def pooled(errors: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Standard deviation of the values within each sequence, pooled over them, and its degrees of freedom.

    NaN and 0 where no sequence has two values.
    """
    freedom = sum(max(0, len(values) - 1) for values in errors)
    squares = sum(len(values) * float(np.var(values)) for values in errors if len(values) > 1)
    return (math.sqrt(squares / freedom) if freedom else math.nan), freedom


def quantile(freedom: int) -> float:
    """Half the width of a 95 % interval in standard deviations estimated with so many degrees of freedom."""
    from scipy.special import stdtrit  # type: ignore[import-untyped]  # noqa: PLC0415 - a typing error need not wait

    return float(stdtrit(freedom, 0.5 + CONFIDENCE / 2))
