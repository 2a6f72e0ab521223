"""Our figures beside the published ones: differences, and what they are worth against the spread over seeds."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import kendalltau  # type: ignore[import-untyped]

from search.reproduction.running import Outcome

SPREADS = 2.0
"""A difference counts as more than the spread over seeds beyond so many standard deviations."""

FEWEST_RANKED = 3


@dataclass(frozen=True)
class Compared:
    """One model: the published figures by column, our mean over seeds and standard deviation (None with one seed)."""

    outcome: Outcome
    mean: float | None
    spread: float | None

    @classmethod
    def of(cls, outcome: Outcome) -> Compared:
        errors = [error for error in outcome.errors if math.isfinite(error)]
        return cls(
            outcome,
            statistics.fmean(errors) if errors else None,
            statistics.stdev(errors) if len(errors) > 1 else None,
        )

    def difference(self, figure: float | None) -> float | None:
        """Ours less theirs."""
        return None if figure is None or self.mean is None else self.mean - figure

    def beyond_spread(self, figure: float | None) -> bool | None:
        """Whether the difference exceeds the spread over seeds; None where that cannot be said."""
        difference = self.difference(figure)
        return None if difference is None or not self.spread else abs(difference) > SPREADS * self.spread


@dataclass(frozen=True)
class Order:
    """How the models' order agrees: Kendall's tau, the models it is over, the pairs that the paper tells apart, those
    that we have in the same order, and those whose difference of ours exceeds the spread over seeds (None with one
    seed)."""

    tau: float
    models: int
    pairs: int
    agreeing: int
    beyond_spread: int | None


def order_of(compared: Sequence[Compared], column: str) -> Order | None:
    """The agreement on one column of published figures; None where there are too few models with both."""
    found = [(dict(c.outcome.row.figures)[column], c) for c in compared if c.mean is not None]
    both = [(figure, c) for figure, c in found if figure is not None]
    if len(both) < FEWEST_RANKED:
        return None
    tau = float(kendalltau([figure for figure, _ in both], [c.mean for _, c in both]).statistic)
    told_apart = [(one, other) for one, other in itertools.combinations(both, 2) if one[0] != other[0]]
    agreeing = sum((a[0] - b[0]) * ((a[1].mean or 0) - (b[1].mean or 0)) > 0 for a, b in told_apart)
    spreads = [c.spread for _, c in both if c.spread is not None]
    beyond = None
    if len(spreads) == len(both):
        beyond = sum(_differ(one[1], other[1]) for one, other in told_apart)
    return Order(tau, len(both), len(told_apart), agreeing, beyond)


def _differ(one: Compared, other: Compared) -> bool:
    """Whether two means differ by more than the spread of their difference over seeds."""
    assert one.mean is not None
    assert other.mean is not None
    spread = math.hypot(one.spread or 0.0, other.spread or 0.0)
    return abs(one.mean - other.mean) > SPREADS * spread
