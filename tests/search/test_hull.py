"""Distances to the convex hull against pymatgen's phase diagrams."""

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core.composition import Composition

from search.data import ELEMENTS
from search.screening.enumeration import Scope, composition_of, reduced_counts
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


def test_the_largest_share_of_what_it_competes_with_comes_first() -> None:
    for shares, order in (((0.25, 0.75), (1, 0)), ((0.75, 0.25), (0, 1))):
        hull = Hull()
        hull.add(Entry(0, SYSTEM[:2], shares, 0.25))
        ((_, stability),) = hull.of(SYSTEM[:2])
        assert stability.competitors == tuple(SYSTEM[place] for place in order)


def test_of_two_alike_neither_is_above_the_hull_and_both_are_carried_on() -> None:
    hull = Hull()
    for key in (0, 1):
        hull.add(Entry(key, SYSTEM[:2], (0.5, 0.5), -1.0))
    hull.add(Entry(2, SYSTEM, (0.25, 0.25, 0.5), -0.1))
    ((_, stability),) = hull.of(SYSTEM)
    assert stability.above_hull == pytest.approx(0.4)
    assert [stability.above_hull for _, stability in hull.of(SYSTEM[:2])] == [0, 0]


def test_rounding_puts_nothing_above_the_hull() -> None:
    """Mixtures of one compound and an element, each with the energy of the mixture."""
    hull = Hull()
    shares = [float(share) for share in np.arange(1, 50) / 99]
    for key, share in enumerate(shares):
        hull.add(Entry(key, SYSTEM[:2], (share, 1 - share), -2.3 * share))
    found = [stability.above_hull for _, stability in hull.of(SYSTEM[:2])]
    assert found[-1] < 0, "the compound itself"
    assert found[:-1] == [0] * 48


def test_rounded_shares_name_no_further_product() -> None:
    """Iron and one oxide make each of these, and their shares in float32 lie beside the line between the two."""
    hull, oxides = Hull(), [(2, 3), (1, 1), (2, 1), (1, 2)]
    system = tuple(ELEMENTS.index(symbol) for symbol in ("Li", "O", "Fe"))

    def add(key: int, elements: tuple[int, ...], atoms: tuple[int, ...], energy: float) -> None:
        shares = composition_of(elements, np.array([atoms], dtype=np.uint8)).fractions.tolist()
        hull.add(Entry(key, elements, tuple(shares), energy))

    for key, (lithium, oxygen) in enumerate(oxides):
        add(key, system[:2], (lithium, oxygen), -2.0 + 4 * (lithium / (lithium + oxygen) - 0.5) ** 2)
    for key, iron in enumerate(range(1, 20), start=len(oxides)):
        for place, (lithium, oxygen) in enumerate(oxides):
            add(key + 100 * place, system, (lithium, oxygen, iron), 0.1)
    for entry, stability in hull.of(system):
        named = [c.key if isinstance(c, Entry) else ELEMENTS[c] for c in stability.competitors]
        assert sorted(map(str, named)) == sorted(["Fe", str(entry.key // 100)])
