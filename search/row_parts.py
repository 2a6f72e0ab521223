"""Parts of the training rows: candidates on a part, the space that a search then draws from, what a table allows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from models.candidate import Candidate
from models.recipe import rows_in
from search.errors import UserError
from search.labels import part_in_words
from spaces import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

    from search.config import SearchConfig
    from search.results import TrialResult


def on_part(candidate: Candidate, part: float) -> Candidate:
    """The candidate trained on this part of the training rows."""
    return replace(candidate, recipe=replace(candidate.recipe, train_part=part))


@dataclass(frozen=True)
class PartSpace(Space):
    """A space whose candidates are trained on part of the rows; its parameters are those of the whole one."""

    whole: Space
    part: float

    @property
    def size(self) -> int | None:
        return self.whole.size

    def candidates(self) -> Iterator[Candidate]:
        """Those of the whole space, in its order."""
        return (on_part(candidate, self.part) for candidate in self.whole.candidates())

    def first_points(self) -> tuple[dict[str, Any], ...]:
        """Those of the whole space."""
        return self.whole.first_points()

    def completed(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """Those of the whole space."""
        return self.whole.completed(parameters)

    def suggest(self, trial: BaseTrial) -> Candidate:
        return on_part(self.whole.suggest(trial), self.part)


def drawn_from(config: SearchConfig, space: Space) -> Space:
    """What a search draws from: the space with the smallest part of the rows that candidates are trained on."""
    return PartSpace(space, config.parts[0]) if len(config.parts) > 1 else space


def finals(config: SearchConfig, results: Iterable[TrialResult]) -> list[TrialResult]:
    """The trials that compare in the end: those on the largest part of the rows."""
    return [result for result in results if config.is_final(result.candidate)]


def check_table(config: SearchConfig, rows: int) -> None:
    """Raises UserError where the smallest part of so many training rows would not fill a batch."""
    part, batch = config.parts[0], config.recipe.batch_size
    found = rows_in(part, rows)
    if len(config.parts) > 1 and found < batch:
        raise UserError(
            f"scheduler=rows begins with {part_in_words(part)}, here {found} of {rows:,}, which do not fill one batch "
            f"(recipe.batch_size={batch}): take scheduler=asha, or fewer scheduler.rungs="
        )
