"""Weights averaged along a training run, which validate better and more evenly than the last ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

STATISTICS_ROWS = 8192
"""Training rows from which batch norm's statistics are taken anew."""
STATISTICS_BATCH = 1024


def copy_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of all weights and statistics."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def copy_into(state: dict[str, Tensor], source: dict[str, Tensor]) -> None:
    """Overwrite the tensors of `state` in place."""
    with torch.no_grad():
        for name, value in state.items():
            value.copy_(source[name])


def weights_in_one_buffer(network: nn.Module) -> Tensor:
    """Move a network's parameters, which stay the objects they are, into one tensor (all parameters,)."""
    buffer = torch.cat([parameter.detach().flatten() for parameter in network.parameters()])
    for parameter, view in zip(network.parameters(), views_of(buffer, network).values(), strict=True):
        parameter.data = view
    return buffer


def views_of(buffer: Tensor, network: nn.Module) -> dict[str, Tensor]:
    """The parts of a buffer (all parameters,) by the names and in the shapes of the network's parameters."""
    parts = buffer.split([parameter.numel() for parameter in network.parameters()])
    return {
        name: part.view_as(parameter) for (name, parameter), part in zip(network.named_parameters(), parts, strict=True)
    }


def averaging_weight(decay: float, step: int) -> float:
    """Weight of the weights after step number `step`, counted from 1, in their average."""
    # The short memory at first keeps the random first weights out of the average.
    return 1 - min(decay, (1 + step) / (10 + step))


class AveragedWeights:
    """An exponential moving average of a network's weights; `state` is the average.

    It moves the network's weights into one buffer, so that a step of the average is one kernel and not one a layer.

    Batch norm's running statistics belong to the weights they were gathered with and cannot be averaged: they are
    taken anew, for the averaged weights, whenever those are used (Izmailov et al., UAI 2018, section 3.2).
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self._weights = weights_in_one_buffer(network)
        self._average = self._weights.clone()
        self.state = copy_of(network) | views_of(self._average, network)

    def update(self, weight: float | Tensor) -> None:
        """Move the average towards the weights as they are now, by `weight` (0 to 1, a tensor () where on a GPU)."""
        with torch.no_grad():
            self._average.lerp_(self._weights, weight)

    def refresh(self) -> None:
        """Bring `state` up to date: it is, as its weights are views of the average."""

    @contextmanager
    def in_place_of(self, network: nn.Module, x_train: Tensor) -> Iterator[None]:
        """Let the network have the averaged weights; `x_train` (rows, inputs) gives batch norm its statistics."""
        self.refresh()
        trained = copy_of(network)
        copy_into(network.state_dict(), self.state)
        take_statistics(network, x_train[:STATISTICS_ROWS])
        copy_into(self.state, network.state_dict())
        try:
            yield
        finally:
            copy_into(network.state_dict(), trained)


def _is_trained(module: nn.Module) -> bool:
    return any(parameter.requires_grad for parameter in module.parameters())


def take_statistics(network: nn.Module, x: Tensor) -> None:
    """Set batch norm's running statistics to the mean over the batches of x (rows, inputs), each by its rows."""
    # a frozen layer's norm is one of evaluation, with the statistics that it came with
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d) and _is_trained(module)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    network.eval()
    for norm in norms:
        norm.reset_running_stats()
        norm.train()
    seen = 0
    with torch.no_grad():
        for part in (part for part in x.split(STATISTICS_BATCH) if len(part) > 1):
            seen += len(part)
            for norm in norms:
                norm.momentum = len(part) / seen  # a few rows left over count as few
            network(part)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
