"""What a trial's error at a rung says of its error at the end, and what stopping there would have lost."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from search.labels import with_unit
from search.rank_correlation import FEWEST_CANDIDATES, interval, rho_in_words, spearman
from search.report.wording import count, number

TOP = 3


@dataclass(frozen=True)
class Rung:
    """Of `candidates` at `epoch`: Spearman's `rho` between the best error so far and that at the end (NaN where one of
    them is the same for all); how many would have gone on, and of the final best `TOP` among them; by how much the
    best final error of those exceeds the best of all, in the target's unit.
    """

    epoch: int
    candidates: int
    rho: float
    going_on: int
    top_going_on: int
    lost: float

    def in_words(self, unit: str) -> str:
        """`epoch 5: rho 0.83 (95 % from 0.38 to 0.96); 4 of 11 go on, with 2 of the final best 3; 0.0012 eV lost`."""
        bounds = interval(self.rho, self.candidates)
        rho = "rho unknown" if math.isnan(self.rho) else f"{rho_in_words(self.rho, *bounds)})"
        return (
            f"epoch {self.epoch}: {rho}; {self.going_on} of {self.candidates} go on, with {self.top_going_on} of "
            f"the final best {min(TOP, self.candidates)}; {with_unit(number(self.lost), unit)} lost"
        )


@dataclass(frozen=True)
class Measurement:
    """The rungs of ASHA with these settings, measured on a search that stopped no trial; errors in `unit`."""

    rungs: tuple[Rung, ...]
    space: str
    schedule: str
    epochs: int
    grace_epochs: int
    reduction_factor: int
    unit: str

    @property
    def candidates(self) -> int:
        return self.rungs[0].candidates

    def to_dict(self) -> dict[str, Any]:
        """Values that JSON holds; a rho that is not known is null."""
        rungs = [asdict(rung) | {"rho": None if math.isnan(rung.rho) else rung.rho} for rung in self.rungs]
        return asdict(self) | {"rungs": rungs}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of `to_dict`."""
        rungs = (Rung(**{**rung, "rho": math.nan if rung["rho"] is None else rung["rho"]}) for rung in values["rungs"])
        return cls(**{**values, "rungs": tuple(rungs)})

    def in_words(self) -> list[str]:
        """What stopping early would have risked, in lines."""
        return [
            f"What early stopping would have risked (ASHA's rungs, grace_epochs={self.grace_epochs}, "
            f"reduction_factor={self.reduction_factor}; {count(self.candidates, 'candidate')} trained to the end, rho "
            "is Spearman's between the best error so far and at the end):",
            *(f"  {rung.in_words(self.unit)}" for rung in self.rungs),
            self.reservation(),
        ]

    def reservation(self) -> str:
        """What the figures depend on."""
        if self.schedule == "constant":
            return f"This holds for runs of {self.epochs} epochs."
        return (
            f"This holds for schedule={self.schedule} over {self.epochs} epochs: at a rung the learning rate is not "
            "yet what it is at the end, and candidates differ in what they still gain from that."
        )


def rung_epochs(grace: int, factor: int, epochs: int) -> Iterator[int]:
    """The epochs at which ASHA decides, before the last."""
    epoch = grace
    while epoch < epochs:
        yield epoch
        epoch *= factor


def measure(curves: Sequence[Sequence[float]], grace: int, factor: int, epochs: int) -> tuple[Rung, ...]:
    """Each rung by itself, from validation errors by epoch of candidates that no scheduler stopped.

    One trial a candidate. At a rung one in `factor` goes on, by the quantile that ASHA takes once all are there; as it
    decides while they come in, it lets a few more go on. Nothing where there are too few curves or no rung.
    """
    if len(curves) < FEWEST_CANDIDATES:
        return ()
    final = np.array([min(curve) for curve in curves])
    best = set(np.argsort(final, kind="stable")[:TOP].tolist())
    found: list[Rung] = []
    for epoch in rung_epochs(grace, factor, epochs):
        reached = np.array([min(curve[:epoch]) for curve in curves])
        going_on = np.flatnonzero(reached <= np.percentile(reached, 100 / factor))
        rho = spearman(reached, final)
        lost = float(final[going_on].min() - final.min())
        found.append(Rung(epoch, len(curves), rho, len(going_on), len(best & set(going_on.tolist())), lost))
    return tuple(found)
