"""Search spaces: one module each, listed here by the name users type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from models.architecture import Architecture
from models.recipe import Recipe
from models.start import Start
from spaces.branching import BranchingGrid
from spaces.components import Components
from spaces.hyperparameters import Hyperparameters
from spaces.joint import Joint
from spaces.limits import Limits
from spaces.listed import Listed
from spaces.published import Published
from spaces.space import Space
from spaces.traditional import AutoML, Traditional
from spaces.transfer import Transfer


@dataclass(frozen=True)
class SpaceEntry:
    """One row of the registry: how a space is made, what it is, and which of the optional settings it takes.

    `takes_networks`: its `architecture=` may be a list. `fits_estimators`: its candidates are traditional models, which
    run on CPUs and take nothing of a recipe.
    """

    make: Callable[..., Space]
    meaning: str
    takes_budget: bool = False
    takes_architecture: bool = False
    takes_networks: bool = False
    fits_estimators: bool = False
    takes_start: bool = False
    takes_limits: bool = False


SPACES: dict[str, SpaceEntry] = {
    "components": SpaceEntry(Components, "24 networks: activation x dropout or batch norm x skip x branching"),
    "branching": SpaceEntry(
        BranchingGrid, "11 networks: one branching in one place, or at equal size with budget=", takes_budget=True
    ),
    "hyperparameters": SpaceEntry(
        Hyperparameters, "how to train the network of architecture=, drawn without end", takes_architecture=True
    ),
    "joint": SpaceEntry(
        Joint, "the whole network and its recipe within max_parameters= and max_seconds=", takes_limits=True
    ),
    "published": SpaceEntry(Published, "4 networks: ElemNet, IRNet, BNet and BRNet"),
    "listed": SpaceEntry(
        Listed.of, "the networks of architecture=, one or a list of them", takes_architecture=True, takes_networks=True
    ),
    "transfer": SpaceEntry(
        Transfer, "4 ways to train the network of start_from=: from nothing and from its weights", takes_start=True
    ),
    "traditional": SpaceEntry(Traditional, "25 traditional models: a grid over scikit-learn's", fits_estimators=True),
    "automl": SpaceEntry(
        AutoML, "model, preprocessing and settings of a traditional one, drawn without end", fits_estimators=True
    ),
}


def build(
    name: str,
    recipe: Recipe,
    base: Architecture,
    budget: int | None = None,
    start: Start | None = None,
    limits: Limits | None = None,
    networks: Sequence[Architecture] = (),
) -> Space:
    """The space of a name.

    `recipe` trains every candidate, but for what the space varies. `base` carries the input and output of every
    network, its groups' widths, and for `hyperparameters` and `transfer` the network to train; `start` says what
    `transfer` begins from, `limits` how large a network of `joint` may be, `networks` what `listed` holds (`base` where
    there are none).
    Raises ValueError for a name that is none, and for a budget that the space does not take or cannot meet.
    """
    if name not in SPACES:
        raise ValueError(f"space={name} is none of {', '.join(SPACES)}")
    entry = SPACES[name]
    if entry.takes_networks and budget is None:
        return entry.make(recipe, networks or (base,))
    if entry.takes_start and budget is None:
        return entry.make(recipe, base, start)
    if entry.takes_limits and budget is None:
        return entry.make(recipe, base, limits or Limits())
    if budget is None:
        return entry.make(recipe, base)
    if not entry.takes_budget:
        takers = ", ".join(name for name, entry in SPACES.items() if entry.takes_budget)
        raise ValueError(f"space={name} takes no budget: leave out budget={budget}, or take space={takers}")
    return entry.make(recipe, base, budget)


__all__ = ["SPACES", "Limits", "Space", "SpaceEntry", "build"]
