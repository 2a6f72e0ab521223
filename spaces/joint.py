"""`joint`: the whole network and how it is trained, drawn together within limits of size and time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, cast, get_args

from models.architecture import ELEMNET_DROPOUT, Activation, Architecture, Group, Join, Normalisation, Skip
from models.branching import Branching
from models.candidate import Candidate
from models.inputs import ELEMENTS, Inputs, Numeric
from models.published import BRNET, PUBLISHED
from models.recipe import Recipe
from spaces.found import EQUAL_LAYERS
from spaces.joint_parts import (
    DROPOUTS_OF_SIX,
    EMBEDDING_WIDTHS,
    GROUPS,
    LAYERS,
    NUMERIC_WIDTHS,
    OTHER,
    PLAIN,
    RANKS,
    RATIOS,
    SAME,
    SLOPES,
    draw_branchings,
    draw_dropout,
    draw_inputs,
    draw_layers,
    draw_ratio,
    parameters_of,
)
from spaces.joint_recipe import RecipeOffer
from spaces.limits import BAND, Limits
from spaces.space import Space
from spaces.width_fit import coarsest_step, fit, with_widths

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

FOUR_BRANCHES = replace(BRNET, branchings=(Branching(0, (1, 1, 1, 1)),))
"""BRNet with Top[1,1,1,1], the smallest network of SDM 2022, Table 2."""


@dataclass(frozen=True)
class Joint(Space):
    """Groups, widths, branchings, joins, skips, activation, norm, dropout, input; and the recipe, or the one given.

    `base` gives the head and the input's width, `recipe` what is not drawn: epochs, loss and all else. `size` places a
    network within the band of parameters, in the logarithm, and the widths are fitted to it, so that no network
    outside the limits is ever drawn. Raises ValueError where the band or the time leaves no room for some network.
    """

    name: ClassVar[str] = "joint"

    recipe: Recipe
    base: Architecture
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        low, most = self.limits.low, self.limits.most
        if most < self._least:
            raise ValueError(
                f"max_parameters={most:,} is too few for space={self.name}: its widest input and most branches alone "
                f"have {self._least:,}"
            )
        if not self._has_room(most):
            if self.limits.least is None:
                raise ValueError(
                    f"max_parameters={most:,} is too few for space={self.name}, whose widths are whole: give "
                    f"{self._least_with_room():,} or more"
                )
            raise ValueError(
                f"min_parameters={low:,} to max_parameters={most:,} is too narrow a band for widths, which are whole: "
                f"leave {self._step(most):,} parameters between them"
            )
        if not self._offer.ways:
            raise ValueError(
                f"max_seconds={self.limits.seconds:g} is too short for {self.recipe.epochs} epochs of any network of "
                f"min_parameters={low:,}: no batch size of space={self.name} is quick enough"
            )

    def suggest(self, trial: BaseTrial) -> Candidate:
        """The candidate at the trial's parameters."""
        recipe = self._offer.suggest(trial)
        shape, ratios = self._shape(trial)
        low, high = self.limits.low, self.limits.high(recipe)
        size = trial.suggest_float("size", 0.0, 1.0)
        target = math.exp(math.log(low) + size * (math.log(high) - math.log(low)))
        return Candidate(fit(shape, ratios, target, low, high), recipe)

    def first_points(self) -> tuple[dict[str, Any], ...]:
        """The networks found best, by Muon, and, by the recipe given, the published ones and BRNet with four branches.

        One outside the limits is made as much narrower or wider as it takes. A recipe that is too slow for them gives
        none.
        """
        if self.base.input_width != ELEMENTS:
            return ()
        published = (*PUBLISHED.values(), FOUR_BRANCHES)
        return tuple(
            self._point(network, recipe, parameters)
            for networks, ways in ((EQUAL_LAYERS, self._offer.muon()), (published, self._offer.as_given()))
            for recipe, parameters in ways
            for network in map(self._with_head, networks)
        )

    @cached_property
    def _offer(self) -> RecipeOffer:
        return RecipeOffer.of(self.recipe, lambda recipe: self._has_room(self.limits.high(recipe)))

    @cached_property
    def _least(self) -> int:
        """Parameters that every shape has at most where its first group is 1 wide."""
        return max(self._largest(join, skip).parameter_count() for join in get_args(Join) for skip in get_args(Skip))

    def _largest(self, join: Join, skip: Skip) -> Architecture:
        widest = max(NUMERIC_WIDTHS)
        kinds = [Inputs(True, kind, widest) for kind in get_args(Numeric)]
        if self.base.input_width == ELEMENTS:
            kinds = [
                replace(kind, embedding=max(EMBEDDING_WIDTHS), descriptors=True, ranks=max(RANKS)) for kind in kinds
            ]
        values = self.base.input_width
        inputs = max(kinds, key=lambda kind: kind.width(values) * LAYERS + kind.parameter_count(values))
        shape = replace(
            self.base,
            groups=(Group(1, LAYERS),) * GROUPS,
            branchings=tuple(Branching(group, (1,) * LAYERS) for group in range(GROUPS)),
            dropout=(),
            join=join,
            skip=skip,
            normalisation="layer",
            inputs=inputs,
        )
        return with_widths(shape, (max(RATIOS),) * (GROUPS - 1), 1)

    def _step(self, high: int) -> int:
        return coarsest_step(high, self._least)

    def _least_with_room(self) -> int:
        """A `max_parameters` that leaves room where `min_parameters` follows from it; no other is 5 % smaller."""
        most = self.limits.most
        while most - math.ceil(most / BAND) < self._step(most):
            most += math.ceil(most / 20)
        return most

    def _has_room(self, high: int) -> bool:
        """Whether networks of every shape have a width with which they lie between the least size and `high`."""
        return high >= self._least and high - self.limits.low >= self._step(high)

    def _with_head(self, network: Architecture) -> Architecture:
        return network.with_output(self.base.output_width, self.base.task, self.base.floor)

    def _shape(self, trial: BaseTrial) -> tuple[Architecture, tuple[float, ...]]:
        """All of a network but its widths, and the ratios between these."""
        count = trial.suggest_int("groups", 1, GROUPS)
        layers = draw_layers(trial, count)
        ratios = [draw_ratio(trial, number) for number in range(2, count + 1)]
        branchings = draw_branchings(trial, layers)
        skips = get_args(Skip)
        # around a group of one layer is around the layer
        skip = ("skip", skips) if max(layers) > 1 else ("skip of single layers", skips[:2])
        activation = cast(Activation, trial.suggest_categorical("activation", get_args(Activation)))
        shape = replace(
            self.base,
            groups=tuple(Group(1, number) for number in layers),
            branchings=branchings,
            join=cast(Join, trial.suggest_categorical("join", get_args(Join))) if branchings else "sum",
            skip=cast(Skip, trial.suggest_categorical(*skip)),
            activation=activation,
            slope=trial.suggest_float("slope", *SLOPES, log=True) if activation == "leaky_relu" else 0.0,
            normalisation=cast(Normalisation, trial.suggest_categorical("normalisation", get_args(Normalisation))),
            dropout=draw_dropout(trial, count),
            inputs=draw_inputs(trial, self.base.input_width),
        )
        return shape, tuple(ratios)

    def _point(self, network: Architecture, recipe: Recipe, parameters: dict[str, Any]) -> dict[str, Any]:
        """The parameters of a network of several groups, with fractions as they are, alone or beside descriptors or
        ranks, and no dropout but ElemNet's; `parameters` are those of its recipe.
        """
        low, high = self.limits.low, self.limits.high(recipe)
        groups = network.groups
        dropout = ("dropout of six groups", DROPOUTS_OF_SIX[2 if network.dropout else 0])
        point: dict[str, Any] = {
            **parameters,
            "size": max(0.0, min(1.0, math.log(network.parameter_count() / low) / math.log(high / low))),
            "groups": len(groups),
            **{f"group {number} layers": group.layers for number, group in enumerate(groups, 1)},
            "skip": network.skip,
            "activation": network.activation,
            "normalisation": network.normalisation,
            dropout[0] if len(groups) == len(ELEMNET_DROPOUT) else "dropout": dropout[1],
            **parameters_of(network.inputs),
        }
        for number in range(1, len(groups)):
            ratio = groups[number].width / groups[number - 1].width
            point[f"group {number + 1} width"] = SAME if ratio == 1 else OTHER
            point |= {} if ratio == 1 else {f"group {number + 1} width ratio": ratio}
        branched = {branching.group: str(branching) for branching in network.branchings}
        for number, group in enumerate(groups):
            if group.layers > 1:
                point[f"group {number + 1} branches of {group.layers}"] = branched.get(number, PLAIN)
        point |= {"join": network.join} if branched else {}
        return point | ({"slope": network.slope} if network.activation == "leaky_relu" else {})
