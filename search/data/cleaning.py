"""A table as found -> one believable row per composition.

In this order: unreadable formulas and values go, then outliers, then rows of one composition are merged. Outliers go
before merging, so that a wrong -198.7 eV/atom cannot be a composition's "most stable structure".
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from search.data.commas import MINUS_SIGNS
from search.data.composition import ELEMENTS, Featurised, featurise
from search.data.hashing import composition_hashes
from search.data.labels import alike, class_names, class_order
from search.data.merging import LOWEST, MAJORITY, MEDIAN, disagreement, merge, stable_rule
from search.data.outliers import describe_limits, outlier_limits
from search.data.report import CleaningReport, Example, shorten
from search.data.table import Table

# Part of every cache key: raise it when the same file would give other rows.
RULES_VERSION = 5

WRONG_WIDTH = "wrong number of columns"
MISSING = "no value"
NOT_A_NUMBER = "value is no number"
NOT_FINITE = "value not finite"
OUTLIER = "outlier"
BELOW_FLOOR = "below the least value that the target can have"
NO_OUTLIERS_OF_CLASSES = "outliers: classes have none"

_EXAMPLES = 4
_MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "none", "null", "-", "#n/a", "<na>"})
_MINUS = str.maketrans(dict.fromkeys(MINUS_SIGNS, "-"))
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, eq=False)
class Cleaned:
    """One row per composition, in the order of the compositions' hashes, whatever the file's order.

    hashes: uint64 (rows,), one a composition. y: float32 (rows,), in the target's unit. formulas: as written in the
    kept row.
    """

    composition: Featurised
    hashes: NDArray[np.uint64]
    y: NDArray[np.float32]
    formulas: list[str]
    report: CleaningReport


@dataclass
class _Rejections:
    """Rejected rows counted by reason, with the first few of each."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[Example]] = field(default_factory=dict)

    def add(self, reason: str, formula: object, value: object, line: int) -> None:
        self.counts[reason] = self.counts.get(reason, 0) + 1
        examples = self.examples.setdefault(reason, [])
        if len(examples) < _EXAMPLES:
            examples.append(Example(shorten(formula), shorten(value), line))


def clean(
    table: Table,
    source: str,
    unit: str,
    outliers: float,
    plausible: tuple[float, float] | None = None,
    floor: float | None = None,
    classify: bool = False,
) -> Cleaned:
    """Rejects, merges and reports; `outliers` and `plausible` as in `outlier_limits`, `source` a phrase for people.

    Values below `floor` are rejected. With `classify` the values are names of classes, and y their numbers in sorted
    order.
    A table of which nothing is left gives no rows; whoever needs some decides what to say.
    """
    rejections = _Rejections()
    for line, text in table.malformed:
        rejections.add(WRONG_WIDTH, text, "", line)
    composition = featurise(table.formulas)
    y, value_reasons, classes = _class_numbers(table.values) if classify else (*_numbers(table.values), ())
    limits = None if classify else outlier_limits(y[composition.ok & np.isfinite(y)], outliers, plausible)
    reasons = value_reasons | composition.reasons | _out_of_range(y, composition.ok, floor, limits)
    # The farthest outliers first: they are the ones to be shown as examples.
    for row in sorted(reasons, key=lambda row: (-abs(y[row]) if reasons[row] == OUTLIER else 0.0, row)):
        rejections.add(reasons[row], table.formulas[row], table.values[row], table.lines[row])
    good = np.ones(len(y), dtype=np.bool_)
    good[list(reasons)] = False
    hashes = composition_hashes(composition)
    rows, values = _one_per_composition(table, hashes, y, good, classify)
    rule = _merge_rule(table, classify)
    disagreeing = _disagreement(table, hashes, y, good, unit) if rule == MEDIAN else ""
    report = CleaningReport(
        source=source,
        target=table.target,
        unit=unit,
        rows_in=len(y) + len(table.malformed),
        rows_kept=len(rows),
        merged=int(good.sum()) - len(rows),
        merge_rule=rule,
        outlier_rule=NO_OUTLIERS_OF_CLASSES if classify else describe_limits(limits, outliers, unit),
        rejected=rejections.counts,
        examples={reason: tuple(examples) for reason, examples in rejections.examples.items()},
        classes=classes,
        notes=tuple(filter(None, (*table.notes, alike(classes), disagreeing))),
    )
    kept = composition.take(rows)
    formulas = [str(table.formulas[row]).strip() for row in rows.tolist()]
    return Cleaned(kept, hashes[rows], values.astype(np.float32), formulas, report)


