"""`Architecture`: the one description of a network, from the search space to the model in use."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Self, get_args

Activation = Literal["relu", "leaky_relu", "gelu", "silu"]
Task = Literal["regression", "classification"]

KERAS_LEAKY_SLOPE = 0.3


@dataclass(frozen=True, order=True)
class Group:
    """`layers` fully connected layers of one `width`."""

    width: int
    layers: int

    def __post_init__(self) -> None:
        if not all(isinstance(part, int) and part >= 1 for part in (self.width, self.layers)):
            raise ValueError(f"a group needs a width and layers of at least 1, whole, not {self.width} x{self.layers}")


@dataclass(frozen=True, order=True)
class Branching:
    """The layers of group number `group` dealt out to parallel branches, whose outputs are added.

    `distribution[i]` is the number of layers in branch i. Branches are interchangeable, so the longest is kept
    first: [1, 2] and [2, 1] are the same network.
    """

    group: int
    distribution: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "distribution", tuple(sorted(self.distribution, reverse=True)))
        if len(self.distribution) < 2 or self.distribution[-1] < 1:
            raise ValueError(f"a branching needs two branches or more of a layer or more, not {self.distribution}")


PAPER_GROUPS = (Group(1024, 4), Group(512, 3), Group(256, 3), Group(128, 3), Group(64, 2), Group(32, 1))
"""The 17 layers of all published networks (SDM 2022, section 3), the output layer not included."""

PAPER_GROUP_NAMES = ("Top", "Middle 1", "Middle 2", "Middle 3", "Bottom", "Last")

ELEMNET_DROPOUT = (0.2, 0.1, 0.3, 0.2, 0.0, 0.0)
"""After layers 4, 7, 10 and 13: the ends of the first four groups."""


@dataclass(frozen=True)
class Architecture:
    """A feed-forward network of groups of layers, any of them branched, on a vector input.

    One layer is y = activation(batch_norm(W x + b)) + s(x); the skip s is the identity where the width stays and a
    biased linear layer where it changes (SDM 2022, section 3). A branched group feeds its input to every branch
    and adds the branches' outputs. `dropout[i]` follows group i, after the addition. The output layer is linear.

    `output_width` is the number of target values, or of classes where `task` is classification (their logits).
    `floor` is the least value that the target can have, in its unit (0 for a band gap): no lower one is ever answered.
    Raises ValueError where the parts do not fit together.
    """

    groups: tuple[Group, ...] = PAPER_GROUPS
    branchings: tuple[Branching, ...] = ()
    skip: bool = False
    batch_norm: bool = False
    dropout: tuple[float, ...] = ()
    activation: Activation = "leaky_relu"
    slope: float = KERAS_LEAKY_SLOPE
    input_width: int = 86
    output_width: int = 1
    task: Task = "regression"
    floor: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "branchings", tuple(sorted(self.branchings)))
        if not any(self.dropout):
            object.__setattr__(self, "dropout", ())
        if self.activation != "leaky_relu":
            object.__setattr__(self, "slope", 0.0)
        self._check()

    def _check(self) -> None:
        if not self.groups:
            raise ValueError("an architecture needs at least one group of layers")
        if not math.isfinite(self.slope) or self.slope < 0:
            raise ValueError(f"slope {self.slope} must be a finite number, not below 0")
        if self.activation not in get_args(Activation):
            raise ValueError(f"activation {self.activation!r} is none of {', '.join(get_args(Activation))}")
        if self.task not in get_args(Task):
            raise ValueError(f"task {self.task!r} is none of {', '.join(get_args(Task))}")
        if self.input_width < 1 or self.output_width < 1 + (self.task == "classification"):
            raise ValueError(f"{self.task} from {self.input_width} inputs to {self.output_width} outputs")
        if self.floor is not None and (self.task == "classification" or not math.isfinite(self.floor)):
            raise ValueError(f"floor {self.floor} of a {self.task}: only a regression has one, a finite number")
        if self.dropout and (len(self.dropout) != len(self.groups) or not all(0 <= p < 1 for p in self.dropout)):
            raise ValueError(f"dropout {self.dropout} is not one rate in [0, 1) for each of {len(self.groups)} groups")
        branched = [branching.group for branching in self.branchings]
        if len(set(branched)) < len(branched):
            raise ValueError(f"a group can be branched once, not as in {branched}")
        for branching in self.branchings:
            if not 0 <= branching.group < len(self.groups):
                raise ValueError(f"there is no group {branching.group} to branch among {len(self.groups)}")
            if sum(branching.distribution) != self.groups[branching.group].layers:
                raise ValueError(
                    f"{list(branching.distribution)} does not deal out the "
                    f"{self.groups[branching.group].layers} layers of group {branching.group}"
                )

    def branches(self, group: int) -> tuple[int, ...]:
        """Layers in each branch of a group; one branch where it is not branched."""
        for branching in self.branchings:
            if branching.group == group:
                return branching.distribution
        return (self.groups[group].layers,)

    def layer_shapes(self) -> Iterator[tuple[int, int]]:
        """(inputs, outputs) of every hidden layer, branch by branch."""
        inputs = self.input_width
        for number, group in enumerate(self.groups):
            for layers in self.branches(number):
                yield inputs, group.width
                for _ in range(layers - 1):
                    yield group.width, group.width
            inputs = group.width

    def parameter_count(self) -> int:
        """Trainable parameters, in closed form: weights and biases of layers and projections, batch norm's two."""
        count = (self.groups[-1].width + 1) * self.output_width
        for inputs, outputs in self.layer_shapes():
            linear = (inputs + 1) * outputs
            count += linear
            count += linear if self.skip and inputs != outputs else 0
            count += 2 * outputs if self.batch_norm else 0
        return count

    def with_output(self, output_width: int, task: Task, floor: float | None = None) -> Self:
        """The same hidden layers with another head."""
        return replace(self, output_width=output_width, task=task, floor=floor)

    def to_json(self) -> str:
        return json.dumps(asdict(self), separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Raises ValueError on text that is not the JSON of an architecture."""
        try:
            fields: dict[str, Any] = json.loads(text)
            fields["groups"] = tuple(Group(**group) for group in fields["groups"])
            fields["branchings"] = tuple(
                Branching(branching["group"], tuple(branching["distribution"])) for branching in fields["branchings"]
            )
            fields["dropout"] = tuple(fields["dropout"])
            return cls(**fields)
        except (TypeError, KeyError, ValueError) as error:
            raise ValueError(f"not an architecture: {error}") from error

    def __str__(self) -> str:
        """Short and readable, the run's name in MLflow: `Top[2,2] skip leaky`."""
        words = [*self._profile_words(), *self._branching_words()]
        words += ["skip"] if self.skip else []
        words += ["leaky" if self.activation == "leaky_relu" else self.activation]
        if self.activation == "leaky_relu" and self.slope != KERAS_LEAKY_SLOPE:
            words.append(f"slope={self.slope:.3g}")
        words += ["batchnorm"] if self.batch_norm else []
        if self.dropout == ELEMNET_DROPOUT:
            words.append("dropout")
        elif self.dropout:
            words.append("dropout=" + ",".join(f"{rate:.3g}" for rate in self.dropout))
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
        return [
            f"{self.group_name(branching.group)}[{','.join(map(str, branching.distribution))}]"
            for branching in self.branchings
        ]


ELEMNET = Architecture(activation="relu", dropout=ELEMNET_DROPOUT)
IRNET = Architecture(activation="relu", batch_norm=True, skip=True)
BNET = Architecture(branchings=(Branching(0, (2, 2)),))
BRNET = Architecture(branchings=(Branching(0, (2, 2)),), skip=True)

PUBLISHED = {"ElemNet": ELEMNET, "IRNet": IRNET, "BNet": BNET, "BRNet": BRNET}
"""The four networks of SDM 2022, Table 1. Their parameters are the published counts, but for IRNet: `IRNET_NOTE`."""

IRNET_NOTE = (
    "IRNet: the paper states 5,461,473 parameters; its linear layers, projections and one batch norm a layer make "
    "5,433,697 trainable ones (5,447,585 with running statistics)"
)


def published_name(architecture: Architecture) -> str | None:
    """The name under which an architecture's hidden layers were published, where they were."""
    hidden = architecture.with_output(1, "regression")
    return next((name for name, published in PUBLISHED.items() if published == hidden), None)
