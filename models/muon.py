"""Muon: steps of nearly orthogonal matrices for hidden layers, AdamW's for all else (Jordan et al., 2024).

torch.optim.Muon takes matrices only and reads its learning rate on the host, which no CUDA graph can.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from models.fused import Adam, Decayed, Optimiser, named
from models.orthogonal import orthogonalised

MOMENTUM = 0.95
ADAMW_RMS = 0.2
"""Root mean square of AdamW's steps, as a part of the learning rate: with it both share one range of rates."""


class Muon(Optimiser):
    """`matrices` by Muon, the parameters of `others` by AdamW.

    A step has AdamW's root mean square (Liu et al., 2025), so that learning rate and weight decay mean the same for
    both.
    """

    def __init__(
        self, matrices: Decayed, others: Sequence[Decayed], rate: float, epsilon: float, betas: tuple[float, float]
    ) -> None:
        super().__init__([matrices, *others], rate)
        self._adamw = Adam(others, rate, decoupled=True, epsilon=epsilon, betas=betas)
        self._decay = matrices.weight_decay
        self._matrices, self._momenta = list(matrices.parameters), matrices.zeros()

    @torch.no_grad()
    def step(self) -> None:
        self._adamw.rate = self.rate
        self._adamw.step()
        for shape in dict.fromkeys(matrix.shape for matrix in self._matrices):
            # those of one shape go through the iterations together
            self._step_of([number for number, matrix in enumerate(self._matrices) if matrix.shape == shape])

    def _step_of(self, numbers: Sequence[int]) -> None:
        matrices = Decayed([self._matrices[number] for number in numbers], self._decay)
        momenta, gradients = [self._momenta[number] for number in numbers], matrices.gradients()
        torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
        ahead = torch.stack(torch._foreach_lerp(gradients, momenta, MOMENTUM))
        steps = orthogonalised(ahead) * (self.rate * ADAMW_RMS * max(gradients[0].shape) ** 0.5)
        kept = 1 - self.rate * self._decay
        for matrix, step in zip(matrices.parameters, steps, strict=True):
            matrix.mul_(kept).sub_(step)

    def tensors(self) -> dict[str, Tensor]:
        return {**self._adamw.tensors(), **named("momentum", [self._momenta])}
