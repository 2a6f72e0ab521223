"""`components`: which of the published networks' components help (SDM 2022, section 4.3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, ClassVar, cast

from models.architecture import ELEMNET_DROPOUT, KERAS_LEAKY_SLOPE, Activation, Architecture, Skip
from models.branching import Branching
from models.candidate import Candidate
from models.inputs import Inputs
from models.recipe import Recipe
from spaces.profile import check_paper_layers
from spaces.space import Space

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

ACTIVATIONS: tuple[Activation, ...] = ("relu", "leaky_relu")
SKIPS: tuple[Skip, ...] = ("none", "layer")
REGULARISERS = ("none", "dropout", "batch_norm")
"""Dropout and batch norm never come together in the paper's grid."""
BRANCHING = Branching(0, (2, 2))


@dataclass(frozen=True)
class Components(Space):
    """Activation x regulariser x skip x branching on the layers of `base`: 24 networks.

    ElemNet, IRNet, BNet and BRNet are four of them. `base` gives the groups, which have to hold the paper's number of
    layers each, the input and the head.
    """

    name: ClassVar[str] = "components"

    recipe: Recipe
    base: Architecture

    def __post_init__(self) -> None:
        check_paper_layers(self.name, self.base)

    @property
    def size(self) -> int:
        """How many candidates there are."""
        return len(ACTIVATIONS) * len(REGULARISERS) * 2 * 2

    def candidates(self) -> Iterator[Candidate]:
        """Each network once, in a fixed order."""
        for activation, regulariser, skip, branching in product(ACTIVATIONS, REGULARISERS, SKIPS, (False, True)):
            yield self._candidate(activation, regulariser, skip, branching)

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameters."""
        return self._candidate(
            cast(Activation, trial.suggest_categorical("activation", ACTIVATIONS)),
            trial.suggest_categorical("regulariser", REGULARISERS),
            cast(Skip, trial.suggest_categorical("skip", SKIPS)),
            trial.suggest_categorical("branching", (False, True)),
        )

    def _candidate(self, activation: Activation, regulariser: str, skip: Skip, branching: bool) -> Candidate:
        architecture = replace(
            self.base,
            activation=activation,
            slope=KERAS_LEAKY_SLOPE,
            dropout=ELEMNET_DROPOUT if regulariser == "dropout" else (),
            normalisation="batch" if regulariser == "batch_norm" else "none",
            skip=skip,
            branchings=(BRANCHING,) if branching else (),
            join="sum",
            inputs=Inputs(),
        )
        return Candidate(architecture, self.recipe)
