"""Screenings with the model of the shelf, or with made-up values, and what they hold in other words."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
from pymatgen.analysis.phase_diagram import PDEntry
from pymatgen.core.composition import Composition
from rich.console import Console
from shelf import Shelf

from search.arguments import read_arguments
from search.data import ELEMENTS
from search.screen import SETTINGS, order_of
from search.screening.candidates import formula_of
from search.screening.enumeration import Scope
from search.screening.outcome import Screening
from search.screening.ranking import landscape
from search.screening.screening import run


def screened(shelf: Shelf, *words: str) -> Screening:
    values, _ = read_arguments(["model=small", f"tracking.uri={shelf.uri}", *words], SETTINGS)
    order = order_of(values)
    scope = Scope(
        tuple(sorted(map(ELEMENTS.index, order.elements))), order.max_atoms, order.min_elements, order.max_elements
    )
    return run(order, scope, Console(file=StringIO()))


def with_values(screening: Screening, values: np.ndarray) -> Screening:
    """As if the model had said this of the candidates."""
    found = landscape(screening.candidates, values, screening.known, screening.scope.elements, lambda done: None)
    return replace(screening, answers=replace(screening.answers, value=values), landscape=found)


def names_of(screening: Screening) -> list[str]:
    """The candidates' formulas in their order."""
    return [formula_of(system, tuple(row)) for system, counts in screening.candidates.rows() for row in counts.tolist()]


def known_of(screening: Screening) -> dict[str, float]:
    """The table's compounds of the elements by reduced formula."""
    elements, known = set(screening.order.elements), screening.known
    compositions = [Composition(formula) for formula in known.formulas]
    return {
        composition.reduced_formula: float(value)
        for composition, value in zip(compositions, known.values, strict=True)
        if len(composition) > 1 and {str(element) for element in composition} <= elements
    }


def entry_of(formula: str, energy_of_an_atom: float) -> PDEntry:
    """As pymatgen wants it, with the energy of a formula unit."""
    composition = Composition(formula)
    return PDEntry(composition, energy_of_an_atom * composition.num_atoms, formula)
