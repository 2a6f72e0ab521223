"""`published`: the four networks of SDM 2022, Table 1, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from models.architecture import Architecture
from models.candidate import Candidate
from models.published import PUBLISHED
from models.recipe import Recipe
from spaces.space import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Published(Space):
    """ElemNet, IRNet, BNet and BRNet; `base` gives the head."""

    name: ClassVar[str] = "published"

    recipe: Recipe
    base: Architecture

    @property
    def size(self) -> int:
        """How many candidates there are."""
        return len(PUBLISHED)

    def candidates(self) -> Iterator[Candidate]:
        """Each network once, in the order of their publication."""
        for name in PUBLISHED:
            yield self.candidate(name)

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameter."""
        return self.candidate(trial.suggest_categorical("network", tuple(PUBLISHED)))

    def candidate(self, name: str) -> Candidate:
        """The network of a name."""
        base = self.base
        return Candidate(PUBLISHED[name].with_output(base.output_width, base.task, base.floor), self.recipe)
