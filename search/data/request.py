"""What a user asks for: a data set, a property, and how to clean and split it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from search.data.catalog import CSV, DATASETS, nearest
from search.data.families import FAMILIES
from search.errors import UserError

DEFAULT_OUTLIERS = 5.0
MINIMUM_ROWS = 3
TASKS = ("regression", "classification")


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
    task: csv only; "classification" takes the target's values, numbers or words, as classes.
    floor: csv only; the least value that the target can have, None if there is none.
    hold_out: a family of compositions (see `families.FAMILIES`) that is no part of train and validation; it is the
        test set, unless test_table gives another.
    test_table: a file whose compositions are the test set, in place of a tenth of the table's. It has the target in a
        column of the same name, and none of its compositions stays in train and validation.
    validation_table: a file whose compositions are the validation set, beside a test_table; none of them is trained on.
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
    task: str = "regression"
    floor: float | None = None
    hold_out: str | None = None
    test_table: str | None = None
    validation_table: str | None = None

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
        if self.dataset != CSV and (self.task != TASKS[0] or self.floor is not None):
            raise UserError(f"task= and floor= belong to dataset=csv: dataset={self.dataset} knows its properties'.")
        if self.task not in TASKS:
            raise UserError(f"task={self.task} is unknown: {nearest(self.task, TASKS)}.")
        if self.task != TASKS[0] and self.floor is not None:
            raise UserError("floor= is the least value of a regression's target: leave it out, or task=classification.")
        if self.hold_out is not None and self.hold_out not in FAMILIES:
            raise UserError(f"hold_out={self.hold_out} is unknown: {nearest(self.hold_out, FAMILIES)}.")
        if self.validation_table is not None and (self.test_table is None or self.hold_out is not None):
            raise UserError(
                "validation_table= goes with test_table= and without hold_out=: then all three parts are given."
            )
        if not math.isfinite(self.outliers) or self.outliers < 0:
            raise UserError(f"outliers={self.outliers} must be a number of 0 (none rejected) or more.")
        if self.rows is not None and self.rows < MINIMUM_ROWS:
            raise UserError(
                f"rows={self.rows} is too few: train, validation and test need one each, {MINIMUM_ROWS} at least."
            )
