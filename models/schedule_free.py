"""Schedule-free AdamW: an average of the weights in the place of a schedule (Defazio et al., NeurIPS 2024)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from models.averaging import AveragedWeights, copy_of
from models.fused import Adam, Decayed, Optimiser, named

MOMENTUM = 0.9
"""Where between the stepped weights (0) and their average (1) the gradient is taken."""


class ScheduleFree(Optimiser):
    """Steps weights z by AdamW without its momentum, and averages them to x; the network trains on a mix of both.

    The network's parameters hold z + MOMENTUM (x - z), where the gradient is taken; `averages` holds x, which is to be
    validated. Each step counts in x by the square of its learning rate, so that those of the warm-up count little.
    Weight decay acts on z.
    """

    def __init__(self, groups: Sequence[Decayed], rate: float, epsilon: float, beta2: float) -> None:
        super().__init__(groups, rate)
        self.trained: list[nn.Parameter] = [parameter for group in self.groups for parameter in group.parameters]
        stepped = [
            Decayed([nn.Parameter(parameter.detach().clone()) for parameter in group.parameters], group.weight_decay)
            for group in self.groups
        ]
        self._adamw = Adam(stepped, rate, decoupled=True, epsilon=epsilon, betas=(0.0, beta2))
        self._stepped: list[nn.Parameter] = [z for group in stepped for z in group.parameters]
        self._weight = torch.zeros((), device=self._stepped[0].device)
        self.averages = [z.detach().clone() for z in self._stepped]

    @torch.no_grad()
    def step(self) -> None:
        for z, parameter in zip(self._stepped, self.trained, strict=True):
            z.grad = parameter.grad
        self._adamw.rate = self.rate
        self._adamw.step()
        self._adamw.zero_grad()
        square = self.rate**2
        self._weight += square
        share = square / self._weight
        for z, x, parameter in zip(self._stepped, self.averages, self.trained, strict=True):
            x.lerp_(z, share)
            torch.lerp(z, x, MOMENTUM, out=parameter)

    def tensors(self) -> dict[str, Tensor]:
        """AdamW's, z, x and the sum of squares that x was made with."""
        stepped = [z.detach() for z in self._stepped]
        return {
            **self._adamw.tensors(),
            **named("stepped", [stepped]),
            **named("average", [self.averages]),
            "weight": self._weight,
        }


class ScheduleFreeWeights(AveragedWeights):
    """The average that `ScheduleFree` keeps, to be used as a moving average is."""

    def __init__(self, network: nn.Module, optimiser: ScheduleFree) -> None:
        self.decay, self.state = 0.0, copy_of(network)
        names = {id(parameter): name for name, parameter in network.named_parameters()}
        self._names = [names[id(parameter)] for parameter in optimiser.trained]
        self._optimiser = optimiser

    def update(self, weight: float | Tensor) -> None:
        """Nothing: the optimiser's step has done it."""

    def refresh(self) -> None:
        """Take over what the optimiser has."""
        for name, average in zip(self._names, self._optimiser.averages, strict=True):
            self.state[name].copy_(average)
