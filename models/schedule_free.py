"""Schedule-free AdamW: an average of the weights in the place of a schedule (Defazio et al., NeurIPS 2024)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.averaging import AveragedWeights, copy_of

MOMENTUM = 0.9
"""Where between the stepped weights (0) and their average (1) the gradient is taken."""


class ScheduleFree(torch.optim.AdamW):
    """Steps weights z by AdamW without its momentum, and averages them to x; the network trains on a mix of both.

    The network's parameters hold z + MOMENTUM (x - z), where the gradient is taken; `averages` holds x, which is to be
    validated. Each step counts in x by the square of its learning rate, so that those of the warm-up count little.
    Weight decay acts on z. The learning rate may be a tensor; nothing in a step waits for the device.
    """

    def __init__(self, groups: Sequence[dict[str, Any]], **adamw: Any) -> None:
        self.trained: list[nn.Parameter] = [parameter for group in groups for parameter in group["params"]]
        stepped = [
            {**group, "params": [nn.Parameter(parameter.detach().clone()) for parameter in group["params"]]}
            for group in groups
        ]
        super().__init__(stepped, betas=(0.0, 0.999), **adamw)
        self._stepped: list[nn.Parameter] = [z for group in self.param_groups for z in group["params"]]
        self._weight = torch.zeros((), device=self._stepped[0].device)
        self.averages = [z.detach().clone() for z in self._stepped]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for z, parameter in zip(self._stepped, self.trained, strict=True):
            z.grad = parameter.grad
        super().step()
        square = self.param_groups[0]["lr"] ** 2
        self._weight += square
        share = square / self._weight
        for z, x, parameter in zip(self._stepped, self.averages, self.trained, strict=True):
            x.lerp_(z, share)
            torch.lerp(z, x, MOMENTUM, out=parameter)

    def zero_grad(self, set_to_none: bool = True) -> None:
        for parameter in (*self._stepped, *self.trained):
            parameter.grad = None

    def state_dict(self) -> dict[str, Any]:
        """AdamW's, and for each parameter z, x and the sum of squares that x was made with."""
        whole = super().state_dict()
        for number, (z, x) in enumerate(zip(self._stepped, self.averages, strict=True)):
            own = {"stepped": z.detach(), "average": x, "weight": self._weight}
            whole["state"][number] = {**whole["state"].get(number, {}), **own}
        return whole

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Inverse of `state_dict`. Raises KeyError where it is another optimiser's."""
        entries = {number: dict(entry) for number, entry in state_dict["state"].items()}
        for number, (z, x) in enumerate(zip(self._stepped, self.averages, strict=True)):
            z.copy_(entries[number].pop("stepped"))
            x.copy_(entries[number].pop("average"))
            self._weight.copy_(entries[number].pop("weight"))
        begun = {number: entry for number, entry in entries.items() if entry}
        super().load_state_dict({**state_dict, "state": begun})


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
