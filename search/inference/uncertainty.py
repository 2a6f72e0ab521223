"""How far to trust a prediction: the error to expect, and 90 % intervals that hold on compositions not trained on.

Split conformal prediction with normalised residuals (Papadopoulos et al., ECML 2002; Lei et al., JASA 2018). The error
to expect is a sum of parts, none negative: a floor and, as far as cross-validation on the validation set finds them
of use, the ensemble's spread, the distance to the training compositions, and the errors made on similar compositions of
the validation set. The interval is as many times that error as covered 90 % of the validation set. Nothing here has
seen the test set.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models import checkpoint
from search.inference.difficulty import CONFIDENCE, SIGNS, choose, conformal_quantile, fit, least_error
from search.inference.domain import pack, unpack

FEWEST_ROWS = math.ceil(CONFIDENCE / (1 - CONFIDENCE) - 1e-9)
"""With fewer validation rows than these no finite interval is known to cover so much: 9 for 90 %."""

NEIGHBOURS = 10
REFERENCE_ROWS = 5_000
"""Validation compositions kept to look for similar ones, of a larger set a random draw."""

SOFTENING = 0.1
"""Added to distances, so that one near neighbour does not decide alone; compositions lie 0.2 to 0.4 apart."""


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Validation compositions, fractions x float32 (rows, 86), and the absolute errors made on them, (rows,)."""

    x: NDArray[np.float32]
    errors: NDArray[np.float32]

    @cached_property
    def _tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.from_numpy(self.x)
        return x.T.contiguous(), (x**2).sum(1), torch.from_numpy(self.errors)

    def error(self, x: NDArray[np.float32], leave_out: bool = False) -> NDArray[np.float32]:
        """Mean error (rows,) of the nearest compositions to fractions x (rows, 86), the nearer the more it counts.

        With `leave_out`, x are the compositions kept here, and none counts as its own neighbour.
        """
        columns, squares, errors = self._tensors
        answers = [
            self._error(part, columns, squares, errors, first * 512 if leave_out else None)
            for first, part in enumerate(torch.from_numpy(x).split(512))
        ]
        return torch.cat(answers).numpy()

    @staticmethod
    def _error(x: Tensor, columns: Tensor, squares: Tensor, errors: Tensor, own: int | None) -> Tensor:
        distances = (squares - 2 * (x @ columns) + (x**2).sum(1, keepdim=True)).clamp_(min=0)
        if own is not None:
            rows = torch.arange(len(x))
            distances[rows, rows + own] = torch.inf
        nearest = distances.topk(min(NEIGHBOURS, len(errors) - (own is not None)), dim=1, largest=False, sorted=False)
        weights = 1 / (nearest.values.sqrt() + SOFTENING)
        return (weights * errors[nearest.indices]).sum(1) / weights.sum(1)


@dataclass(frozen=True, eq=False)
class Calibration:
    """expected error = max(parts · weights, least), in the target's unit; the 90 % interval is value ± quantile x
    expected error.

    parts: 1, spread, distance, error of the neighbours. weights: of these, float64 (4,), none below 0.
    """

    weights: NDArray[np.float64]
    least: float
    quantile: float
    neighbours: Neighbours

    def expected_error(
        self, x: NDArray[np.float32], spread: NDArray[np.floating], distance: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        """The mean absolute error to expect, float64 (rows,), for fractions x (rows, 86), spreads and distances."""
        return self._expected(spread, distance, self.neighbours.error(x))

    def _expected(
        self, spread: NDArray[np.floating], distance: NDArray[np.floating], similar: NDArray[np.floating]
    ) -> NDArray[np.float64]:
        return np.maximum(_parts(spread, distance, similar) @ self.weights, self.least)

    def save(self, path: Path) -> None:
        """Write to `path` (.npz), without pickle."""
        arrays = {"weights": self.weights, "errors": self.neighbours.errors}
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
        facts = {"least": self.least, "quantile": self.quantile, "confidence": CONFIDENCE}
        checkpoint.write(path, {**tensors, **pack(self.neighbours.x)}, facts)

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote. Raises CheckpointError."""
        tensors, facts = checkpoint.read(path)
        try:
            x, errors, weights = unpack(tensors), tensors["errors"].numpy(), tensors["weights"].numpy()
            least, quantile = float(facts["least"]), float(facts["quantile"])
            if errors.shape != (len(x),) or weights.shape != (len(SIGNS),) or not len(x):
                raise ValueError("its arrays do not fit together")
            if not all(np.isfinite(part).all() for part in (errors, weights, least, quantile)):
                raise ValueError("it holds numbers that are not finite")
            return cls(weights, least, quantile, Neighbours(x, errors))
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise checkpoint.CheckpointError(f"{path} is no calibration: {error}") from error


def _parts(*columns: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.column_stack([np.ones(len(columns[0])), *columns]).astype(np.float64)


def calibrate(
    x: NDArray[np.float32],
    errors: NDArray[np.floating],
    spread: NDArray[np.floating],
    distance: NDArray[np.floating],
) -> Calibration:
    """Calibrate on validation rows: fractions (rows, 86), and absolute errors, spreads and distances, each (rows,).

    Which parts count is chosen by cross-validation, their weights are fitted to the errors by non-negative least
    squares; a single network, whose spread is 0 everywhere, is left with the other parts. No row is its own neighbour
    here, as none will be that is asked for. Of more than REFERENCE_ROWS rows the first so many are used. Raises
    ValueError where there are too few.
    """
    if len(errors) < FEWEST_ROWS:
        raise ValueError(f"{len(errors)} validation rows cannot calibrate an interval: it takes {FEWEST_ROWS}")
    kept = slice(REFERENCE_ROWS)
    x, errors, spread, distance = x[kept], errors[kept], spread[kept], distance[kept]
    neighbours = Neighbours(x, errors.astype(np.float32))
    similar = neighbours.error(x, leave_out=True)
    signs, wrong = _parts(spread, distance, similar), errors.astype(np.float64)
    weights, least = fit(signs, wrong, choose(signs, wrong)), least_error(wrong)
    fitted = Calibration(weights, least, 1.0, neighbours)
    scores = wrong / fitted._expected(spread, distance, similar)
    return Calibration(weights, least, conformal_quantile(scores), neighbours)
