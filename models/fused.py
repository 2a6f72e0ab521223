"""Adam, AdamW and SGD by torch's fused kernels.

torch.optim has them too, to the same bits. But the first use of its classes imports torch's compiler, which takes each
process 1.6 s, and their steps spend as long in Python as a small network's takes to compute.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

SGD_MOMENTUM = 0.9


@dataclass(frozen=True)
class Decayed:
    """Parameters that share a weight decay."""

    parameters: Sequence[nn.Parameter]
    weight_decay: float

    def gradients(self) -> list[Tensor]:
        return [parameter.grad for parameter in self.parameters]  # type: ignore[misc]  # none is without

    def zeros(self) -> list[Tensor]:
        return [torch.zeros_like(parameter).detach() for parameter in self.parameters]


class Optimiser(ABC):
    """Steps parameters by their gradients; each of them must have one.

    `rate`, the learning rate, is set before each step: a number, or a tensor on the parameters' device, which a CUDA
    graph can read. Nothing in a step waits for the device.
    """

    def __init__(self, groups: Sequence[Decayed], rate: float) -> None:
        self.rate: float | Tensor = rate
        self.groups = [group for group in groups if group.parameters]

    @abstractmethod
    def step(self) -> None:
        """Move the parameters."""

    @abstractmethod
    def tensors(self) -> dict[str, Tensor]:
        """What later steps depend on (moments, number of steps), by name; not copied."""

    @torch.no_grad()
    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Take over the values of another's `tensors`, in place. Raises ValueError where that is of another kind."""
        own = self.tensors()
        if {name: value.shape for name, value in own.items()} != {name: value.shape for name, value in tensors.items()}:
            raise ValueError("its optimiser's state is not that of this recipe and network")
        for name, value in own.items():
            value.copy_(tensors[name])

    def zero_grad(self) -> None:
        for group in self.groups:
            for parameter in group.parameters:
                parameter.grad = None


class Adam(Optimiser):
    """Adam (Kingma and Ba, ICLR 2015), or, where the decay is `decoupled`, AdamW (Loshchilov and Hutter, ICLR 2019)."""

    def __init__(
        self,
        groups: Sequence[Decayed],
        rate: float,
        decoupled: bool,
        epsilon: float,
        betas: tuple[float, float],
    ) -> None:
        super().__init__(groups, rate)
        self._kernel: Callable[..., None] = torch._fused_adamw_ if decoupled else torch._fused_adam_
        self._epsilon, self._betas = epsilon, betas
        self._first, self._second = ([group.zeros() for group in self.groups] for _ in range(2))
        self._steps = torch.zeros((), device=self.groups[0].parameters[0].device if self.groups else None)

    @torch.no_grad()
    def step(self) -> None:
        self._steps += 1
        for group, first, second in zip(self.groups, self._first, self._second, strict=True):
            self._kernel(
                group.parameters, group.gradients(), first, second, [], [self._steps] * len(first),
                lr=self.rate, beta1=self._betas[0], beta2=self._betas[1], weight_decay=group.weight_decay,
                eps=self._epsilon, amsgrad=False, maximize=False,
            )  # fmt: skip

    def tensors(self) -> dict[str, Tensor]:
        return {"steps": self._steps, **named("first", self._first), **named("second", self._second)}


class Sgd(Optimiser):
    """Stochastic gradient descent with Nesterov's momentum (Sutskever et al., ICML 2013)."""

    def __init__(self, groups: Sequence[Decayed], rate: float) -> None:
        super().__init__(groups, rate)
        self._momenta = [group.zeros() for group in self.groups]

    @torch.no_grad()
    def step(self) -> None:
        for group, momenta in zip(self.groups, self._momenta, strict=True):
            torch._fused_sgd_(  # type: ignore[call-overload]  # its hints know no tensors of a kind of their own
                group.parameters, group.gradients(), momenta, lr=self.rate, momentum=SGD_MOMENTUM, dampening=0.0,
                nesterov=True, weight_decay=group.weight_decay, maximize=False, is_first_step=False,
            )  # fmt: skip

    def tensors(self) -> dict[str, Tensor]:
        return named("momentum", self._momenta)


def named(name: str, of_groups: Sequence[Sequence[Tensor]]) -> dict[str, Tensor]:
    """Tensors by `name` and their numbers over all groups."""
    return {f"{name}/{number}": tensor for number, tensor in enumerate(t for group in of_groups for t in group)}
