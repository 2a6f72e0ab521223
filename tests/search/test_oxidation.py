"""Which formulas the rule takes, against states tried atom by atom."""

from itertools import pairwise, product

import pytest
from pymatgen.core.periodic_table import Element

from search.data import ELEMENTS
from search.screening.enumeration import reduced_counts
from search.screening.oxidation import balanced


def charges_by_hand(symbols: list[str], atoms: list[int], mixed_valence: bool) -> set[int]:
    """The charges of a formula for all states of its elements in which each cation is less electronegative than each
    anion; the atoms of one element may be in two neighbouring states of one sign."""
    common = [[state for state in Element(symbol).common_oxidation_states if state] for symbol in symbols]
    found = set()
    for states in product(*common):
        signs = [(Element(symbol).X, state > 0) for symbol, state in zip(symbols, states, strict=True)]
        cations, anions = ([x for x, is_cation in signs if is_cation is wanted] for wanted in (True, False))
        if not cations or not anions or any(cation >= anion for cation in cations for anion in anions):
            continue
        charge = sum(state * count for state, count in zip(states, atoms, strict=True))
        found.add(charge)
        if mixed_valence:
            for place, of_element in enumerate(common):
                for low, high in pairwise(sorted(of_element)):
                    if low == states[place] and low * high > 0:
                        found |= {charge + raised * (high - low) for raised in range(1, atoms[place])}
    return found


@pytest.mark.parametrize("mixed_valence", [False, True])
@pytest.mark.parametrize("text", ["Li Mn O", "Li O Cl", "Li P S", "H Li N", "C O Se", "H Pd", "Mn O"])
def test_the_rule_takes_what_is_neutral_by_hand(text: str, mixed_valence: bool) -> None:
    symbols = sorted(text.split(), key=ELEMENTS.index)
    counts = reduced_counts(len(symbols), 8)
    taken = balanced([ELEMENTS.index(symbol) for symbol in symbols], counts, mixed_valence)
    for row, is_taken in zip(counts.tolist(), taken, strict=True):
        assert is_taken == (0 in charges_by_hand(symbols, row, mixed_valence)), (symbols, row)
