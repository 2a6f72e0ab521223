"""Muon: steps of nearly orthogonal matrices for hidden layers, AdamW's for all else (Jordan et al., 2024).

torch.optim.Muon takes matrices only and reads its learning rate on the host, which no CUDA graph can.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from models.orthogonal import orthogonalised

MOMENTUM = 0.95
ADAMW_RMS = 0.2
"""Root mean square of AdamW's steps, as a part of the learning rate: with it both share one range of rates."""


class Muon(torch.optim.Optimizer):
    """`matrices` by Muon, the parameters of `others`, AdamW's groups, by torch's AdamW; one state, one list of groups.

    A step has AdamW's root mean square (Liu et al., 2025), so that learning rate and weight decay mean the same for
    both. The learning rate may be a tensor; nothing in a step waits for the device.
    """

    def __init__(
        self, matrices: Iterable[nn.Parameter], others: Sequence[dict[str, Any]], weight_decay: float, **adamw: Any
    ) -> None:
        self._adamw = torch.optim.AdamW(others, **adamw)
        rates = {"lr": adamw["lr"], "weight_decay": weight_decay}
        super().__init__([{"params": list(matrices), **rates}], rates)
        self.param_groups += self._adamw.param_groups
        self._share()

    def _share(self) -> None:
        """AdamW goes on with the groups and the state that are ours."""
        self._adamw.param_groups = self.param_groups[1:]
        self._adamw.state = self.state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        self._adamw.step()
        group = self.param_groups[0]
        trained = [matrix for matrix in group["params"] if matrix.grad is not None]
        for shape in dict.fromkeys(matrix.shape for matrix in trained):
            # those of one shape go through the iterations together
            self._step_of([matrix for matrix in trained if matrix.shape == shape], group)

    def _step_of(self, matrices: list[nn.Parameter], group: dict[str, Any]) -> None:
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        momenta = [self._momentum(matrix) for matrix in matrices]
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        ahead = torch.stack(torch._foreach_lerp(gradients, momenta, MOMENTUM))
        rate = group["lr"]
        steps = orthogonalised(ahead) * (rate * ADAMW_RMS * max(matrices[0].shape) ** 0.5)
        kept = 1 - rate * group["weight_decay"]
        for matrix, step in zip(matrices, steps, strict=True):
            matrix.mul_(kept).sub_(step)

    def _momentum(self, matrix: nn.Parameter) -> Tensor:
        state = self.state[matrix]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(matrix)
        momentum: Tensor = state["momentum"]
        return momentum
