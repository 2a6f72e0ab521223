"""`listed`: networks of one's own, side by side, trained as the recipe says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from models.architecture import Architecture
from models.candidate import Candidate
from models.recipe import Recipe
from spaces.space import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Listed(Space):
    """The candidates named, in their order. Raises ValueError where there is one twice."""

    name: ClassVar[str] = "listed"

    members: tuple[Candidate, ...]

    def __post_init__(self) -> None:
        twice = next((member for number, member in enumerate(self.members) if member in self.members[:number]), None)
        if twice is not None:
            raise ValueError(f"space={self.name} has {twice} twice: leave one out")

    @classmethod
    def of(cls, recipe: Recipe, networks: Iterable[Architecture]) -> Self:
        """These networks, all by one recipe."""
        return cls(tuple(Candidate(network, recipe) for network in networks))

    @property
    def size(self) -> int:
        """How many candidates there are."""
        return len(self.members)

    def candidates(self) -> Iterator[Candidate]:
        """Each once, in the order given."""
        return iter(self.members)

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameter."""
        return self.members[trial.suggest_categorical("number", tuple(range(len(self.members))))]
