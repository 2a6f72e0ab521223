"""`branching`: where to branch, and how to deal out the layers (SDM 2022, section 4.3.3; Sci Rep 2023, Table 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from models.architecture import KERAS_LEAKY_SLOPE, PAPER_GROUP_NAMES, Architecture
from models.branching import Branching
from models.candidate import Candidate
from models.inputs import Inputs
from models.recipe import Recipe
from spaces.profile import budget_range, check_paper_layers, fit_to_budget
from spaces.space import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

GRID: dict[str, tuple[tuple[int, ...], ...]] = {
    "Top": ((2, 2), (3, 1), (2, 1, 1), (1, 1, 1, 1)),
    "Middle 1": ((2, 1), (1, 1, 1)),
    "Middle 2": ((2, 1), (1, 1, 1)),
    "Middle 3": ((2, 1), (1, 1, 1)),
    "Bottom": ((1, 1),),
}
"""Location -> distributions of its layers over branches, in the order of SDM 2022, Table 2."""


@dataclass(frozen=True)
class BranchingGrid(Space):
    """One branching in one place of BRNet's layers: the eleven networks of the paper.

    `base` gives the groups, which have to hold the paper's number of layers each, the input and the head. The paper
    fixed the number of layers, not of parameters: its counts run from 2.8 to 7.0 million. With a `budget` the widths
    are chosen such that every network's count is within 0.5 % of it (`spaces.profile.fit_to_budget`).
    Raises ValueError where the budget cannot be met.
    """

    name: ClassVar[str] = "branching"

    recipe: Recipe
    base: Architecture
    budget: int | None = None

    def __post_init__(self) -> None:
        check_paper_layers(self.name, self.base)
        if self.budget is not None:
            self._check_budget(self.budget)

    @property
    def size(self) -> int:
        """How many candidates there are."""
        return sum(len(distributions) for distributions in GRID.values())

    def candidates(self) -> Iterator[Candidate]:
        """Each network once, in the order of SDM 2022, Table 2."""
        for location, distributions in GRID.items():
            for distribution in distributions:
                yield self._candidate(location, distribution)

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameters."""
        location = trial.suggest_categorical("location", tuple(GRID))
        # Each location has its own parameter: Optuna's parameters keep their choices throughout a study.
        choices = tuple(",".join(map(str, distribution)) for distribution in GRID[location])
        distribution = trial.suggest_categorical(f"{location} distribution", choices)
        return self._candidate(location, tuple(map(int, distribution.split(","))))

    def _check_budget(self, budget: int) -> None:
        """A budget out of reach is told here, not in the middle of a search."""
        published = replace(self, budget=None)
        ranges = [budget_range(candidate.architecture) for candidate in published.candidates()]
        least, most = max(low for low, _ in ranges), min(high for _, high in ranges)
        if not least <= budget <= most:
            raise ValueError(
                f"budget={budget} cannot be met by all {self.size} networks of space={self.name}: "
                f"a budget lies between {least:,} and {most:,} parameters"
            )
        for _ in self.candidates():
            pass

    def _candidate(self, location: str, distribution: tuple[int, ...]) -> Candidate:
        group = PAPER_GROUP_NAMES.index(location)
        architecture = replace(
            self.base,
            branchings=(Branching(group, distribution),),
            skip="layer",
            activation="leaky_relu",
            slope=KERAS_LEAKY_SLOPE,
            normalisation="none",
            join="sum",
            inputs=Inputs(),
            dropout=(),
        )
        if self.budget is not None:
            architecture = fit_to_budget(architecture, group, self.budget)
        return Candidate(architecture, self.recipe)
