"""`single`: one network, trained as the recipe says; for more seeds or a longer training of what a search has found."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from models.architecture import Architecture
from models.candidate import Candidate
from models.recipe import Recipe
from spaces.space import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Single(Space):
    """`base` and `recipe` as they are."""

    name: ClassVar[str] = "single"

    recipe: Recipe
    base: Architecture

    @property
    def size(self) -> int:
        """One."""
        return 1

    def candidates(self) -> Iterator[Candidate]:
        """The one there is."""
        yield Candidate(self.base, self.recipe)

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The one there is, whatever the trial."""
        return Candidate(self.base, self.recipe)
