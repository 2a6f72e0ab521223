"""`Space`: what a search draws its candidates from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from models.candidate import Candidate

if TYPE_CHECKING:
    from optuna.trial import BaseTrial


class Space(ABC):
    """A set of candidates: listed one by one where it is finite, drawn through an Optuna trial in any case.

    Spaces are frozen dataclasses, compared by value and picklable: one is sent to Ray as its search algorithm's
    define-by-run function. A new space implements `suggest`, and, where it is finite, `size` and `candidates`.
    """

    name: ClassVar[str]
    """The name users type: `space=<name>`."""

    @property
    def size(self) -> int | None:
        """How many candidates there are; None where there is no end to them."""
        return None

    def candidates(self) -> Iterator[Candidate]:
        """Each candidate once, in a fixed order. Raises TypeError where the space is infinite."""
        raise TypeError(f"the space {self.name} is infinite: its candidates can be drawn, not listed")

    def first_points(self) -> tuple[dict[str, Any], ...]:
        """Parameters, as `suggest` names them, that a search takes before it draws any: those of published networks."""
        return ()

    def completed(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a point that an earlier version drew, with those that it had not, at what then held."""
        return parameters

    @abstractmethod
    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameters; different parameters give different candidates."""
