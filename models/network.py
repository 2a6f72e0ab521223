"""The network an `Architecture` describes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.architecture import Architecture
from models.branching import Branch, Distribution, parts_of
from models.encoding import Descriptors, ElementEmbeddings, Encoding, Periodic, PiecewiseLinear, RankedElements
from models.inputs import PLAIN_INPUTS

KERAS_BATCH_NORM_MOMENTUM = 0.01
"""Weight of a new batch in the running statistics: Keras' default of 0.99 is the weight of the old ones."""
KERAS_BATCH_NORM_EPSILON = 1e-3


def activation_of(architecture: Architecture) -> Callable[[Tensor], Tensor]:
    """The activation as a function of a tensor."""
    if architecture.activation == "leaky_relu":
        slope = architecture.slope
        return lambda x: F.leaky_relu(x, slope)
    others: dict[str, Callable[[Tensor], Tensor]] = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu}
    return others[architecture.activation]


def norm_of(architecture: Architecture, width: int) -> nn.Module | None:
    """The normalisation of a layer's outputs, where the architecture has one."""
    if architecture.normalisation == "batch":
        return nn.BatchNorm1d(width, KERAS_BATCH_NORM_EPSILON, KERAS_BATCH_NORM_MOMENTUM)
    return nn.LayerNorm(width) if architecture.normalisation == "layer" else None


class Layer(nn.Module):
    """y = activation(normalisation(W x + b)) + s(x) on x of shape (rows, inputs)."""

    def __init__(self, inputs: int, outputs: int, architecture: Architecture) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        # the name that weights were saved under when batch norm was the only one
        self.batch_norm = norm_of(architecture, outputs)
        self.activation = activation_of(architecture)
        self.skip = architecture.skip == "layer"
        self.projection = nn.Linear(inputs, outputs) if self.skip and inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.linear(x)
        if self.batch_norm is not None:
            y = self.batch_norm(y)
        y = self.activation(y)
        if self.skip:
            y = y + (x if self.projection is None else self.projection(x))
        return y


class Dropout(nn.Module):
    """Inverted dropout that draws from its own generator, so that a trial's draws do not depend on its neighbours'."""

    def __init__(self, rate: float, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.rate = rate
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - self.rate, generator=self.generator)
        return x * kept / (1 - self.rate)


class Gate(nn.Linear):
    """Scores of branches, from what they are fed; all equal at first."""


class Branches(nn.Module):
    """Branches of layers on the same input, their outputs joined. One branch is a plain stack."""

    def __init__(self, inputs: int, width: int, distribution: Distribution, architecture: Architecture) -> None:
        super().__init__()
        self.join = architecture.join
        self.branches = nn.ModuleList(
            nn.Sequential(*_stack(inputs, width, branch, architecture)) for branch in distribution
        )
        gated = self.join == "gate" and len(distribution) > 1
        self.gate = Gate(inputs, len(distribution)) if gated else None

    def joined(self, x: Tensor) -> Tensor:
        """The branches' outputs together, (rows, width) or where they are side by side as often as there are ends."""
        if self.join == "concatenation":
            return torch.cat([branch(x) for branch in self.branches], dim=1)
        if self.gate is not None:
            shares = self.gate(x).softmax(1)
            outputs = torch.stack([branch(x) for branch in self.branches], dim=1)
            return torch.sum(shares[:, :, None] * outputs, 1)
        y: Tensor = self.branches[0](x)
        for branch in self.branches[1:]:
            y = y + branch(x)
        return y / len(self.branches) if self.join == "mean" else y

    def forward(self, x: Tensor) -> Tensor:
        return self.joined(x)


def _stack(inputs: int, width: int, branch: Branch, architecture: Architecture) -> Iterator[nn.Module]:
    """A branch's layers, and the branches that follow them."""
    layers, nested = parts_of(branch)
    for number in range(layers):
        yield Layer(width if number else inputs, width, architecture)
    if nested:
        yield Branches(width, width, nested, architecture)


