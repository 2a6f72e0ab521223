"""Every reduced formula of some elements, up to a number of atoms: chemical system by chemical system."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations
from math import comb

import numpy as np
from numpy.typing import NDArray

from search.data import ELEMENTS, Featurised

Counts = NDArray[np.uint8]
"""Atoms of a formula unit, (formulas, elements); the columns are some elements in the order of ELEMENTS."""


@dataclass(frozen=True)
class Scope:
    """What to enumerate: `elements` by their numbers in ELEMENTS, rising; the most atoms in a formula unit; the least
    and the most different elements in it."""

    elements: tuple[int, ...]
    max_atoms: int
    min_elements: int = 2
    max_elements: int = len(ELEMENTS)

    @property
    def sizes(self) -> range:
        """How many elements a chemical system may have."""
        return range(self.min_elements, min(self.max_elements, len(self.elements), self.max_atoms) + 1)

    @property
    def formulas(self) -> int:
        """How many formulas there are, those included that are multiples of others; found without making them."""
        return sum(comb(len(self.elements), size) * comb(self.max_atoms, size) for size in self.sizes)

    def systems(self) -> Iterator[tuple[int, ...]]:
        """Every chemical system: the numbers of its elements, rising; those of few elements first."""
        for size in self.sizes:
            yield from combinations(self.elements, size)


@cache
def reduced_counts(size: int, max_atoms: int) -> Counts:
    """(formulas, size): every way to put up to `max_atoms` atoms on all of `size` elements, no multiples of others."""
    # A way is a choice of `size` places out of max_atoms, of which each says where an element's atoms end.
    places = chain.from_iterable(combinations(range(1, max_atoms + 1), size))
    ends = np.fromiter(places, dtype=np.int16, count=size * comb(max_atoms, size)).reshape(-1, size)
    counts: Counts = np.diff(ends, axis=1, prepend=np.int16(0)).astype(np.uint8)
    reduced: Counts = counts[np.gcd.reduce(counts, axis=1) == 1]
    return reduced


def composition_of(system: Sequence[int], counts: Counts) -> Featurised:
    """Formulas of one chemical system as fractions."""
    fractions = counts / counts.sum(axis=1, keepdims=True, dtype=np.float64)
    sizes = np.full(len(counts), len(system), dtype=np.uint8)
    columns = np.tile(np.array(system, dtype=np.uint8), len(counts))
    return Featurised(sizes, columns, fractions.astype(np.float32).ravel(), {})
