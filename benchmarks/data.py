"""How long the three data sets take to load, cold (nothing cached) and warm, against reading every row with pymatgen.

The baseline is what a straightforward script does on every start: each formula through pymatgen's `Composition`, one
after another, into an array of 86 fractions; it neither cleans nor splits. It is measured in the same run, with --quick
on a random sample and scaled up to the table's rows. Tables come from BRANCHSEARCH_DATA, the package, or pip; what
cannot be had is left out, and said.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pymatgen.core.composition import Composition

from benchmarks.report import Row, arguments, faster, report
from search.data import ELEMENTS, DataRequest, load
from search.data.cache import CACHE_VARIABLE
from search.data.sources import find
from search.data.table import Table, read_table
from search.errors import UserError

SAMPLE = 10_000
INDEX = {symbol: index for index, symbol in enumerate(ELEMENTS)}


def main() -> None:
    """Print the comparison."""
    options = arguments(__doc__).parse_args()
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ[CACHE_VARIABLE] = folder
        for dataset in ("jarvis", "mp", "oqmd"):
            try:
                rows += measure(DataRequest(dataset), Path(folder), options.quick)
            except UserError as error:
                print(f"left out: {error}", file=sys.stderr)
    how = f"a sample of {SAMPLE:,} rows, scaled up" if options.quick else "every row"
    report(f"Loading formation energies, median wall time; baseline: pymatgen without a cache, {how}", rows, options)


def measure(request: DataRequest, cache: Path, quick: bool) -> list[Row]:
    """A row for cold and a row for warm loading."""
    table = read(request)  # a download, if it takes one, is no part of what is compared
    cold: list[float] = []
    warm: list[float] = []
    for _ in range(1 if quick else 3):
        for kept in cache.glob("*.table"):
            kept.unlink()
        cold.append(seconds(lambda: load(request)))
        warm += [seconds(lambda: load(request)) for _ in range(3)]
    plain = baseline(table, SAMPLE if quick else len(table.formulas))
    case = f"{request.dataset}, {len(table.formulas):,} rows"
    return [
        faster(f"{case}, cold", statistics.median(cold), plain),
        faster(f"{case}, warm", statistics.median(warm), plain),
    ]


def read(request: DataRequest) -> Table:
    """The table as text."""
    source = find(request)
    return read_table(source.path, source.content, source.columns)


def baseline(table: Table, sample: int) -> float:
    """Seconds for the whole table, from `sample` of its rows."""
    formulas = table.formulas
    chosen = formulas if sample >= len(formulas) else random.Random(0).sample(formulas, sample)
    return seconds(lambda: plain_fractions([str(formula) for formula in chosen])) * len(formulas) / len(chosen)


def plain_fractions(formulas: Sequence[str]) -> np.ndarray:
    """float32 (rows, 86), a row at a time."""
    x = np.zeros((len(formulas), len(ELEMENTS)), dtype=np.float32)
    for row, formula in enumerate(formulas):
        composition = Composition(formula)
        for element in composition:
            x[row, INDEX[str(element)]] = composition.get_atomic_fraction(element)
    return x


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
