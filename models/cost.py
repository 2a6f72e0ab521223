"""What training a network costs, by its closed-form work and the time of a step on some hardware; without torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from models.recipe import Recipe, rows_in

PASSES = 6
"""Operations for a parameter and row of a step: two each forward, back to the weights, and back to the input."""

MUON_PRODUCTS = 6
"""Products of a square matrix that take as long as Muon's step of it: on a CPU these are two, and two inverses
(models/orthogonal.py). On a GPU they are fifteen, in bfloat16, which has not been timed."""


@dataclass(frozen=True)
class StepCost:
    """A step takes `fixed` seconds, and `per_operation` for each floating point operation of its products."""

    fixed: float
    per_operation: float

    def seconds(self, parameters: int, recipe: Recipe, rows: Sequence[int]) -> float:
        """An estimate of all epochs on (training, validation) rows, for any network of so many parameters.

        Of networks of one size, those that Muon trains are taken to be its dearest: one square matrix.
        """
        training, validation = rows_in(recipe.train_part, rows[0]), rows[1]
        steps = math.ceil(training / recipe.batch_size)
        muon = 2 * MUON_PRODUCTS * parameters**1.5 if recipe.optimiser == "muon" else 0.0
        products = PASSES * parameters * (training + validation / 3)
        return recipe.epochs * (steps * (self.fixed + self.per_operation * muon) + self.per_operation * products)

    def most_parameters(self, seconds: float, recipe: Recipe, rows: Sequence[int]) -> int:
        """The largest network that all epochs take at most so many seconds of; 0 where none does."""
        low, high = 0, 1 << 40
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if self.seconds(middle, recipe, rows) <= seconds else (low, middle - 1)
        return low
