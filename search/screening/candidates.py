"""The compositions to look at, and what the model says of them: one chemical system after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray
from pymatgen.core.composition import Composition

from search.data import ELEMENTS, Featurised
from search.errors import UserError
from search.inference.known import Known
from search.inference.predictor import Predictions, Predictor
from search.screening.enumeration import Counts, Scope, composition_of, reduced_counts
from search.screening.hull import System
from search.screening.oxidation import Rule

MOST_FORMULAS = 10_000_000
"""Formulas to enumerate at most: seconds for a million."""

MOST_CANDIDATES = 300_000
"""Compositions to predict at most: all are in memory at once, and a hull takes milliseconds for each."""

ROWS_AT_ONCE = 16_384

Advance = Callable[[int], object]
"""Told how much more is done."""


@dataclass(frozen=True)
class Candidates:
    """Compositions by chemical system, each with its formulas' atoms; and how many others were left out as known."""

    systems: dict[System, Counts]
    known: int

    def __len__(self) -> int:
        return sum(map(len, self.systems.values()))

    def rows(self) -> Iterator[tuple[System, Counts]]:
        """Each system and its formulas' atoms, in the order of all that is told of them row by row."""
        yield from self.systems.items()


def check_scope(scope: Scope) -> None:
    """Raises UserError for an enumeration that would not end, before it begins."""
    if scope.formulas > MOST_FORMULAS:
        raise UserError(
            f"these are {scope.formulas:,} formulas of {scope.max_atoms} atoms from {len(scope.elements)} elements, "
            f"more than the {MOST_FORMULAS:,} that are looked at: lower max_atoms= or max_elements=, or name fewer "
            "elements."
        )


def enumerate_candidates(scope: Scope, rule: Rule, known: Known, advance: Advance) -> Candidates:
    """All compositions of a scope that the rule takes and that are not known; `advance` counts formulas."""
    systems: dict[System, Counts] = {}
    found = left_out = 0
    for system in scope.systems():
        counts = reduced_counts(len(system), scope.max_atoms)
        taken = counts[rule(system, counts)]
        if len(taken):
            new = taken[~known.holds(composition_of(system, taken))]
            left_out += len(taken) - len(new)
            found += len(new)
            systems[system] = new
        if found > MOST_CANDIDATES:
            raise UserError(
                f"more than {MOST_CANDIDATES:,} compositions meet the rules: lower max_atoms= or max_elements=, or "
                "name fewer elements."
            )
        advance(comb(scope.max_atoms, len(system)))
    return Candidates({system: counts for system, counts in systems.items() if len(counts)}, left_out)


def predict_candidates(candidates: Candidates, predictor: Predictor, advance: Advance) -> Predictions:
    """Predictions of all candidates, a row each in their order; `advance` counts rows."""
    answers = []
    for x in _parts(candidates):
        answers.append(predictor.predict_fractions(x))
        advance(len(x))
    return predictor.joined(answers)


def _parts(candidates: Candidates) -> Iterator[NDArray[np.float32]]:
    """Fractions (rows, 86) of all candidates in order, ROWS_AT_ONCE at a time."""
    waiting: list[Featurised] = []
    rows = 0
    for system, counts in candidates.rows():
        for first in range(0, len(counts), ROWS_AT_ONCE):
            part = composition_of(system, counts[first : first + ROWS_AT_ONCE])
            waiting.append(part)
            rows += len(part.counts)
            if rows >= ROWS_AT_ONCE:
                yield np.concatenate([part.x for part in waiting])
                waiting, rows = [], 0
    if waiting:
        yield np.concatenate([part.x for part in waiting])


def formula_of(system: System, atoms: tuple[int, ...]) -> str:
    """A formula as chemists write it: the least electronegative element first, as pymatgen orders them."""
    return str(Composition(dict(zip((ELEMENTS[e] for e in system), map(int, atoms), strict=True))).reduced_formula)
