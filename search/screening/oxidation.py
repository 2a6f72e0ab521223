"""Which formulas can be compounds: charges that add up to 0, and cations less electronegative than anions.

The oxidation states are pymatgen's; the two tests are those of charge neutrality and of Pauling's electronegativity
(Davies et al., Chem 1, 617, 2016). Every atom of an element has the same state, unless mixed valence is allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.periodic_table import Element

from search.data import ELEMENTS
from search.screening.enumeration import Counts

Rule = Callable[[Sequence[int], Counts], NDArray[np.bool_]]
"""(the numbers of a system's elements, formulas) -> bool (formulas,): which of them to look at."""


def rule_of(rules: str, mixed_valence: bool) -> Rule:
    """The rule by its name: `charge`, or `none` for all formulas, metals' among them."""
    if rules == "none":
        return lambda system, counts: np.ones(len(counts), dtype=bool)
    return lambda system, counts: balanced(system, counts, mixed_valence)


@cache
def states_of(element: int) -> tuple[int, ...]:
    """The common oxidation states of ELEMENTS[element], rising, without 0, which is that of a metal."""
    return tuple(sorted(state for state in Element(ELEMENTS[element]).common_oxidation_states if state))


@cache
def electronegativity_of(element: int) -> float:
    """Pauling's."""
    return float(Element(ELEMENTS[element]).X)


def assignments(system: Sequence[int]) -> Iterator[tuple[int, ...]]:
    """One state for each element of a system such that every cation is less electronegative than every anion."""
    pauling = [electronegativity_of(element) for element in system]
    for states in product(*map(states_of, system)):
        cations = [x for x, state in zip(pauling, states, strict=True) if state > 0]
        anions = [x for x, state in zip(pauling, states, strict=True) if state < 0]
        if cations and anions and max(cations) < min(anions):
            yield states


def balanced(system: Sequence[int], counts: Counts, mixed_valence: bool = False) -> NDArray[np.bool_]:
    """Which formulas of a system some assignment makes neutral.

    With `mixed_valence` one element may have two neighbouring states of one sign side by side, as iron in Fe3O4.
    """
    atoms, chosen = counts.astype(np.int64), np.zeros(len(counts), dtype=bool)
    for states in assignments(system):
        charges = atoms @ np.array(states)
        chosen |= charges == 0
        if mixed_valence:
            for place, (element, state) in enumerate(zip(system, states, strict=True)):
                step = _step_up(element, state)
                if step:
                    # Each atom in the higher state adds `step`: at least one, and not all of them.
                    raised, rest = np.divmod(-charges, step)
                    chosen |= (rest == 0) & (raised > 0) & (raised < atoms[:, place])
    return chosen


def _step_up(element: int, state: int) -> int:
    """From a state of an element to its next higher one, 0 where there is none of the same sign."""
    higher = [other for other in states_of(element) if other > state and other * state > 0]
    return min(higher) - state if higher else 0