class BranchedGroup(Branches):
    """A group: its branches, then a skip around it and dropout where it has them."""

    def __init__(self, number: int, architecture: Architecture) -> None:
        inputs, outputs = architecture.widths()[number : number + 2]
        super().__init__(inputs, architecture.groups[number].width, architecture.branches(number), architecture)
        self.skip = architecture.skip == "group"
        self.projection = nn.Linear(inputs, outputs) if self.skip and inputs != outputs else None
        rate = architecture.dropout[number] if architecture.dropout else 0.0
        self.dropout = Dropout(rate) if rate else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.joined(x)
        if self.skip:
            y = y + (x if self.projection is None else self.projection(x))
        return y if self.dropout is None else self.dropout(y)


class Network(nn.Module):
    """(rows, input_width) -> (rows, output_width): target values, or the classes' logits.

    `floor` bounds the outputs below in evaluation mode. None as built, because the outputs of a network under training
    may be in another scale than the target's unit; whoever brings them into it sets the architecture's floor.
    """

    floor: float | None = None

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        self.architecture = architecture
        as_it_is = architecture.inputs == PLAIN_INPUTS
        self.encoding = None if as_it_is else Encoding(architecture.inputs, architecture.input_width)
        groups = (BranchedGroup(number, architecture) for number in range(len(architecture.groups)))
        self.groups = nn.Sequential(*groups)
        self.output = nn.Linear(architecture.widths()[-1], architecture.output_width)

    def features(self, x: Tensor) -> Tensor:
        """What the output layer gets of rows x: (rows, width of the last group)."""
        y: Tensor = self.groups(x if self.encoding is None else self.encoding(x))
        return y

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.output(self.features(x))
        return y if self.training or self.floor is None else y.float().clamp(min=self.floor)

    def fit_encoding(self, x: np.ndarray) -> None:
        """Take from the training rows (rows, input_width) what the input's encoding needs of them."""
        if self.encoding is not None:
            self.encoding.fit(x)

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Weights of the linear layers between hidden layers: they neither read the input nor make the output."""
        first = cast(BranchedGroup, self.groups[0])
        branches = [cast(nn.Sequential, branch) for branch in first.branches]
        readers = {first.projection, *(module for branch in branches for module in branch[0].modules())}
        linear = [module for module in self.groups.modules() if type(module) is nn.Linear]
        return [cast(nn.Parameter, module.weight) for module in linear if module not in readers]

    def draw_dropout_from(self, generator: torch.Generator) -> None:
        for module in self.modules():
            if isinstance(module, Dropout):
                module.generator = generator


def build(architecture: Architecture, seed: int = 0) -> Network:
    """A network with Glorot-uniform weights and zero biases (Keras' defaults), drawn on the CPU from `seed`."""
    # Values are drawn below from a generator of our own: torch's default initialisation would take the time of a
    # hundred steps and the global random state.
    with torch.device("meta"):
        network = Network(architecture)
    _allocate(network)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, Gate):
                module.weight.zero_()
                module.bias.zero_()
            elif isinstance(module, nn.Linear):
                bound = math.sqrt(6 / (module.in_features + module.out_features))
                module.weight.uniform_(-bound, bound, generator=generator)
                module.bias.zero_()
            elif isinstance(module, nn.BatchNorm1d | nn.LayerNorm):
                module.reset_parameters()
            elif isinstance(module, PiecewiseLinear | Periodic | ElementEmbeddings | Descriptors | RankedElements):
                module.begin(generator)
    return network


def _allocate(network: nn.Module) -> None:
    """Memory on the CPU, not yet filled, for what has shapes alone; by `to_empty` it would take the import of sympy."""
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(torch.empty(parameter.shape, dtype=parameter.dtype)))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, torch.empty(buffer.shape, dtype=buffer.dtype))


def predict(network: nn.Module, x: Tensor, rows_at_once: int = 8192) -> Tensor:
    """The network's outputs (rows, output_width) in evaluation mode, in float32, without gradients."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        outputs = torch.cat([network(part) for part in x.split(rows_at_once)])
    network.train(was_training)
    return outputs
