"""Which candidates come first: by stability against known and screened compounds, or by value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition

from search.data import ELEMENTS
from search.inference.known import Known
from search.inference.predictor import Predictions
from search.screen import HIGHEST, STABILITY
from search.screening.candidates import Advance, Candidates, formula_of
from search.screening.enumeration import composition_of
from search.screening.hull import Entry, Hull, System

MOST_ATOMS_OF_A_KNOWN = 1000
"""Of a formula unit with more, the shares of a known compound are rounded where it is named."""


@dataclass(frozen=True)
class Ranked:
    """A candidate with what is said of it. `above_hull` is the energy above the hull of all other compounds, below 0
    for one that is predicted stable, and `competitors` are these; None and empty where the ranking is by value."""

    formula: str
    system: System
    shares: tuple[float, ...]
    value: float
    lower: float
    upper: float
    uncertainty: float
    warning: str
    above_hull: float | None
    competitors: tuple[str, ...]

    @property
    def elements(self) -> str:
        """Its chemical system as chemists write it: `Fe-Li-O`."""
        return "-".join(sorted(ELEMENTS[element] for element in self.system))


@dataclass(frozen=True)
class Landscape:
    """All candidates by number, and, where they are ranked by stability, their energies above the hull (rows,) and
    whatever each competes with."""

    entries: list[Entry]
    above_hull: NDArray[np.float64] | None
    competitors: list[tuple[Entry | int, ...]]
    known: list[Entry]


def entries_of(candidates: Candidates, values: NDArray[np.float64]) -> Iterator[Entry]:
    """Candidates as entries; the key is the row."""
    row = 0
    for system, counts in candidates.rows():
        shares = composition_of(system, counts).fractions.reshape(-1, len(system)).tolist()
        for atoms in shares:
            yield Entry(row, system, tuple(atoms), float(values[row]))
            row += 1


def known_entries(known: Known, elements: tuple[int, ...]) -> Iterator[Entry]:
    """Known compounds of nothing but these elements, two at least; the key is -1 - row."""
    composition = known.composition
    ends = np.cumsum(composition.counts, dtype=np.int64)
    others = np.concatenate([[0], np.cumsum(~np.isin(composition.columns, elements))])
    inside = (others[ends] == others[ends - composition.counts]) & (composition.counts >= 2)
    for row in np.flatnonzero(inside):
        place = slice(ends[row] - composition.counts[row], ends[row])
        system, shares = composition.columns[place].tolist(), composition.fractions[place].tolist()
        yield Entry(-1 - int(row), tuple(system), tuple(shares), float(known.values[row]))


def landscape(
    candidates: Candidates, values: NDArray[np.float64], known: Known, elements: tuple[int, ...], advance: Advance
) -> Landscape:
    """The stability of every candidate; `advance` counts candidates."""
    entries, others, hull = list(entries_of(candidates, values)), list(known_entries(known, elements)), Hull()
    for entry in (*entries, *others):
        hull.add(entry)
    above = np.zeros(len(entries))
    competitors: list[tuple[Entry | int, ...]] = [()] * len(entries)
    for system, counts in candidates.rows():
        for entry, stability in hull.of(system):
            if entry.key >= 0:
                above[entry.key], competitors[entry.key] = stability.above_hull, stability.competitors
        advance(len(counts))
    return Landscape(entries, above, competitors, others)


def without_hull(
    candidates: Candidates, values: NDArray[np.float64], known: Known, elements: tuple[int, ...]
) -> Landscape:
    """What `landscape` gives, for a property that makes no hull."""
    return Landscape(list(entries_of(candidates, values)), None, [], list(known_entries(known, elements)))


def rank(candidates: Candidates, answers: Predictions, found: Landscape, ranking: str, keep: int) -> list[Ranked]:
    """The first `keep` candidates; of two alike the one of the surer value first."""
    by = found.above_hull if ranking == STABILITY else -answers.value if ranking == HIGHEST else answers.value
    assert by is not None
    atoms = [tuple(row) for _, counts in candidates.rows() for row in counts.tolist()]
    order = np.lexsort((answers.uncertainty, by))[:keep]
    return [_ranked(int(row), atoms, answers, found) for row in order]


def reduced(entry: Entry) -> str:
    """An entry's formula in the smallest whole numbers, however the table wrote it."""
    shares = {ELEMENTS[e]: share for e, share in zip(entry.system, entry.shares, strict=True)}
    return str(Composition(shares).get_integer_formula_and_factor(MOST_ATOMS_OF_A_KNOWN)[0])


def _ranked(row: int, atoms: list[tuple[int, ...]], answers: Predictions, found: Landscape) -> Ranked:
    entry = found.entries[row]

    def name(competitor: Entry | int) -> str:
        if isinstance(competitor, int):
            return ELEMENTS[competitor]
        if competitor.key < 0:
            return reduced(competitor)
        return f"{formula_of(competitor.system, atoms[competitor.key])}*"

    return Ranked(
        formula=formula_of(entry.system, atoms[row]),
        system=entry.system,
        shares=entry.shares,
        value=float(answers.value[row]),
        lower=float(answers.lower[row]),
        upper=float(answers.upper[row]),
        uncertainty=float(answers.uncertainty[row]),
        warning=answers.warning[row],
        above_hull=None if found.above_hull is None else float(found.above_hull[row]),
        competitors=tuple(map(name, found.competitors[row])) if found.competitors else (),
    )
