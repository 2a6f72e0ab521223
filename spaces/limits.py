"""`Limits`: how large a network may be, and how long its training."""

from __future__ import annotations

import math
from dataclasses import dataclass

from models.cost import StepCost
from models.recipe import Recipe

BRNET_PARAMETERS = 4_548_385

BAND = 64
"""How many times smaller than the largest network the smallest one is where nobody says otherwise."""


@dataclass(frozen=True)
class Limits:
    """Parameters from `least` to `most`, and estimated training seconds of at most `seconds`.

    `cost` and `rows`, (training, validation), are what the seconds are estimated from; without them every network is
    taken to be quick enough. Raises ValueError for a band that is none.
    """

    least: int | None = None
    most: int = BRNET_PARAMETERS
    seconds: float | None = None
    cost: StepCost | None = None
    rows: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if not 0 < self.low <= self.most:
            raise ValueError(f"min_parameters={self.low:,} to max_parameters={self.most:,} is no band")

    @property
    def low(self) -> int:
        """The least number of parameters."""
        return math.ceil(self.most / BAND) if self.least is None else self.least

    def high(self, recipe: Recipe) -> int:
        """The most parameters with which this recipe's training is quick enough, whatever the network."""
        if self.seconds is None or self.cost is None or self.rows is None:
            return self.most
        return min(self.most, self.cost.most_parameters(self.seconds, recipe, self.rows))
