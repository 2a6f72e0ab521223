"""The rule by which a value is too far from all others to be believed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Below so many distinct values a tail cannot be told from an outlier.
FEWEST_DISTINCT = 40
_TAIL_PERCENT = 2.5


def outlier_limits(
    values: NDArray[np.float64], spreads: float, plausible: tuple[float, float] | None = None
) -> tuple[float, float] | None:
    """The lowest and highest value believed, in the unit of `values` (all finite); None if the rule does not apply.

    A value is believed within `spreads` times the spread of its own side of the median, or inside `plausible`. A
    side's spread is the distance from the median to the 2.5th (below) or 97.5th (above) percentile: robust against
    2.5 % of wrong values on each side; taken side by side, so that a skewed property (moduli, volumes) keeps its
    tail; and taken over distinct values, so that the many zeros of band gaps do not shrink it to nothing. For a normal
    distribution 5 spreads are 10 standard deviations.

    Does not apply when `spreads` is 0 or there are fewer than 40 distinct values (small tables, classes).
    """
    distinct = np.unique(values)
    if spreads == 0 or len(distinct) < FEWEST_DISTINCT:
        return None
    low, median, high = np.percentile(distinct, [_TAIL_PERCENT, 50.0, 100.0 - _TAIL_PERCENT])
    with np.errstate(over="ignore"):
        lowest = float(median - spreads * (median - low))
        highest = float(median + spreads * (high - median))
    if plausible is not None:
        lowest, highest = min(lowest, plausible[0]), max(highest, plausible[1])
    return lowest, highest


def describe_limits(limits: tuple[float, float] | None, spreads: float, unit: str) -> str:
    """The rule as one sentence for reports."""
    if spreads == 0:
        return "outliers: none rejected (outliers=0)"
    if limits is None:
        return f"outliers: not judged, the table has fewer than {FEWEST_DISTINCT} distinct values"
    return (
        f"outliers: rejected below {limits[0]:.4g} and above {limits[1]:.4g}{' ' + unit if unit else ''} "
        f"({spreads:g} times the distance from the median to the {_TAIL_PERCENT:g}th or "
        f"{100 - _TAIL_PERCENT:g}th percentile of the distinct values, or a range known to be real, if wider)"
    )
