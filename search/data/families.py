"""Families of compounds told by their composition alone, to be held out and discovered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from search.data.composition import ELEMENTS, Featurised

_TOLERANCE = 1e-5
"""Of a fraction: far below the step from one stoichiometry to the next, far above float32's rounding."""

_ANIONS = frozenset({"H", "N", "O", "F", "S", "Cl", "Se", "Br", "Te", "I"})


def _is(composition: Featurised, fractions: tuple[float, ...]) -> NDArray[np.bool_]:
    """bool (rows,): whether the elements' fractions, in rising order, are these; none for an unreadable formula."""
    matches: NDArray[np.bool_] = composition.counts == len(fractions)
    lengths = composition.counts.astype(np.int64)
    entries = np.repeat(matches, lengths)
    found = np.sort(composition.fractions[entries].reshape(-1, len(fractions)), axis=1)
    matches[np.flatnonzero(matches)] = (np.abs(found - np.array(fractions)) < _TOLERANCE).all(axis=1)
    return matches


def _binaries(composition: Featurised) -> NDArray[np.bool_]:
    return _is(composition, (0.5, 0.5))


def _perovskites(composition: Featurised) -> NDArray[np.bool_]:
    majority = composition.fractions > 0.5
    anions = np.isin(composition.columns, [column for column, name in enumerate(ELEMENTS) if name in _ANIONS])
    row_of_entry = np.repeat(np.arange(len(composition.counts)), composition.counts)
    has_anion_majority = np.zeros(len(composition.counts), dtype=np.bool_)
    has_anion_majority[row_of_entry[majority & anions]] = True
    return _is(composition, (0.2, 0.2, 0.6)) & has_anion_majority


FAMILIES: Mapping[str, Callable[[Featurised], NDArray[np.bool_]]] = MappingProxyType(
    {"binaries": _binaries, "perovskites": _perovskites}
)
"""By name: bool (rows,), which compositions belong. binaries: AB, the composition of the structures B2 and L1_0.
perovskites: ABX3 with X one of H, N, O, F, S, Cl, Se, Br, Te and I, the composition of perovskites whatever their
structure is."""
FAMILY_FORMULAS: Mapping[str, str] = MappingProxyType({"binaries": "AB", "perovskites": "ABX3"})
FAMILY_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "binaries": "AB, one to one; other compounds of two elements are not among them",
        "perovskites": "ABX3 by composition alone, so carbonates and nitrates too",
    }
)
"""What each is, for people."""
