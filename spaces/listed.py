"""A handful of candidates out of a space."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from models.candidate import Candidate
from spaces.space import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


@dataclass(frozen=True)
class Listed(Space):
    """Some candidates, where the rest of their space is not wanted; no name that users type."""

    name: ClassVar[str] = "listed"

    members: tuple[Candidate, ...]

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
