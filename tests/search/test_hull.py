"""Distances to the convex hull against pymatgen's phase diagrams."""

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core.composition import Composition

from search.data import ELEMENTS
from search.screening.enumeration import Scope, reduced_counts
from search.screening.hull import Entry, Hull

SYSTEM = tuple(sorted(ELEMENTS.index(symbol) for symbol in ("Li", "Fe", "O")))


def entries_with_energies() -> list[Entry]:
    """Every formula of up to six atoms, with made-up energies on both sides of 0; a key is a place in this list."""
    draw, entries = np.random.default_rng(0), list[Entry]()
    for system in Scope(SYSTEM, 6).systems():
        for counts in reduced_counts(len(system), 6):
            shares = tuple(float(share) for share in counts / counts.sum())
            entries.append(Entry(len(entries), system, shares, float(0.5 - 4 * min(shares) * draw.random())))
    return entries


def composition(entry: Entry) -> Composition:
    return Composition({ELEMENTS[e]: share for e, share in zip(entry.system, entry.shares, strict=True)})


@pytest.mark.filterwarnings("ignore:There are")  # competing entries, pymatgen says, that make it slow
def test_energies_and_products_are_those_of_pymatgen() -> None:
    entries, hull = entries_with_energies(), Hull()
    for entry in entries:
        hull.add(entry)
    found = {entry.key: stability for system in Scope(SYSTEM, 6).systems() for entry, stability in hull.of(system)}
    assert sorted(found) == list(range(len(entries)))
    theirs = [PDEntry(composition(entry), entry.energy, str(entry.key)) for entry in entries]
    diagram = PhaseDiagram([*theirs, *(PDEntry(Composition(ELEMENTS[e]), 0, ELEMENTS[e]) for e in SYSTEM)])
    signs = set()
    for key, stability in found.items():
        expected = diagram.get_phase_separation_energy(theirs[key], stable_only=False, space_limit=0)
        assert stability.above_hull == pytest.approx(expected, abs=1e-6)
        signs.add(np.sign(stability.above_hull))
        if stability.above_hull > 0:
            phases = {
                phase.name
                for phase in diagram.get_decomposition(composition(entries[key]))
                if isinstance(phase, PDEntry)
            }
            assert phases == {str(c.key) if isinstance(c, Entry) else ELEMENTS[c] for c in stability.competitors}
    assert signs == {-1.0, 1.0}


def test_a_compound_above_the_elements_decomposes_into_them() -> None:
    hull = Hull()
    hull.add(Entry(0, SYSTEM[:2], (0.5, 0.5), 0.25))
    ((_, stability),) = hull.of(SYSTEM[:2])
    assert stability.above_hull == pytest.approx(0.25)
    assert set(stability.competitors) == set(SYSTEM[:2])
