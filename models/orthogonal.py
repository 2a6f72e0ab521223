"""The nearly orthogonal matrices nearest to others, by which Muon steps: V Uᵀ of V S Uᵀ, nearly.

Newton-Schulz iterations are products alone, which GPUs do fast, in bfloat16 above all. On a CPU a rational function
that comes nearer to orthogonal takes a fifth of their operations (benchmarks/orthogonal.py).
"""

from __future__ import annotations

import torch
from torch import Tensor

from models.precision import computes_in_bfloat16

ITERATIONS = 5
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Of the Newton-Schulz polynomial that brings singular values to between about 0.7 and 1.2 in five iterations."""
EPSILON = 1e-7

CONSTANT = 0.96193991
POLES = (1.8960818e-5, 9.1860596e-3)
WEIGHTS = (9.2188285e-3, 0.18527752)
"""s (CONSTANT + sum of WEIGHTS / (s² + POLES)) is Zolotarev's best function of its degree for the sign of s in
[0.002, 1]: no further than 0.155 from 1 there."""
SMALLEST_NORM = 1e-30
"""Of a matrix times its transpose: whatever is smaller is stepped in proportion, to the 0 of no gradient."""


def orthogonalised(matrices: Tensor) -> Tensor:
    """The nearly orthogonal matrices nearest to these, (count, rows, columns), float32."""
    is_tall = matrices.size(1) > matrices.size(2)
    wide = matrices.mT if is_tall else matrices
    steps = newton_schulz(wide) if wide.is_cuda else zolotarev(wide)
    return steps.mT if is_tall else steps


def newton_schulz(wide: Tensor) -> Tensor:
    """(count, rows, columns), no more rows than columns, by iterations of a polynomial (Jordan et al., 2024).

    Computed in bfloat16 where the hardware is faster in it.
    """
    x = wide.bfloat16() if computes_in_bfloat16("auto", wide.device) else wide
    x = x / (x.norm(dim=(1, 2), keepdim=True) + EPSILON)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        square = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(square, square, square, beta=b, alpha=c), x, beta=a)
    return x.float()


def zolotarev(wide: Tensor) -> Tensor:
    """(count, rows, columns), no more rows than columns, by a rational function (Nakatsukasa and Freund, 2016)."""
    square = torch.bmm(wide, wide.mT)
    # the largest of its eigenvalues is at most its norm, and nearer to that than a singular value is to the matrix's
    norm = square.norm(dim=(1, 2), keepdim=True).clamp(min=SMALLEST_NORM)
    root = norm.sqrt()
    shifted = square.expand(len(POLES), *square.shape).clone()
    for matrices, pole in zip(shifted, POLES, strict=True):
        matrices.diagonal(dim1=1, dim2=2).add_(pole * norm[:, 0])
    # by their Cholesky factors: float32 leaves nothing of the smallest pole in cheaper ways to invert
    small, large = torch.cholesky_inverse(torch.linalg.cholesky_ex(shifted)[0])
    factor = small.mul_(WEIGHTS[0] * root).addcmul_(large, WEIGHTS[1] * root)
    factor.diagonal(dim1=1, dim2=2).add_(CONSTANT / root[:, 0])
    return torch.bmm(factor, wide)
