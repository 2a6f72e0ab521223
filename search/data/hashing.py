"""64-bit hashes of compositions: what tells them apart, and what shuffles them.

Pure integer arithmetic, so that a split is the same on every platform, with every numpy, and in whatever order a file
has its rows; and a row added to a table leaves the others' order as it was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.data.composition import Featurised

# Fractions are told apart in steps of 2^-20, about 1e-6: Fe0.5O0.5, FeO and 1/3 written with 7 digits meet their
# exact form. A power of two, because no formula of fewer than 2^21 atoms then lies on the border of two steps, where
# rounding would decide.
_STEPS = 2**20

_GOLDEN = 0x9E3779B97F4A7C15  # 2^64 over the golden ratio, SplitMix64's step from one stream to the next


def mix(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea and Flood, 2014): a bijection that scatters every bit; any shape."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def composition_hashes(composition: Featurised) -> NDArray[np.uint64]:
    """uint64 (rows,): equal for equal compositions; 0 for rejected rows.

    Two different compositions of a million meet by chance once in 40 million tables.
    """
    steps = np.rint(composition.fractions.astype(np.float64) * _STEPS).astype(np.uint64)
    entries = mix(((composition.columns.astype(np.uint64) + np.uint64(1)) << np.uint64(32)) | steps)
    hashes = np.zeros(len(composition.counts), dtype=np.uint64)
    present = composition.counts > 0
    if present.any():
        starts = np.concatenate([[0], np.cumsum(composition.counts[present], dtype=np.int64)[:-1]])
        hashes[present] = mix(np.add.reduceat(entries, starts, dtype=np.uint64))
    return hashes


def shuffled(hashes: NDArray[np.uint64], seed: int, purpose: int) -> NDArray[np.intp]:
    """intp (rows,): the rows in a random order drawn with `seed`; another `purpose` draws an independent one."""
    salt = mix(np.array([(seed + purpose * _GOLDEN) % 2**64], dtype=np.uint64))
    return np.argsort(mix(hashes + salt), kind="stable")
