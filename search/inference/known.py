"""The compounds whose values a model was made from: what a screening need not look for, and what it competes with."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from models import checkpoint
from search.data import Featurised, Split, featurise
from search.data.hashing import composition_hashes

FILE = "known.npz"

_BETWEEN = "\0"
"""Between two formulas; no table of text holds it."""


@dataclass(frozen=True, eq=False)
class Known:
    """All rows of a split, test set included: formulas, and their values float32 (rows,) in the target's unit."""

    formulas: tuple[str, ...]
    values: NDArray[np.float32]

    @classmethod
    def of(cls, split: Split) -> Self:
        """The compounds of a split, whatever part they are in."""
        parts = (split.train, split.validation, split.test)
        formulas = tuple(str(formula) for part in parts for formula in part.formulas)
        return cls(formulas, np.concatenate([part.y for part in parts]).astype(np.float32))

    @cached_property
    def composition(self) -> Featurised:
        """Their fractions."""
        return featurise(self.formulas)

    def holds(self, composition: Featurised) -> NDArray[np.bool_]:
        """bool (rows,): which of the compositions are among these, however their formulas were written."""
        hashes, own = composition_hashes(composition), self._hashes
        found: NDArray[np.bool_] = own[np.minimum(np.searchsorted(own, hashes), len(own) - 1)] == hashes
        return found

    @cached_property
    def _hashes(self) -> NDArray[np.uint64]:
        return np.sort(composition_hashes(self.composition))

    def save(self, path: Path) -> None:
        """Write to `path` (.npz), without pickle."""
        text = np.frombuffer(_BETWEEN.join(self.formulas).encode(), dtype=np.uint8).copy()
        checkpoint.write(path, {"formulas": torch.from_numpy(text), "values": torch.from_numpy(self.values)}, {})

    @classmethod
    def load(cls, path: Path) -> Self:
        """What `save` wrote. Raises CheckpointError."""
        tensors, _ = checkpoint.read(path)
        try:
            formulas = tuple(tensors["formulas"].numpy().tobytes().decode().split(_BETWEEN))
            values = tensors["values"].numpy()
            if len(formulas) != len(values):
                raise ValueError(f"{len(formulas)} formulas and {len(values)} values")
        except (KeyError, TypeError, ValueError) as error:
            raise checkpoint.CheckpointError(f"{path} holds no known compounds: {error}") from error
        return cls(formulas, values)
