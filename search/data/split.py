"""Compositions -> train, validation and test, as the paper: 81:9:10, stratified by the number of elements."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.data.hashing import shuffled
from search.data.report import CleaningReport
from search.data.request import MINIMUM_ROWS, DataRequest

# Part of every fingerprint: raise it when the same rows and seed would be dealt out otherwise.
SPLIT_VERSION = 1

TRAIN, VALIDATION, TEST = 0, 1, 2
_DRAW, _DEAL, _ORDER = 1, 2, 3


@dataclass(frozen=True, eq=False)
class Part:
    """Rows in random order: x float32 (rows, 86) elemental fractions in the order of ELEMENTS, y float32 (rows,) in
    the split's unit, formulas object (rows,) of str."""

    x: NDArray[np.float32]
    y: NDArray[np.float32]
    formulas: NDArray[np.object_]

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True, eq=False)
class Split:
    """A cleaned table in three parts, none of which shares a composition with another.

    unit: of y, "" for a user's own table. fingerprint: 16 hexadecimal digits, equal exactly where the rows, their
    values and their parts are. classes: names of the classes whose numbers y holds, none for a regression. floor: the
    least value that y can have, None if there is none.
    """

    train: Part
    validation: Part
    test: Part
    report: CleaningReport
    request: DataRequest
    target_name: str
    unit: str
    fingerprint: str
    classes: tuple[str, ...] = ()
    floor: float | None = None


def draw(hashes: NDArray[np.uint64], rows: int, seed: int) -> NDArray[np.intp]:
    """The numbers of `rows` compositions drawn at random, rising; all if there are no more."""
    return np.sort(shuffled(hashes, seed, _DRAW)[:rows])


def shuffle_to(hashes: NDArray[np.uint64], rows: int | None, seed: int) -> NDArray[np.intp]:
    """The numbers of `rows` compositions drawn at random, of all where it is None, in random order."""
    drawn = np.arange(len(hashes)) if rows is None else draw(hashes, rows, seed)
    return drawn[shuffled(hashes[drawn], seed, _ORDER)]


def deal(
    hashes: NDArray[np.uint64], strata: NDArray[np.integer], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """The row numbers of train, validation and test, each in random order; at least 3 rows, at least 1 each.

    hashes uint64 (rows,), strata (rows,). A tenth is test; a tenth of the rest validation. Every stratum gives its
    share to within a row, the fractions of a row that strata leave are carried to the next one, so that strata of
    one row and tables of three are dealt out too.
    """
    assert len(hashes) >= MINIMUM_ROWS
    return _deal(hashes, strata, seed, 10)


def deal_training(
    hashes: NDArray[np.uint64], strata: NDArray[np.integer], seed: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The row numbers of train and validation where the test set is given: as `deal`, which gives no row to it."""
    train, validation, _ = _deal(hashes, strata, seed, None)
    return train, validation


def _deal(
    hashes: NDArray[np.uint64], strata: NDArray[np.integer], seed: int, one_test_in: int | None
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    order = shuffled(hashes, seed, _DEAL)
    by_stratum = order[np.argsort(strata[order], kind="stable")]
    sizes = np.unique(strata, return_counts=True)[1].tolist()
    tests = _shares(sizes, max(1, round(sum(sizes) / one_test_in)) if one_test_in else 0)
    rests = [size - test for size, test in zip(sizes, tests, strict=True)]
    validations = _shares(rests, max(1, round(sum(rests) / 10)))
    part = np.empty(len(hashes), dtype=np.int8)
    start = 0
    for size, test, validation in zip(sizes, tests, validations, strict=True):
        labels = [TEST] * test + [VALIDATION] * validation + [TRAIN] * (size - test - validation)
        part[by_stratum[start : start + size]] = labels
        start += size
    # Another order than the one dealt by, in which a part's first rows would be those of rare strata.
    order = shuffled(hashes, seed, _ORDER)
    train, validation_rows, test_rows = (order[part[order] == label] for label in (TRAIN, VALIDATION, TEST))
    return train, validation_rows, test_rows


def _shares(sizes: list[int], wanted: int) -> list[int]:
    """How many of each stratum make up `wanted` of them all, each its proportion to within one, none over its size."""
    total, before, shares = sum(sizes), 0, []
    taken = 0
    for size in sizes:
        before += size
        until = (2 * before * wanted + total) // (2 * total)  # integers: the same rounding everywhere
        shares.append(until - taken)
        taken = until
    return shares
