"""Rows of one composition -> one row: its most stable structure, as far as the table tells which that is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search.data.report import shorten

LOWEST = "the lowest formation energy of each composition, its most stable structure's, is kept"
MAJORITY = "the most frequent class of each composition is kept, the first of those that are equally frequent"
MEDIAN = "the median of each composition is kept, as the table does not tell which structure is the most stable"

FAR_APART = 10
"""How many times as large as the lowest value of a composition its highest is where they disagree."""


def stable_rule(energy_column: str) -> str:
    """The rule for a table that has the formation energy beside the target."""
    return (
        f"the value of each composition's structure of lowest formation energy (column {energy_column}) is kept, "
        "the median where no structure of it has one"
    )


def merge(
    hashes: NDArray[np.uint64],
    y: NDArray[np.float64],
    formulas: Sequence[str],
    energies: NDArray[np.float64] | None,
    classes: bool = False,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """The kept rows' numbers, in the order of their hashes, and their values; float64 as `y`.

    hashes uint64 (rows,) tell compositions apart. energies (rows,), NaN where unknown, decide which structure of a
    composition is kept; give `y` itself where it is the formation energy. None: the median, or the most frequent value
    where `y` holds numbers of `classes`. Ties go to the lower value, then the shorter formula, so that the order of the
    rows in the file never matters.
    """
    if len(hashes) == 0:
        return np.zeros(0, dtype=np.intp), np.zeros(0)
    order, starts, sizes = _grouped(hashes)
    kept, values = order[starts], y[order[starts]]
    for group in np.flatnonzero(sizes > 1):
        rows = order[starts[group] : starts[group] + sizes[group]].tolist()
        kept[group], values[group] = _choose(rows, y, formulas, energies, classes)
    return kept, values


def disagreement(hashes: NDArray[np.uint64], y: NDArray[np.float64], formulas: Sequence[object], unit: str) -> str:
    """A sentence on the compositions whose rows disagree, and on the one that does so most; "" where none does.

    Arguments as in `merge`. Rows disagree where the highest value is at least 10 times the lowest, both of one sign:
    then they are hardly two measurements of one thing, but in two units, or mistyped.
    """
    if len(hashes) == 0:
        return ""
    order, starts, sizes = _grouped(hashes)
    size = np.abs(y[order])
    smallest, largest = np.minimum.reduceat(size, starts), np.maximum.reduceat(size, starts)
    signs = np.add.reduceat(np.sign(y[order]), starts)
    comparable = (smallest > 0) & (np.abs(signs) == sizes)
    with np.errstate(over="ignore"):
        times = np.divide(largest, smallest, out=np.zeros(len(starts)), where=comparable)
    far = int((times >= FAR_APART).sum())
    if not far:
        return ""
    widest = int(np.argmax(times))
    rows = order[starts[widest] : starts[widest] + sizes[widest]].tolist()
    formula = min((str(formulas[row]).strip() for row in rows), key=lambda name: (len(name), name))
    return (
        f"merged rows of {far:,} composition{'s' * (far > 1)} differ by a factor of {FAR_APART} or more, most widely "
        f"those of {shorten(formula)}: {y[rows].min():.4g} to {y[rows].max():.4g}{' ' + unit if unit else ''}"
    )


def _grouped(hashes: NDArray[np.uint64]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The rows in the order of their hashes, where in it each composition's begin, and how many they are."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    return order, starts, np.diff(np.append(starts, len(order)))


def _choose(
    rows: list[int],
    y: NDArray[np.float64],
    formulas: Sequence[str],
    energies: NDArray[np.float64] | None,
    classes: bool,
) -> tuple[int, float]:
    def name(row: int) -> tuple[int, str]:
        return len(formulas[row]), formulas[row]

    known = [row for row in rows if np.isfinite(energies[row])] if energies is not None else []
    if energies is not None and known:
        row = min(known, key=lambda row: (energies[row], y[row], name(row)))
        return row, float(y[row])
    if classes:
        values, counts = np.unique(y[rows], return_counts=True)
        return min(rows, key=name), float(values[np.argmax(counts)])
    return min(rows, key=name), float(np.median(y[rows]))
