"""How far formation energies lie apart for one composition: between two databases, and between its structures in one.

A network that sees the composition alone cannot tell which structure a table holds, nor by which functional it was
computed. Neither figure is a bound for it, but both say what size of error is the table's and not the network's.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import Row, arguments, report
from search.data import DataRequest, Split, featurise, load
from search.data.hashing import composition_hashes
from search.data.sources import find
from search.data.table import read_table
from search.errors import UserError

PROPERTY = "formation_energy"
OTHERS = ("oqmd", "mp")
FIT_ROUNDS = 30
SMALLEST_RESIDUAL = 1e-3


def energies(split: Split) -> dict[int, float]:
    """Composition's hash -> eV/atom of its most stable structure in the table."""
    parts = (split.train, split.validation, split.test)
    formulas = [str(formula) for part in parts for formula in part.formulas]
    values = np.concatenate([part.y for part in parts]).tolist()
    return dict(zip(composition_hashes(featurise(formulas)).tolist(), values, strict=True))


def between(one: dict[int, float], other: dict[int, float]) -> NDArray[np.float64]:
    """What is left of the difference once the line of least absolute differences is taken off.

    The line takes the functionals' systematic differences with it.
    """
    common = [composition for composition in one if composition in other]
    y, x = (np.array([table[composition] for composition in common]) for table in (one, other))
    terms, weights = np.stack([x, np.ones_like(x)], axis=1), np.ones_like(y)
    line = np.zeros(2)
    for _ in range(FIT_ROUNDS):  # least absolute differences, by least squares with weights
        root = np.sqrt(weights)
        line = np.linalg.lstsq(terms * root[:, None], y * root, rcond=None)[0]
        weights = 1 / np.maximum(np.abs(y - terms @ line), SMALLEST_RESIDUAL)
    residuals: NDArray[np.float64] = np.abs(y - terms @ line)
    return residuals


def above_the_lowest(request: DataRequest, lowest: dict[int, float]) -> NDArray[np.float64]:
    """Of compositions with several structures in the table: how far the others lie above the most stable one."""
    source = find(request)
    table = read_table(source.path, source.content, source.columns)
    hashes = composition_hashes(featurise(table.formulas)).tolist()
    values = [float(str(value)) for value in table.values]
    count = Counter(hashes)
    above = [
        value - lowest[composition]
        for composition, value in zip(hashes, values, strict=True)
        if count[composition] > 1 and composition in lowest
    ]
    return np.array([difference for difference in above if difference > 0])


def rows_of(what: str, differences: NDArray[np.float64]) -> list[Row]:
    ordered = np.sort(differences)
    worst = ordered[-max(1, len(ordered) // 10) :]
    found = {"mean": ordered.mean(), "median": np.median(ordered)}
    rows = [Row(f"{what}: {name}", float(value), None, None, "eV/atom") for name, value in found.items()]
    share = float(worst.sum() / ordered.sum())
    return [*rows, Row(f"{what}: part of the worst tenth of {len(ordered):,}", share, None, None, "")]


def main() -> None:
    options = arguments(__doc__).parse_args()
    request = DataRequest("jarvis", PROPERTY)
    try:
        ours = energies(load(request))
    except UserError as error:
        sys.exit(f"benchmarks.databases: {error}")
    rows = rows_of("structures of one composition in jarvis", above_the_lowest(request, ours))
    for name in OTHERS[-1:] if options.quick else OTHERS:
        rows += rows_of(
            f"jarvis and {name}, line taken off", between(ours, energies(load(DataRequest(name, PROPERTY))))
        )
    report("formation energies of one composition", rows, options)


if __name__ == "__main__":
    main()
