"""Chemical formula -> 86 elemental fractions, the only input of the paper's networks.

The order of the elements is the paper's (Gupta et al., BRNet). Formulas are read by pymatgen; plain ones, which are
nearly all of OQMD and the Materials Project, take a shorter way that gives the same numbers (a property test compares
the two), because pymatgen alone would spend seconds on OQMD's 341,700.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.data.hydrates import as_typed, is_ambiguous, parts_of

# One text, as the paper prints them, so that the two can be compared at a glance.
_PAPER_ORDER = (
    "H Li Be B C N O F Na Mg Al Si P S Cl K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb Sr Y Zr Nb Mo "
    "Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu Hf Ta W Re Os Ir Pt "
    "Au Hg Tl Pb Bi Ac Th Pa U Np Pu"
)
ELEMENTS: tuple[str, ...] = tuple(_PAPER_ORDER.split())

EMPTY = "empty formula"
NOT_TEXT = "formula is not text"
TOO_LONG = "formula too long"
UNREADABLE = "unreadable formula"
AMBIGUOUS_FULL_STOP = (
    f"{UNREADABLE}: a full stop of two meanings, write CuSO4·5H2O and BaO·6Fe2O3 for parts, O4.500 and O0.6 for amounts"
)
NO_ATOMS = "formula without atoms"
TOO_LARGE = "amounts too large"
OUTSIDE = "element outside the 86"

# Longer text is no formula, and pymatgen's parser takes time that grows with the square of the length.
LONGEST_FORMULA = 1000

# pymatgen drops smaller amounts; so must the short way.
_SMALLEST_AMOUNT = 1e-8
_INDEX = {symbol: index for index, symbol in enumerate(ELEMENTS)}
_PLAIN = re.compile(r"(?:[A-Z][a-z]?(?:[0-9]+(?:\.[0-9]+)?)?)+")
_GROUP = re.compile(r"([A-Z][a-z]?)([0-9.]*)")
_SYMBOL = re.compile(r"[A-Z][a-z]*")
# pymatgen reads these as hydrogen; the paper's input has no place for an isotope.
_ISOTOPES = frozenset({"D", "T"})


@dataclass(frozen=True, eq=False)
class Featurised:
    """Formulas as fractions, stored sparsely: a compound has about 3 of 86 elements.

    counts: uint8 (rows,), the number of elements, 0 where the row was rejected.
    columns: uint8 (all entries,), indices into ELEMENTS, row after row, rising within a row.
    fractions: float32 (all entries,), in (0, 1], each row's sum 1.
    reasons: the rejected rows' numbers, each with the reason.
    """

    counts: NDArray[np.uint8]
    columns: NDArray[np.uint8]
    fractions: NDArray[np.float32]
    reasons: dict[int, str]

    @property
    def ok(self) -> NDArray[np.bool_]:
        """bool (rows,): which formulas could be read."""
        return self.counts > 0

    @cached_property
    def x(self) -> NDArray[np.float32]:
        """float32 (rows, 86): the fractions; a rejected row is all zeros."""
        x = np.zeros((len(self.counts), len(ELEMENTS)), dtype=np.float32)
        x[np.repeat(np.arange(len(self.counts)), self.counts), self.columns] = self.fractions
        return x

    def take(self, rows: NDArray[np.intp]) -> Featurised:
        """The given accepted rows, in the given order."""
        ends = np.cumsum(self.counts, dtype=np.int64)
        lengths = self.counts[rows].astype(np.int64)
        # Each taken row's entries lie together: its first entry's place, then one more for each further entry.
        firsts = np.repeat(ends[rows] - lengths - (np.cumsum(lengths) - lengths), lengths)
        entries = firsts + np.arange(int(lengths.sum()))
        return Featurised(self.counts[rows], self.columns[entries], self.fractions[entries], {})


def featurise(formulas: Sequence[object]) -> Featurised:
    """Reads formulas: "NaCl", "Fe0.5O0.5", "Ca(OH)2", "K4[Fe(CN)6]", "CuSO4·5H2O"; never raises for a bad one.

    What cannot be read, or holds an element outside the 86, is marked as rejected, with its reason. So is what
    has a full stop for the dot between its parts: "CuSO4.5H2O" would be read as O4.5, "BaO.6Fe2O3" as O0.6.
    """
    counts = np.zeros(len(formulas), dtype=np.uint8)
    columns: list[int] = []
    fractions: list[float] = []
    reasons: dict[int, str] = {}
    for row, formula in enumerate(formulas):
        amounts = _read(formula)
        if isinstance(amounts, str):
            reasons[row] = amounts
            continue
        total = sum(amounts.values())
        for column in sorted(amounts):
            columns.append(column)
            fractions.append(amounts[column] / total)
        counts[row] = len(amounts)
    return _without_vanishing(counts, np.array(columns, np.uint8), np.array(fractions, np.float32), reasons)


def _without_vanishing(
    counts: NDArray[np.uint8], columns: NDArray[np.uint8], fractions: NDArray[np.float32], reasons: dict[int, str]
) -> Featurised:
    """Drops fractions that are 0 in float32 ("H1e300O"): the networks cannot see such an element."""
    visible = fractions > 0
    if not visible.all():
        rows = np.repeat(np.arange(len(counts)), counts)[visible]
        counts = np.bincount(rows, minlength=len(counts)).astype(np.uint8)
        columns, fractions = columns[visible], fractions[visible]
    return Featurised(counts, columns, fractions, reasons)


def _read(formula: object) -> dict[int, float] | str:
    """The amount of each element by its index, or the reason why there is none."""
    if not isinstance(formula, str):
        return NOT_TEXT
    if len(formula) > LONGEST_FORMULA:
        return TOO_LONG
    plain = _read_plain(formula)
    amounts = _read_any(formula) if plain is None else plain
    if isinstance(amounts, str):
        return amounts
    if not amounts:
        return NO_ATOMS
    if not math.isfinite(sum(amounts.values())):
        return TOO_LARGE
    return amounts


def _read_plain(formula: str) -> dict[int, float] | None:
    """Element symbols with plain amounts, as "Fe2O3" or "Fe0.5O0.5"; None if the formula is anything else."""
    if _PLAIN.fullmatch(formula) is None:
        return None
    if "." in formula and is_ambiguous(formula):
        return None
    amounts: dict[int, float] = {}
    for symbol, amount in _GROUP.findall(formula):
        column = _INDEX.get(symbol)
        if column is None:
            return None
        amounts[column] = amounts.get(column, 0.0) + (float(amount) if amount else 1.0)
    if min(amounts.values()) < _SMALLEST_AMOUNT:
        amounts = {column: amount for column, amount in amounts.items() if amount >= _SMALLEST_AMOUNT}
    return amounts


def _read_any(formula: str) -> dict[int, float] | str:
    """Whatever else can be read: brackets, exponents, spaces, parts joined by dots."""
    text = as_typed(formula)
    if not text:
        return EMPTY
    parts = parts_of(text)
    if not parts:
        return UNREADABLE
    amounts: dict[int, float] = {}
    for times, part in parts:
        if is_ambiguous(part):
            return AMBIGUOUS_FULL_STOP
        plain = _read_plain(part)
        read = _read_by_pymatgen(part) if plain is None else plain
        if isinstance(read, str):
            return read
        for column, amount in read.items():
            amounts[column] = amounts.get(column, 0.0) + times * amount
    return {column: amount for column, amount in amounts.items() if amount >= _SMALLEST_AMOUNT}


def _read_by_pymatgen(text: str) -> dict[int, float] | str:
    """One part of a formula, with all that pymatgen can read."""
    # Here and not at the top: pymatgen takes most of a second to import, and a cached table needs none of it.
    from pymatgen.core.composition import Composition  # noqa: PLC0415
    from pymatgen.core.periodic_table import Element  # noqa: PLC0415

    isotopes = _ISOTOPES.intersection(_SYMBOL.findall(text))
    if isotopes:
        return f"{OUTSIDE}: {min(isotopes)}"
    try:
        composition = Composition(text)
    except Exception:
        # Whatever another's parser raises, the formula could not be read.
        return UNREADABLE
    amounts: dict[int, float] = {}
    for species, amount in composition.items():
        # pymatgen makes a dummy species of symbols that name no element ("Xx").
        if not isinstance(species, Element):
            return UNREADABLE
        column = _INDEX.get(species.symbol)
        if column is None:
            return f"{OUTSIDE}: {species.symbol}"
        amounts[column] = float(amount)
    return amounts
