"""How stable compounds are against decomposing into each other: the convex hull of formation energies.

An entry's distance to the hull of all other entries is its decomposition enthalpy (Bartel et al., npj Comput. Mater. 6,
97, 2020): above 0 it decomposes, below 0 it is stable, by so much. For an entry above the hull that is the same as its
energy above the hull of all entries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog  # type: ignore[import-untyped]

ROUNDING = 1e-9
"""Energies below this are the solver's rounding."""

LEAST_AMOUNT = 1e-5
"""Amounts of products below this are none: shares are those of float32, whose rounding sets a compound beside the line
or the plane between its products, and the solver then takes some 1e-7 of another to make up for it."""

System = tuple[int, ...]
"""The numbers of a chemical system's elements, rising."""


@dataclass(frozen=True)
class Entry:
    """A compound: a key to know it by, its chemical system, the share of each of its elements (sum 1), and its
    formation energy per atom."""

    key: int
    system: System
    shares: tuple[float, ...]
    energy: float


@dataclass(frozen=True)
class Stability:
    """Energy above the hull of all other entries, in their unit, and what they are that the entry competes with:
    entries and elements (by their number) on the hull below or above it, the largest share of atoms first."""

    above_hull: float
    competitors: tuple[Entry | int, ...]


@dataclass
class Hull:
    """Hands out the stability of entries, chemical system by chemical system.

    Whatever has decomposed in a smaller system is in no larger one's hull: only the stable entries are carried on.
    """

    entries: dict[System, list[Entry]] = field(default_factory=dict)
    _stable: dict[System, list[Entry]] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Another compound; all must be there before the first is asked for."""
        self.entries.setdefault(entry.system, []).append(entry)

    def of(self, system: System) -> Iterator[tuple[Entry, Stability]]:
        """Every entry of a system and its stability; its subsystems are worked out first where they were not yet."""
        below = [entry for part in _parts(system) for entry in self._stable_of(part)]
        own = self.entries.get(system, [])
        # The elements are at 0: an entry above them is on no hull.
        rivals = [*below, *(entry for entry in own if entry.energy < 0)]
        shares, energies = _table(system, rivals)
        places = {id(entry): place + len(system) for place, entry in enumerate(rivals)}
        kept = []
        for entry in own:
            stability = _decompose(entry, system, rivals, shares, energies, places.get(id(entry)))
            if entry.energy < 0 and stability.above_hull <= 0:
                kept.append(entry)
            yield entry, stability
        self._stable[system] = kept

    def _stable_of(self, system: System) -> list[Entry]:
        if system not in self._stable:
            if system in self.entries:
                for _ in self.of(system):
                    pass
            else:
                self._stable[system] = []
        return self._stable[system]


def _parts(system: System) -> Iterator[System]:
    """The smaller systems of at least two of its elements."""
    for size in range(2, len(system)):
        yield from combinations(system, size)


def _table(system: System, rivals: Sequence[Entry]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares (elements, elements + rivals) and energies (elements + rivals,): the elements first, then the rivals."""
    shares = np.zeros((len(system), len(system) + len(rivals)))
    shares[:, : len(system)] = np.eye(len(system))
    row_of = {element: row for row, element in enumerate(system)}
    for column, entry in enumerate(rivals, start=len(system)):
        for element, share in zip(entry.system, entry.shares, strict=True):
            shares[row_of[element], column] = share
    energies = np.array([0.0] * len(system) + [entry.energy for entry in rivals])
    return shares, energies


def _decompose(
    entry: Entry,
    system: System,
    rivals: Sequence[Entry],
    shares: NDArray[np.float64],
    energies: NDArray[np.float64],
    own: int | None,
) -> Stability:
    """The mixture of lowest energy, of all but the entry itself (column `own`), that has its composition."""
    bounds = np.zeros((len(energies), 2))
    bounds[:, 1] = np.inf
    if own is not None:
        bounds[own, 1] = 0
    # The elements alone make every mixture, so there always is one.
    found = linprog(energies, A_eq=shares, b_eq=np.array(entry.shares), bounds=bounds, method="highs-ds")
    above = entry.energy - float(found.fun)
    order = np.argsort(-found.x, kind="stable")
    used = [int(place) for place in order if found.x[place] > LEAST_AMOUNT]
    names = tuple(rivals[place - len(system)] if place >= len(system) else system[place] for place in used)
    return Stability(0.0 if abs(above) < ROUNDING else above, names)
