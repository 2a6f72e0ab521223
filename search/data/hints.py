"""What a person could do better with a target's values, told and never done."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

DECADES = 3
"""From how many on the largest values make up all of a mean absolute error."""


def hints(values: NDArray[np.float64], floor: float | None) -> tuple[str, ...]:
    """Sentences on the kept values of a regression's target; `floor` is the least value that it is known to have."""
    if not len(values) or values.min() < 0:
        return ()
    found = (
        [] if floor is not None else ["no value is negative: if none can be, floor=0 keeps predictions from being so"]
    )
    low, high = np.percentile(values, [2.5, 97.5])
    if low > 0 and high / low >= 10**DECADES:
        found.append(
            f"the values span {math.log10(high / low):.0f} decades, and a mean absolute error is that of the largest: "
            "a column of their logarithms is learnt over all of them"
        )
    return tuple(found)
