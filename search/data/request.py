"""What a user asks for: a data set, a property, and how to clean and split it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from search.data.catalog import CSV, DATASETS, nearest
from search.errors import UserError

DEFAULT_OUTLIERS = 5.0
MINIMUM_ROWS = 3


@dataclass(frozen=True)
class DataRequest:
    """A table to load, and the rules to load it by.

    dataset: "jarvis", "mp", "oqmd", or "csv" for a table of one's own.
    property: the target of a built-in data set (see `catalog.DATASETS`); unused for csv.
    path, target, formula_column: csv only; the file, its target column, its column of formulas (found by name
        if None).
    data_dir: a folder laid out as <dataset>/<property>.csv; if None, the environment variable BRANCHSEARCH_DATA.
    rows: keep at most so many compositions, drawn at random after cleaning and before splitting; None keeps all.
    outliers: how many times a table's own spread a value may lie from its median before it is rejected
        (see `outliers.outlier_limits`); 0 rejects none.
    split_seed: the split's seed; 1234567 is the paper's.
    """

    dataset: str
    property: str = "formation_energy"
    path: str | None = None
    target: str | None = None
    formula_column: str | None = None
    data_dir: str | None = None
    rows: int | None = None
    outliers: float = DEFAULT_OUTLIERS
    split_seed: int = 1234567

    def check(self) -> None:
        """Raises UserError for what no table could satisfy, before any file is touched."""
        if self.dataset != CSV and self.dataset not in DATASETS:
            raise UserError(f"dataset={self.dataset} is unknown: {nearest(self.dataset, [*DATASETS, CSV])}.")
        if self.dataset == CSV:
            if not self.path:
                raise UserError("dataset=csv needs the table's file: add path=my.csv.")
            if not self.target:
                raise UserError(f"dataset=csv needs the column to predict in {self.path}: add target=<column>.")
        elif any(value is not None for value in (self.path, self.target, self.formula_column)):
            raise UserError(
                f"path=, target= and formula_column= belong to dataset=csv, not to dataset={self.dataset}: "
                "write dataset=csv, or choose the target with property=."
            )
        if not math.isfinite(self.outliers) or self.outliers < 0:
            raise UserError(f"outliers={self.outliers} must be a number of 0 (none rejected) or more.")
        if self.rows is not None and self.rows < MINIMUM_ROWS:
            raise UserError(
                f"rows={self.rows} is too few: train, validation and test need one each, {MINIMUM_ROWS} at least."
            )
