"""`Architecture`: the one description of a network, from the search space to the model in use."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, get_args

from models.branching import Branching, Distribution, ends_of, from_lists, layers_in, parts_of
from models.fields import fields_of
from models.inputs import ELEMENTS, PLAIN_INPUTS, Inputs

Activation = Literal["relu", "leaky_relu", "gelu", "silu"]
Task = Literal["regression", "classification"]
Join = Literal["sum", "mean", "concatenation", "gate"]
Skip = Literal["none", "layer", "group"]
Normalisation = Literal["none", "batch", "layer"]

KERAS_LEAKY_SLOPE = 0.3


@dataclass(frozen=True, order=True)
class Group:
    """`layers` fully connected layers of one `width`."""

    width: int
    layers: int

    def __post_init__(self) -> None:
        if not all(isinstance(part, int) and part >= 1 for part in (self.width, self.layers)):
            raise ValueError(f"a group needs a width and layers of at least 1, whole, not {self.width} x{self.layers}")


PAPER_GROUPS = (Group(1024, 4), Group(512, 3), Group(256, 3), Group(128, 3), Group(64, 2), Group(32, 1))
"""The 17 layers of all published networks (SDM 2022, section 3), the output layer not included."""

PAPER_GROUP_NAMES = ("Top", "Middle 1", "Middle 2", "Middle 3", "Bottom", "Last")

KINDS: dict[str, tuple[str, ...]] = {
    "activation": get_args(Activation),
    "task": get_args(Task),
    "join": get_args(Join),
    "skip": get_args(Skip),
    "normalisation": get_args(Normalisation),
}
"""The fields of an architecture that are one of a few words."""

JOIN_WORDS: dict[Join, str] = {"mean": "mean", "concatenation": "concat", "gate": "gate"}
SKIP_WORDS: dict[Skip, str] = {"layer": "skip", "group": "groupskip"}

ELEMNET_DROPOUT = (0.2, 0.1, 0.3, 0.2, 0.0, 0.0)
"""After layers 4, 7, 10 and 13: the ends of the first four groups."""


@dataclass(frozen=True)
class Architecture:
    """A feed-forward network of groups of layers, any of them branched, on a vector input.

    One layer is y = activation(normalisation(W x + b)), and with skip "layer" y + s(x); the skip s is the identity
    where the width stays and a biased linear layer where it changes (SDM 2022, section 3). With skip "group" it goes
    around each whole group instead. A branched group feeds its input to every branch and joins their outputs: "sum"
    and "mean" over branches, "concatenation" side by side, so that the group is as many times wider, "gate" weighted
    by the softmax of a linear layer of what the branches are fed. `dropout[i]` follows group i, after its join and
    skip. The output layer is linear. `inputs` says what the first layers get of a row.

    `output_width` is the number of target values, or of classes where `task` is classification (their logits).
    `floor` is the least value that the target can have, in its unit (0 for a band gap): no lower one is ever answered.
    Raises ValueError where the parts do not fit together.
    """

    groups: tuple[Group, ...] = PAPER_GROUPS
    branchings: tuple[Branching, ...] = ()
    skip: Skip = "none"
    normalisation: Normalisation = "none"
    dropout: tuple[float, ...] = ()
    activation: Activation = "leaky_relu"
    slope: float = KERAS_LEAKY_SLOPE
    input_width: int = 86
    output_width: int = 1
    task: Task = "regression"
    floor: float | None = None
    join: Join = "sum"
    inputs: Inputs = PLAIN_INPUTS

    def __post_init__(self) -> None:
        object.__setattr__(self, "branchings", tuple(sorted(self.branchings, key=lambda branching: branching.group)))
        # equal architectures have equal JSON, by which trials are told apart: 0 is 0.0
        object.__setattr__(self, "dropout", tuple(map(float, self.dropout)) if any(self.dropout) else ())
        object.__setattr__(self, "slope", float(self.slope))
        object.__setattr__(self, "floor", None if self.floor is None else float(self.floor))
        if self.activation != "leaky_relu":
            object.__setattr__(self, "slope", 0.0)
        self._check()
        if not self.branchings:
            object.__setattr__(self, "join", "sum")
        if self.skip == "group" and all(group.layers == 1 for group in self.groups):
            object.__setattr__(self, "skip", "layer")

    def _check(self) -> None:
        if not self.groups:
            raise ValueError("an architecture needs at least one group of layers")
        if not math.isfinite(self.slope) or self.slope < 0:
            raise ValueError(f"slope {self.slope} must be a finite number, not below 0")
        for field, names in KINDS.items():
            if getattr(self, field) not in names:
                raise ValueError(f"{field} {getattr(self, field)!r} is none of {', '.join(names)}")
        if self.input_width < 1 or self.output_width < 1 + (self.task == "classification"):
            raise ValueError(f"{self.task} from {self.input_width} inputs to {self.output_width} outputs")
        if self.inputs.is_composition and self.input_width != ELEMENTS:
            raise ValueError(
                f"inputs={self.inputs} are of the {ELEMENTS} elements: a row of {self.input_width} values has none"
            )
        if self.floor is not None and (self.task == "classification" or not math.isfinite(self.floor)):
            raise ValueError(f"floor {self.floor} of a {self.task}: only a regression has one, a finite number")
        if self.dropout and (len(self.dropout) != len(self.groups) or not all(0 <= p < 1 for p in self.dropout)):
            raise ValueError(f"dropout {self.dropout} is not one rate in [0, 1) for each of {len(self.groups)} groups")
        self._check_branchings()

    def _check_branchings(self) -> None:
        branched = [branching.group for branching in self.branchings]
        if len(set(branched)) < len(branched):
            raise ValueError(f"a group can be branched once, not as in {branched}")
        for branching in self.branchings:
            if not 0 <= branching.group < len(self.groups):
                raise ValueError(f"there is no group {branching.group} to branch among {len(self.groups)}")
            layers = self.groups[branching.group].layers
            if layers_in(branching.distribution) != layers:
                raise ValueError(f"{branching} does not deal out the {layers} layers of group {branching.group}")

    def branches(self, group: int) -> Distribution:
        """Layers in each branch of a group; one branch where it is not branched."""
        for branching in self.branchings:
            if branching.group == group:
                return branching.distribution
        return (self.groups[group].layers,)

    def widths(self) -> tuple[int, ...]:
        """Values that the first group gets, and those that come out of each group."""
        outputs = [group.width for group in self.groups]
        if self.join == "concatenation":
            outputs = [width * ends_of(self.branches(number)) for number, width in enumerate(outputs)]
        return self.inputs.width(self.input_width), *outputs

    def parameter_count(self) -> int:
        """Trainable parameters, in closed form: of the input, the layers, their norms, skips and joins, the output."""
        widths = self.widths()
        count = self.inputs.parameter_count(self.input_width) + (widths[-1] + 1) * self.output_width
        for number, group in enumerate(self.groups):
            inputs, outputs = widths[number : number + 2]
            count += self._count_of_branches(inputs, group.width, self.branches(number))
            count += (inputs + 1) * outputs if self.skip == "group" and inputs != outputs else 0
        return count

    def _count_of_branches(self, inputs: int, width: int, distribution: Distribution) -> int:
        """Parameters of branches that are fed `inputs` values."""
        count = (inputs + 1) * len(distribution) if self.join == "gate" and len(distribution) > 1 else 0
        first_layer = (inputs + 1) * width * (2 if self.skip == "layer" and inputs != width else 1)
        norm = 2 * width if self.normalisation != "none" else 0
        for layers, nested in map(parts_of, distribution):
            count += first_layer + (layers - 1) * (width + 1) * width + layers * norm
            count += self._count_of_branches(width, width, nested) if nested else 0
        return count

    def with_output(self, output_width: int, task: Task, floor: float | None = None) -> Self:
        """The same hidden layers with another head."""
        return replace(self, output_width=output_width, task=task, floor=floor)

    def to_json(self) -> str:
        fields = asdict(self)
        if not self.inputs.ranks:  # as networks were written before there were ranks, so that trials are still known
            del fields["inputs"]["ranks"]
        return json.dumps(fields, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What is left out but for the groups is the default. Raises ValueError on text that is no architecture."""
        try:
            fields = fields_of(cls, _renamed(json.loads(text)), "an architecture")
            if "groups" not in fields:
                raise ValueError("an architecture needs groups")
            fields["groups"] = tuple(Group(**fields_of(Group, group, "a group")) for group in fields["groups"])
            branchings = [fields_of(Branching, found, "a branching") for found in fields.get("branchings", ())]
            fields["branchings"] = tuple(Branching(b["group"], from_lists(b["distribution"])) for b in branchings)
            fields["inputs"] = Inputs(**fields_of(Inputs, fields.get("inputs", {}), "inputs"))
            fields["dropout"] = tuple(fields.get("dropout", ()))
            return cls(**fields)
        except (TypeError, ValueError) as error:
            raise ValueError(f"not an architecture: {error}") from error

    def __str__(self) -> str:
        """Short and readable, the run's name in MLflow: `Top[2,2] skip leaky`."""
        words = [*self._profile_words(), *self._branching_words()]
        words += [JOIN_WORDS[self.join]] if self.join != "sum" else []
        words += [SKIP_WORDS[self.skip]] if self.skip != "none" else []
        words += ["leaky" if self.activation == "leaky_relu" else self.activation]
        if self.activation == "leaky_relu" and self.slope != KERAS_LEAKY_SLOPE:
            words.append(f"slope={self.slope:.3g}")
        words += [f"{self.normalisation}norm"] if self.normalisation != "none" else []
        if self.dropout == ELEMNET_DROPOUT:
            words.append("dropout")
        elif self.dropout:
            rates = self.dropout[:1] if len(set(self.dropout)) == 1 else self.dropout
            words.append("dropout=" + ",".join(f"{rate:.3g}" for rate in rates))
        if self.inputs != PLAIN_INPUTS:
            words.append(f"in={self.inputs}")
        if self.task == "classification":
            words.append(f"{self.output_width} classes")
        elif self.output_width > 1:
            words.append(f"{self.output_width} outputs")
        return " ".join(words)

    @property
    def has_paper_layers(self) -> bool:
        """Whether the layers of each group are the paper's, so that its group names apply."""
        return tuple(group.layers for group in self.groups) == tuple(group.layers for group in PAPER_GROUPS)

    def group_name(self, group: int) -> str:
        """The paper's name of a location (`Top`), or `G1` where the profile is another."""
        return PAPER_GROUP_NAMES[group].replace(" ", "") if self.has_paper_layers else f"G{group + 1}"

    def _profile_words(self) -> list[str]:
        if not self.has_paper_layers:
            return ["-".join(f"{group.width}x{group.layers}" for group in self.groups)]
        return [
            f"{self.group_name(number)}={group.width}"
            for number, (group, paper) in enumerate(zip(self.groups, PAPER_GROUPS, strict=True))
            if group != paper
        ]

    def _branching_words(self) -> list[str]:
        if not self.branchings:
            return ["plain"]
        return [f"{self.group_name(branching.group)}{branching}" for branching in self.branchings]


def _renamed(fields: Any) -> Any:
    """Fields by today's names: skip and batch norm were switches in what was logged before there were kinds of them."""
    if not isinstance(fields, dict):
        return fields
    if isinstance(fields.get("skip"), bool):
        fields["skip"] = "layer" if fields["skip"] else "none"
    if "batch_norm" in fields:
        fields["normalisation"] = "batch" if fields.pop("batch_norm") else "none"
    return fields
