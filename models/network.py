"""The network an `Architecture` describes."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.architecture import Architecture

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


class Layer(nn.Module):
    """y = activation(batch_norm(W x + b)) + s(x) on x of shape (rows, inputs)."""

    def __init__(self, inputs: int, outputs: int, architecture: Architecture) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, outputs)
        self.batch_norm = (
            nn.BatchNorm1d(outputs, KERAS_BATCH_NORM_EPSILON, KERAS_BATCH_NORM_MOMENTUM)
            if architecture.batch_norm
            else None
        )
        self.activation = activation_of(architecture)
        self.skip = architecture.skip
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


class BranchedGroup(nn.Module):
    """Branches of layers on the same input, their outputs added; then dropout. One branch is a plain stack."""

    def __init__(self, inputs: int, number: int, architecture: Architecture) -> None:
        super().__init__()
        width = architecture.groups[number].width
        self.branches = nn.ModuleList(
            nn.Sequential(*(Layer(inputs if i == 0 else width, width, architecture) for i in range(layers)))
            for layers in architecture.branches(number)
        )
        rate = architecture.dropout[number] if architecture.dropout else 0.0
        self.dropout = Dropout(rate) if rate else None

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.branches[0](x)
        for branch in self.branches[1:]:
            y = y + branch(x)
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
        widths = [architecture.input_width, *(group.width for group in architecture.groups)]
        self.groups = nn.Sequential(
            *(BranchedGroup(inputs, number, architecture) for number, inputs in enumerate(widths[:-1]))
        )
        self.output = nn.Linear(widths[-1], architecture.output_width)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.output(self.groups(x))
        return y if self.training or self.floor is None else y.clamp(min=self.floor)

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
    network.to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.Linear):
                bound = math.sqrt(6 / (module.in_features + module.out_features))
                module.weight.uniform_(-bound, bound, generator=generator)
                module.bias.zero_()
            elif isinstance(module, nn.BatchNorm1d):
                module.reset_parameters()
                module.reset_running_stats()
    return network


def predict(network: nn.Module, x: Tensor, rows_at_once: int = 8192) -> Tensor:
    """The network's outputs (rows, output_width) in evaluation mode, in float32, without gradients."""
    was_training = network.training
    network.eval()
    with torch.no_grad():
        outputs = torch.cat([network(part) for part in x.split(rows_at_once)])
    network.train(was_training)
    return outputs