def _out_of_range(
    y: NDArray[np.float64], ok: NDArray[np.bool_], floor: float | None, limits: tuple[float, float] | None
) -> dict[int, str]:
    """Why rows with a composition are rejected whose value is below `floor`, or outside the limits of outliers."""
    reasons: dict[int, str] = {}
    if floor is not None:
        reasons |= dict.fromkeys(np.flatnonzero(ok & (y < floor)).tolist(), BELOW_FLOOR)
    if limits is not None:
        believed = (y >= limits[0]) & (y <= limits[1])
        outside = ok & np.isfinite(y) & ~believed & (True if floor is None else y >= floor)
        reasons |= dict.fromkeys(np.flatnonzero(outside).tolist(), OUTLIER)
    return reasons


def elements_of(composition: Featurised) -> tuple[str, ...]:
    """The elements that occur, in the order of ELEMENTS."""
    return tuple(ELEMENTS[column] for column in np.unique(composition.columns).tolist())


def _one_per_composition(
    table: Table, hashes: NDArray[np.uint64], y: NDArray[np.float64], good: NDArray[np.bool_], classify: bool
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The kept rows' numbers in the table, and their values."""
    rows = np.flatnonzero(good)
    energies = None
    if table.target_is_energy:
        energies = y[rows]
    elif table.energies is not None:
        energies = _numbers(table.energies)[0][rows]
    kept, values = merge(hashes[rows], y[rows], [str(table.formulas[row]) for row in rows.tolist()], energies, classify)
    return rows[kept], values


def _disagreement(
    table: Table, hashes: NDArray[np.uint64], y: NDArray[np.float64], good: NDArray[np.bool_], unit: str
) -> str:
    """What the rows of one composition disagree on, where their median is kept."""
    rows = np.flatnonzero(good)
    return disagreement(hashes[rows], y[rows], [table.formulas[row] for row in rows.tolist()], unit)


def _merge_rule(table: Table, classify: bool) -> str:
    if table.target_is_energy:
        return LOWEST
    return stable_rule(table.energy_column) if table.energy_column is not None else MAJORITY if classify else MEDIAN


def _numbers(cells: Sequence[object]) -> tuple[NDArray[np.float64], dict[int, str]]:
    """float64 (rows,), NaN where a cell holds no finite float32, and those rows' reasons."""
    numbers = np.full(len(cells), np.nan)
    reasons: dict[int, str] = {}
    for row, cell in enumerate(cells):
        if cell is None or (isinstance(cell, str) and cell.strip().casefold() in _MISSING_WORDS):
            reasons[row] = MISSING
            continue
        try:
            number = _number(cell)
        except (ValueError, TypeError, OverflowError):
            reasons[row] = NOT_A_NUMBER
            continue
        if math.isnan(number):
            reasons[row] = MISSING
        elif abs(number) > _LARGEST:
            reasons[row] = NOT_FINITE
        else:
            numbers[row] = number
    return numbers, reasons


def _number(cell: object) -> float:
    """As `float` reads it, but for all minus signs, which are one, and for 1_000, which is a label and no number.

    Raises ValueError, TypeError or OverflowError for what is none.
    """
    if isinstance(cell, str):
        if "_" in cell:
            raise ValueError(cell)
        return float(cell.translate(_MINUS))
    return float(cell)  # type: ignore[arg-type]


def _class_numbers(cells: Sequence[object]) -> tuple[NDArray[np.float64], dict[int, str], tuple[str, ...]]:
    """Class numbers (rows,), NaN where a cell is empty, those rows' reasons, and the classes' names in order."""
    names = class_names(cells)
    reasons = {row: MISSING for row, name in enumerate(names) if name is None}
    classes = sorted({name for name in names if name is not None}, key=class_order)
    numbers = {name: float(number) for number, name in enumerate(classes)}
    y = np.array([np.nan if name is None else numbers[name] for name in names])
    return y, reasons, tuple(classes)
