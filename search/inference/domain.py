"""The range of compositions that a model was trained on, and which queries lie outside it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]

from models import checkpoint
from search.data import ELEMENTS, Split

RARE_ROWS = 10
"""An element in fewer training rows than these is rare: too few to have learned it from."""

FAR_QUANTILE = 0.99
"""Beyond this quantile of the validation set's distances a composition is far."""

REFERENCE_ROWS = 10_000
"""Training compositions kept to measure distances from; of a larger table a random draw, so that a million queries
take minutes whatever it holds. All distances, the limit's too, are to this draw."""

ROWS_AT_ONCE = 1024

FAR = "far from the compositions trained on"


@dataclass(frozen=True, eq=False)
class Domain:
    """element_rows: int64 (86,), training rows that hold each of ELEMENTS. reference: float32 (rows, 86), training
    compositions. far: the distance beyond which a composition is far."""

    element_rows: NDArray[np.int64]
    reference: NDArray[np.float32]
    far: float

    @classmethod
    def of(cls, split: Split) -> Self:
        """The range of a split's training rows; its limit of distance is set by the validation rows."""
        x = split.train.x
        measured = cls(np.count_nonzero(x, axis=0).astype(np.int64), x[:REFERENCE_ROWS], np.inf)
        far = float(np.quantile(measured.distance(split.validation.x), FAR_QUANTILE))
        return cls(measured.element_rows, measured.reference, far)

    @property
    def elements(self) -> list[str]:
        """The elements trained on, in the order of ELEMENTS."""
        return [ELEMENTS[number] for number in np.flatnonzero(self.element_rows)]

    @cached_property
    def _by_element(self) -> sparse.csr_matrix:
        return sparse.csr_matrix(self.reference).T.tocsr()

    @cached_property
    def _squares(self) -> NDArray[np.float32]:
        squares: NDArray[np.float32] = (self.reference**2).sum(axis=1)
        return squares

    def distance(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Euclidean distance, float32 (rows,), from fractions x (rows, 86) to the nearest reference composition.

        Exact to float32, from 0 for a composition that was trained on to 1.41 for one that shares no element with an
        elemental reference.
        """
        parts = [self._distance(x[first : first + ROWS_AT_ONCE]) for first in range(0, len(x), ROWS_AT_ONCE)]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.float32)

    def _distance(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        # |x - t|² = |x|² - (2 x·t - |t|²). A composition holds about 3 elements, so most products are 0 and a sparse
        # product visits only what shares an element; -|t|² of the smallest |t|² stands for all that shares none.
        products = sparse.csr_matrix(x) @ self._by_element
        closeness = 2 * products.data - self._squares[products.indices]
        best = np.full(len(x), -self._squares.min(), dtype=np.float32)
        shares = np.diff(products.indptr) > 0
        if shares.any():
            nearest = np.maximum.reduceat(closeness, products.indptr[:-1][shares])
            best[shares] = np.maximum(best[shares], nearest)
        squares: NDArray[np.float32] = np.maximum((x**2).sum(axis=1) - best, 0)
        return np.sqrt(squares)

    def warnings(self, x: NDArray[np.float32], distance: NDArray[np.float32]) -> list[str]:
        """One text a row of fractions x (rows, 86), empty where the row is within the range trained on."""
        texts = [""] * len(x)
        known = self.element_rows >= RARE_ROWS
        doubtful = (x[:, ~known] > 0).any(axis=1) | (distance > self.far)
        for row in np.flatnonzero(doubtful):
            texts[row] = "; ".join(self._reasons(x[row], float(distance[row])))
        return texts

    def _reasons(self, fractions: NDArray[np.float32], distance: float) -> list[str]:
        present = [int(number) for number in np.flatnonzero(fractions)]
        never = [ELEMENTS[number] for number in present if self.element_rows[number] == 0]
        rarely = [ELEMENTS[number] for number in present if 0 < self.element_rows[number] < RARE_ROWS]
        reasons = [f"{', '.join(never)} in no training row"] if never else []
        reasons += [f"{', '.join(rarely)} in fewer than {RARE_ROWS} training rows"] if rarely else []
        return reasons + ([FAR] if distance > self.far else [])

    def save(self, path: Path) -> None:
        """Write to `path` (.npz), without pickle."""
        tensors = {"element_rows": torch.from_numpy(self.element_rows), **pack(self.reference)}
        checkpoint.write(path, tensors, {"elements": ELEMENTS, "far": self.far})

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote. Raises CheckpointError."""
        tensors, facts = checkpoint.read(path)
        try:
            if facts["elements"] != list(ELEMENTS):
                raise ValueError("it lists other elements")
            rows, reference, far = tensors["element_rows"].numpy(), unpack(tensors), float(facts["far"])
            if rows.shape != (len(ELEMENTS),) or not len(reference):
                raise ValueError("its arrays do not fit together")
            if not np.isfinite(far):
                raise ValueError("it does not say from where on a composition is far")
            return cls(rows, reference, far)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise checkpoint.CheckpointError(f"{path} is no range of compositions: {error}") from error


def pack(x: NDArray[np.float32]) -> dict[str, torch.Tensor]:
    """Fractions (rows, 86) as the arrays of a file, without their zeros."""
    rows, columns = np.nonzero(x)
    counts = np.bincount(rows, minlength=len(x)).astype(np.uint8)
    arrays = {"counts": counts, "columns": columns.astype(np.uint8), "fractions": x[rows, columns]}
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def unpack(tensors: dict[str, torch.Tensor]) -> NDArray[np.float32]:
    """The inverse of `pack`. Raises KeyError, TypeError, ValueError or IndexError on anything else."""
    counts, columns, fractions = (tensors[name].numpy() for name in ("counts", "columns", "fractions"))
    if not np.isfinite(fractions).all():
        raise ValueError("it holds fractions that are not finite")
    x = np.zeros((len(counts), len(ELEMENTS)), dtype=np.float32)
    x[np.repeat(np.arange(len(counts)), counts), columns] = fractions
    return x
