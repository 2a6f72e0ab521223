"""What a screening came to, for those that print, write and draw it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from search.inference.known import Known
from search.inference.predictor import Predictions, Predictor
from search.report.wording import count, number
from search.screen import CHARGE, HIGHEST, STABILITY, Order
from search.screening.candidates import Candidates
from search.screening.enumeration import Scope
from search.screening.ranking import Landscape, Ranked, rank


@dataclass(frozen=True)
class Screening:
    """What was looked for, how it is ranked (one of those that `search.screen` names), and what came out."""

    order: Order
    scope: Scope
    ranking: str
    predictor: Predictor
    known: Known
    candidates: Candidates
    answers: Predictions
    landscape: Landscape

    def ranked(self, most: int) -> list[Ranked]:
        """The first so many of the ranking."""
        return rank(self.candidates, self.answers, self.landscape, self.ranking, most)

    @cached_property
    def kept(self) -> list[Ranked]:
        """Those that the order wants kept."""
        return self.ranked(self.order.keep)

    @property
    def wants_high(self) -> bool:
        """Whether the highest value ranks first."""
        return self.ranking == HIGHEST

    @property
    def target(self) -> str:
        """The property predicted."""
        return str(self.predictor.about.get("target", "value"))

    @property
    def unit(self) -> str:
        """Its unit, "" for a user's own table."""
        return str(self.predictor.about.get("unit") or "")

    @property
    def by_stability(self) -> bool:
        """Whether there are energies above a hull."""
        return self.ranking == STABILITY

    @property
    def stable(self) -> int:
        """How many candidates lie below the hull of all other compounds."""
        return 0 if self.landscape.above_hull is None else int((self.landscape.above_hull <= 0).sum())

    def story(self) -> str:
        """From the formulas to those kept, in two sentences."""
        order, taken = self.order, len(self.candidates) + self.candidates.known
        rule = "neutral by common oxidation states" if order.rules == CHARGE else "looked at without a rule"
        told = (
            f"Of the compositions of {', '.join(order.elements)} with up to {order.max_atoms} atoms "
            f"{taken:,} are {rule}; {self.candidates.known:,} of them are in the table that the model was made from "
            f"and left out."
        )
        if self.by_stability:
            others = count(len(self.landscape.known), "known compound")
            verb = "is" if self.stable == 1 else "are"
            told += (
                f" Against {others} of these elements, against the elements, and against each other, {self.stable:,} "
                f"of the other {len(self.candidates):,} {verb} predicted stable."
            )
        return told

    def caution(self) -> str:
        """How far the model is off, which is often more than what candidates differ by."""
        error = self.predictor.about.get("metrics", {}).get("test_mae")
        if error is None:
            return ""
        unit = f" {self.unit}" if self.unit else ""
        return (
            f"On its test set the model is off by {number(error)}{unit} on average: smaller differences tell nothing."
        )
