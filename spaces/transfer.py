"""`transfer`: whether it helps to begin from another model's weights, and how much of them to train."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from models.architecture import Architecture
from models.candidate import Candidate
from models.recipe import Recipe
from models.start import Start
from spaces.space import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

GENTLE = 0.1
"""Of the recipe's learning rate, which is chosen for weights that begin at random."""

WAYS = ("from nothing", "all weights", "all weights gently", "output layer alone")


@dataclass(frozen=True)
class Transfer(Space):
    """The network of a trained model, `base`, from nothing and from that model's weights: 4 candidates.

    From its weights: all of them trained on, at the recipe's learning rate or at a tenth of it, or the output layer
    alone. To begin from nothing is one of them, so that the ranking itself says whether transfer helped.
    Raises ValueError where there is no `start`.
    """

    name: ClassVar[str] = "transfer"

    recipe: Recipe
    base: Architecture
    start: Start | None = None

    def __post_init__(self) -> None:
        if self.start is None:
            raise ValueError(f"space={self.name} needs a model to begin from: add start_from=<a registered model>")

    @property
    def size(self) -> int:
        """How many candidates there are."""
        return len(WAYS)

    def candidates(self) -> Iterator[Candidate]:
        """Each way once."""
        for way in WAYS:
            yield self._candidate(way)

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameters."""
        return self._candidate(trial.suggest_categorical("start", WAYS))

    def _candidate(self, way: str) -> Candidate:
        assert self.start is not None
        starts = {
            "from nothing": None,
            "all weights": self.start,
            "all weights gently": replace(self.start, pace=GENTLE),
            "output layer alone": replace(self.start, frozen=True),
        }
        return Candidate(self.base, self.recipe, start=starts[way])
