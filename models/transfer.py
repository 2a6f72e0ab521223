"""What another network gives to one that begins from it: the weights of all layers but the output's."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from models.architecture import Architecture
from models.network import Network
from models.start import Start

OUTPUT = "output."
"""The output layer, which is fitted anew for another property's unit; all before it, the backbone, is taken over."""

ROWS_AT_ONCE = 8192

RIDGE = 1e-3
"""Penalty on the fitted output layer, as a part of the features' mean variance."""


@dataclass(frozen=True, eq=False)
class StartWeights:
    """A network to begin from: where it is from, its architecture, and its backbone's arrays by their names."""

    source: str
    architecture: Architecture
    arrays: Mapping[str, np.ndarray]

    @classmethod
    def of(cls, source: str, network: Network) -> Self:
        """A network's backbone."""
        state = {name: value.numpy() for name, value in network.state_dict().items() if not name.startswith(OUTPUT)}
        return cls(source, network.architecture, state)

    @cached_property
    def digest(self) -> str:
        """16 hexadecimal digits, equal where all weights are."""
        digest = hashlib.sha256()
        for name in sorted(self.arrays):
            digest.update(name.encode() + np.ascontiguousarray(self.arrays[name]).tobytes())
        return digest.hexdigest()[:16]

    def start(self) -> Start:
        """To begin from here, and train all weights."""
        return Start(self.source, self.digest)


def begin(network: Network, start: Start | None, weights: StartWeights | None) -> Network:
    """Let a new network begin as `start` says; it is returned. Raises ValueError where these are not its weights."""
    if start is None:
        return network
    if weights is None or weights.digest != start.digest:
        raise ValueError(f"the weights of {start.source} ({start.digest}) are not there")
    own = network.state_dict()
    taken = {name: torch.tensor(array) for name, array in weights.arrays.items()}
    if taken.keys() != {name for name in own if not name.startswith(OUTPUT)}:
        raise ValueError(f"the layers of {start.source} are not those of {network.architecture}")
    try:
        network.load_state_dict(own | taken)
    except RuntimeError as error:
        raise ValueError(f"the layers of {start.source} are not those of {network.architecture}") from error
    network.requires_grad_(not start.frozen)
    network.output.requires_grad_(True)
    return network


def fit_output(network: Network, x: Tensor, targets: Tensor) -> None:
    """Fit the output layer to what the backbone makes of x (rows, inputs), by least squares with a small penalty.

    A random output layer's gradients would spoil the backbone before the layer has learnt (Kumar et al., ICLR 2022).
    targets: float (rows, outputs) in the network's scale; for class numbers (rows,) all logits begin at 0.
    """
    layer = network.output
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
        if not targets.is_floating_point():
            return
        network.eval()
        features = torch.cat([network.features(part) for part in x.split(ROWS_AT_ONCE)]).double()
        y = targets.double()
        centred, centre = features - features.mean(0), features.mean(0)
        covariance = centred.T @ centred / len(x)
        covariance.diagonal().add_(RIDGE * covariance.diagonal().mean() + torch.finfo(torch.float32).tiny)
        weights = torch.linalg.solve(covariance, centred.T @ (y - y.mean(0)) / len(x))
        layer.weight.copy_(weights.T)
        layer.bias.copy_(y.mean(0) - centre @ weights)
