"""Several networks that answer as one: weighted mean, spread, and which of many to take."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from models.network import Network

ROWS_AT_ONCE = 1024
"""More are no faster, and take more memory."""

ROUNDS_A_MEMBER = 4
"""Greedy selection takes so many copies for every network it may hold, so that weights can differ."""


def shares_of(members: int, weights: Sequence[float]) -> tuple[float, ...]:
    """The weights of so many members, brought to a sum of 1. Raises ValueError where they do not fit or are not above
    0."""
    shares = np.array(weights, dtype=np.float64)
    if not members or len(shares) != members:
        raise ValueError(f"{members} models and {len(shares)} weights make no ensemble")
    if not np.isfinite(shares).all() or (shares <= 0).any():
        raise ValueError(f"weights must be above 0, unlike {shares.tolist()}")
    return tuple(float(share) for share in shares / shares.sum())


class Ensemble:
    """Networks of any architectures with the same input and output widths, on the CPU, and their weights (sum 1).

    With `bfloat16` the layers' products are computed in it: about twice as fast on processors that can, and values
    differ by some thousandths of the target's range. Raises ValueError where there is no network, or the parts do not
    fit together.
    """

    def __init__(
        self, networks: Sequence[Network], weights: Sequence[float] | None = None, bfloat16: bool = False
    ) -> None:
        shares = shares_of(len(networks), [1.0] * len(networks) if weights is None else weights)
        widths = {(n.architecture.input_width, n.architecture.output_width, n.architecture.task) for n in networks}
        if len(widths) > 1:
            raise ValueError(f"networks of different inputs, outputs or tasks make no ensemble: {sorted(widths)}")
        self.networks = tuple(networks)
        self.weights = shares
        self._bfloat16 = bfloat16
        self._fast = [_for_inference(network, bfloat16) for network in networks]

    def predict(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and spread of the members' outputs, each float32 (rows, output_width), in the target's unit.

        The spread is the members' weighted standard deviation; 0 for a single network. Rows go through in parts, so
        memory does not grow with them beyond input and output.
        """
        parts = [self._answer(part) for part in x.split(ROWS_AT_ONCE)]
        return torch.cat([mean for mean, _ in parts]), torch.cat([spread for _, spread in parts])

    @torch.no_grad()
    def _answer(self, x: Tensor) -> tuple[Tensor, Tensor]:
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bfloat16):
            outputs = torch.stack([network(x) for network in self._fast]).float()
        weights = torch.tensor(self.weights)[:, None, None]
        mean = (weights * outputs).sum(0)
        return mean, (weights * (outputs - mean) ** 2).sum(0).sqrt()


class _OneDnnLinear(nn.Module):
    """A linear layer by oneDNN's product, which on processors that are not Intel's takes a fifth less time than MKL's.

    The operator is the one that torch.compile puts in the place of linear layers, without compiling.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, self.weight, self.bias, "none", [], "")
        return y


def _for_inference(network: Network, bfloat16: bool) -> nn.Module:
    """A copy that answers the same to float32's last digits, with the faster product where torch has it."""
    ready = copy.deepcopy(network).eval().requires_grad_(False)
    # autocast, which makes layers bfloat16, knows torch's own linear layers only
    if bfloat16 or not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return ready
    for module in list(ready.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Linear):
                setattr(module, name, _OneDnnLinear(child))
    return ready


def select(
    outputs: NDArray[np.floating],
    error: Callable[[NDArray[np.float64]], float],
    members: int,
    parameters: Sequence[int] | None = None,
    most_parameters: int | None = None,
) -> NDArray[np.int64]:
    """How many copies of each network make the ensemble of lowest error.

    outputs (networks, rows, ...) on the validation set; `error` is that of an ensemble's mean outputs (rows, ...). At
    most `members` different networks get a count above 0, and where a limit is given these have at most
    `most_parameters` together, `parameters` (networks,) being those of each. Greedy selection with replacement (Caruana
    et al., ICML 2004): start from the best network, add the one that lowers the ensemble's error most, and of all
    ensembles on this way keep the best. Ties go to the fewer copies and to the network that comes first. Raises
    ValueError where there is nothing to choose from, or no network is within the limit or has a finite error.
    """
    if not len(outputs) or members < 1:
        raise ValueError(f"nothing to choose: {len(outputs)} networks, at most {members} members")
    counts = np.zeros(len(outputs), dtype=np.int64)
    best_counts, best_error = counts, np.inf
    sizes = np.zeros(len(outputs)) if parameters is None else np.asarray(parameters, dtype=np.float64)
    left = np.inf if most_parameters is None else float(most_parameters)
    if sizes.min() > left:
        raise ValueError(f"nothing to choose: no network has {most_parameters} parameters or fewer")
    total = np.zeros(outputs.shape[1:])
    for size in range(1, ROUNDS_A_MEMBER * members + 1):
        full = np.count_nonzero(counts) >= members
        allowed = np.flatnonzero((counts > 0) | ((sizes <= left) & (not full)))
        errors = np.nan_to_num(
            [error((total + outputs[number]) / size) for number in allowed], nan=np.inf, posinf=np.inf
        )
        chosen = allowed[int(np.argmin(errors))]
        left -= 0.0 if counts[chosen] else sizes[chosen]
        counts[chosen] += 1
        total += outputs[chosen]
        if min(errors) < best_error:
            best_counts, best_error = counts.copy(), min(errors)
    if not np.isfinite(best_error):
        raise ValueError("nothing to choose: no network has a finite error")
    return best_counts
